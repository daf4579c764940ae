"""A notebook that takes too much memory is caught, whether its kernel or a child takes it."""

import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from every_notebook import memory
from every_notebook.nbval_runs import run_nbval

linux_only = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="only Linux says what a process took"
)


@pytest.mark.proof
@linux_only
@pytest.mark.parametrize(("most", "code"), [(0.9, 0), (0.3, 1)])
def test_the_limit_is_held(tmp_path, most, code):
    """Four hundred megabytes, written and given back, beside the kernel's own hundred."""
    source = "taken = bytearray(b'x') * 400_000_000\ndel taken"
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    limit = f"memory.MOST_GIGABYTES = {most}; memory.measure_memory_too()"
    run = run_nbval(tmp_path, cell, limit)
    assert run.returncode == code, run.stdout + run.stderr
    assert "Peak memory: small " in run.stdout
    assert ("at its peak; allowed: 0.3" in run.stdout) == bool(code)


@linux_only
def test_the_memory_of_a_child_is_counted():
    child = "taken = bytearray(b'x') * 200_000_000; print('taken', flush=True); input()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", parent], **pipes) as process:
        assert process.stdout.readline() == "taken\n"
        watch = memory.Watch(process.pid)
        watch.start()
        deadline = time.monotonic() + 60
        while watch.together < 0.18 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 0.18 <= watch.peak() < 0.4
        process.communicate("\n")


def test_a_process_that_is_gone_has_no_peak():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    watch = memory.Watch(process.pid)
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
    assert memory.allowed(notebook) == pytest.approx(most)
