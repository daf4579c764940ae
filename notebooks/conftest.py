"""Makes nbval strict: what may differ between machines, and what it would not look at by itself.

The file stands beside the notebooks so that pytest finds it from any folder it is started in.
"""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from every_notebook import memory, pictures  # noqa: E402  They lie in the folder of the line above.


def pytest_configure(config):
    """Point nbval at the sanitising file, and let it see pictures and memory."""
    config.option.nbval_sanitize_with = str(TESTS / "every_notebook" / "nbval_sanitize.cfg")
    if hasattr(config, "workerinput"):
        # Other notebooks run beside it: with one thread each, none waits for another.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    pictures.compare_pictures_too()
    memory.measure_memory_too()


def pytest_sessionfinish(session):
    """Hand the one that reports what the notebooks of this process took."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["peaks"] = memory.peaks


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take in what the notebooks of another process took."""
    memory.peaks |= getattr(node, "workeroutput", {}).get("peaks", {})


def pytest_terminal_summary(terminalreporter):
    """Say what each notebook took."""
    if line := memory.summary():
        terminalreporter.write_line(line)
