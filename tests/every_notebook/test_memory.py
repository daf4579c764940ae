"""A notebook that takes too much memory is caught, whether its kernel or a child takes it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from every_notebook import memory as notebook_memory
from every_notebook.series import NOTEBOOKS

TESTS = Path(__file__).resolve().parent
linux_only = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says what a process took"
)


def run_nbval(folder: Path, source: str, most: float):
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "small.ipynb")
    (folder / "conftest.py").write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(TESTS.parent)!r})\n"
        "from every_notebook import memory as notebook_memory\n"
        "def pytest_configure(config):\n"
        f"    notebook_memory.MOST_GIGABYTES = {most}\n"
        "    notebook_memory.measure_memory_too()\n"
        "def pytest_terminal_summary(terminalreporter):\n"
        "    terminalreporter.write_line(notebook_memory.summary())\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
        + ["--rootdir", str(folder), "--nbval", "--nbval-current-env", str(folder / "small.ipynb")],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.proof
@linux_only
@pytest.mark.parametrize(("most", "code"), [(0.9, 0), (0.3, 1)])
def test_the_limit_is_held(tmp_path, most, code):
    """Four hundred megabytes, written and given back, beside the kernel's own hundred."""
    run = run_nbval(tmp_path, "taken = bytearray(b'x') * 400_000_000\ndel taken", most)
    assert run.returncode == code, run.stdout + run.stderr
    assert "Peak memory: small " in run.stdout
    assert ("at its peak; allowed: 0.3" in run.stdout) == bool(code)


@linux_only
def test_the_memory_of_a_child_is_counted():
    script = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import time; taken = bytearray(b\"x\") * 200_000_000; time.sleep(2)'])"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    watch = notebook_memory.Watch(parent.pid)
    watch.start()
    while parent.poll() is None:
        time.sleep(0.05)
    assert 0.18 <= watch.peak() < 0.4


def test_a_process_that_is_gone_has_no_peak():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    watch = notebook_memory.Watch(process.pid)
    watch.start()
    assert watch.peak() == 0


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("| **Memory** | 0.8 GB |", 0.88),
        ("| **Memory** | under 1 GB, no GPU |", 1.1),
        ("| **Memory** | 1.4 GB, all processes together |", 1.5),
        ("| **Memory** | 3 GB |", 1.5),
        ("| **Memory** | little |", 1.5),
    ],
)
def test_a_notebook_is_held_to_what_it_says(line, most):
    cell = nbformat.v4.new_markdown_cell(f"# 01 · Title\n\n{line}\n")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert notebook_memory.allowed(notebook) == pytest.approx(most)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_says_how_much_it_takes(path):
    first = nbformat.read(path, as_version=4).cells[0].source
    assert re.search(r"\*\*Memory\*\* \|[^|\n]*\d GB", first)
