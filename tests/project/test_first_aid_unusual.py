"""What `python -m helpers` says where little is as usual: settings, imports, other systems."""

import contextlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch

from every_notebook.series import ROOT
from helpers import __main__ as first_aid

needs_posix = pytest.mark.skipif(os.name == "nt", reason="commands are typed otherwise there")
Finding = first_aid.Finding
PIP = f"{shlex.quote(sys.executable)} -m pip install"


# --- Python ---


@needs_posix
@pytest.mark.parametrize(
    ("warned", "optimize", "more", "variable"),
    [
        ("default", 0, "", ""),
        ("", 1, "", ""),
        (
            "error",
            0,
            "; PYTHONWARNINGS makes an error of each warning, and PyTorch's packages warn",
            "PYTHONWARNINGS",
        ),
        (
            "",
            2,
            "; PYTHONOPTIMIZE=2, or -OO, drops docstrings, and JupyterLab reads its own",
            "PYTHONOPTIMIZE",
        ),
        (
            "ignore,error::UserWarning",
            2,
            "; PYTHONWARNINGS makes an error of each warning, and PyTorch's packages warn",
            "PYTHONWARNINGS",
        ),
    ],
)
def test_a_setting_of_python_that_ends_a_notebook_is_a_fault(
    monkeypatch, warned, optimize, more, variable
):
    monkeypatch.setenv("PYTHONWARNINGS", warned)
    monkeypatch.setattr(sys, "flags", SimpleNamespace(optimize=optimize))
    monkeypatch.setattr(first_aid.platform, "python_version", lambda: "3.11.9")
    monkeypatch.setattr(first_aid.platform, "system", lambda: "Linux")
    monkeypatch.setattr(first_aid.platform, "machine", lambda: "x86_64")
    found = first_aid._python()
    monkeypatch.undo()
    state, mend = ("fault", f"unset {variable}") if variable else ("ok", "")
    assert found == Finding("Python", f"3.11.9 on Linux x86_64{more}", state, mend)


def test_on_windows_an_old_python_and_a_file_in_the_way_are_mended_as_there(monkeypatch):
    own = Path("notebooks") / "torch.py"
    monkeypatch.setattr(sys, "version_info", (3, 10, 9, "final", 0))
    monkeypatch.setattr(first_aid.os, "name", "nt")
    mends = first_aid._python().mend, first_aid._set_aside(own)
    monkeypatch.undo()
    assert mends == ("py -m venv .venv", f"ren {own} torch_of_my_own.py")


# --- Names, in their order ---


@needs_posix
def test_of_several_names_in_the_way_the_first_is_named(monkeypatch, tmp_path):
    """Of the notebooks' folder first, files before folders, each in the order of the alphabet."""
    beside, here, glob = tmp_path / "notebooks", tmp_path / "here", Path.glob
    ways = [beside / "numpy.py", beside / "torch.py", beside / "PIL", beside / "tqdm"]
    ways += [here / "matplotlib.py", here / "random.py", here / "IPython"]
    for way in ways:
        if way.suffix:
            way.parent.mkdir(exist_ok=True)
            way.touch()
        else:
            way.mkdir()
            (way / "__init__.py").touch()
    libraries = dict.fromkeys("numpy torch PIL tqdm matplotlib IPython".split())
    monkeypatch.setattr(first_aid.importlib.metadata, "packages_distributions", lambda: libraries)
    monkeypatch.setattr(first_aid, "ROOT", tmp_path)
    monkeypatch.chdir(here)
    # A folder tells its files in any order.
    monkeypatch.setattr(Path, "glob", lambda *of: sorted(glob(*of), reverse=True))
    for way in ways:
        state = "note" if way.stem == "random" else "fault"
        says = f"a notebook may import {way} in place of the library {way.stem}"
        mend = f"mv {way} {way.parent / f'{way.stem}_of_my_own{way.suffix}'}"
        assert first_aid._names() == Finding("names", says, state, mend)
        way.rename(tmp_path / way.name)
    assert first_aid._names().state == "ok"


