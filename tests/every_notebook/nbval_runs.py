"""nbval on a notebook of one cell, in a process and a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from every_notebook.series import ROOT

_CONFTEST = """
from every_notebook import memory, pictures

def pytest_configure(config):
    {configure}

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(memory.summary())
"""


def run_nbval(
    folder: Path, cell: NotebookNode, configure: str = "pass"
) -> subprocess.CompletedProcess:
    """Run nbval on a cell, after a line that sets up `config`, `memory` or `pictures`."""
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "small.ipynb")
    conftest = _CONFTEST.format(configure=configure)
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = " + str(ROOT / "tests"))
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--nbval", "--nbval-current-env", "small.ipynb"],
        cwd=folder,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