# --- Helpers ---


@pytest.mark.parametrize(
    ("file", "path", "printed"),
    [
        ("/a/helpers/__init__.py", [], "/a/helpers/__init__.py"),
        (None, ["/b/helpers"], "/b/helpers"),
    ],
)
def test_a_kernel_is_asked_for_the_file_or_the_folder(monkeypatch, file, path, printed):
    module = ModuleType("helpers")
    module.__file__, module.__path__ = file, path

    def run(line, **how):
        assert line[1] == "-c" and how["capture_output"] and how["text"]
        with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
            patch.setitem(sys.modules, "helpers", module)
            exec(line[2], {})
        assert said.getvalue() == f"{printed}\n"
        return SimpleNamespace(returncode=0, stdout=said.getvalue())

    monkeypatch.setattr(subprocess, "run", run)
    folder = printed.removesuffix("/__init__.py")
    assert first_aid._helpers().says == f"a notebook imports those of another folder, {folder}"


@needs_posix
def test_this_folder_may_have_another_name_and_no_notebooks(monkeypatch, tmp_path):
    asked = []

    def run(line, **how):
        asked.append(how["cwd"])
        return SimpleNamespace(returncode=0, stdout=f"{tmp_path}/link/helpers/__init__.py\n")

    (tmp_path / "link").symlink_to(ROOT)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(first_aid, "ROOT", tmp_path / "no" / "folder")
    assert first_aid._helpers() == Finding("helpers", "a notebook imports those of this folder")
    assert asked == [tmp_path / "no"]


def test_a_folder_is_named_without_the_slash_of_either_system(monkeypatch):
    printed = "D:\\other\\helpers\\__init__.py\n"
    answer = SimpleNamespace(returncode=0, stdout=printed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert first_aid._helpers().says.endswith(r"those of another folder, D:\other\helpers")


# --- What cannot be imported ---


@needs_posix
@pytest.mark.parametrize(
    ("look", "module", "subject", "says", "state", "mend"),
    [
        (
            "data",
            "helpers.fashion_mnist_pipeline",
            "data",
            "cannot be looked for ({})",
            "fault",
            "",
        ),
        (
            "graphs",
            "helpers.computation_graph",
            "graphs",
            "cannot be drawn ({})",
            "fault",
            f"{PIP} -r {shlex.quote(str(ROOT / 'requirements.txt'))}",
        ),
        ("threads", "torch", "threads", "unknown without torch ({})", "note", ""),
    ],
)
def test_what_cannot_be_imported_is_named_with_its_reason(
    monkeypatch, look, module, subject, says, state, mend
):
    monkeypatch.setitem(sys.modules, module, None)
    reason = f"ModuleNotFoundError: import of {module} halted; None in sys.modules"
    found = getattr(first_aid, f"_{look}")()
    assert found == Finding(subject, says.format(reason), state, mend)


def test_another_error_about_a_backend_is_none_of_matplotlibs(monkeypatch):
    """And what fails in matplotlib for another reason has nothing to do with its backend."""

    def said_for(broken: str, words: str) -> str:
        def imported(name):
            if name == broken:
                raise ValueError(words)
            return SimpleNamespace(__version__="1")

        monkeypatch.setattr(first_aid.importlib, "import_module", imported)
        return first_aid._pytorch().mend

    assert "--force-reinstall torch==" in said_for("torch", "no backend is there")
    assert "--force-reinstall matplotlib==" in said_for("matplotlib", "it is broken")
    assert "MPLBACKEND" in said_for("matplotlib", "no such backend")


def test_a_machine_that_does_not_tell_its_processors_has_one(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    for load, state in ((2.0, "ok"), (3.0, "note")):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0), raising=False)
        assert first_aid._threads().state == state
