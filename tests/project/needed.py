"""What a test needs and a reader does not: without it the test is skipped, but never in CI.

The packages stand in `.ci/requirements.txt`. `.ci/run` installs them and sets
`CI_MUST_NOT_SKIP=1`, so that a check which quietly stopped running turns red there.
"""

import importlib
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

VARIABLE = "CI_MUST_NOT_SKIP"


def needed(module: str) -> ModuleType:
    """Return the module `module`; skip the test, or fail it in CI, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(f"the Python module {module}")


def needed_command(name: str) -> str:
    """Return the path of the command `name`; skip the test, or fail it in CI, without it."""
    # Beside Python first: there pip puts commands, and the environment need not be activated.
    folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which(name, path=folders) or missing(f"the command {name}")


def missing(what: str) -> NoReturn:
    """Skip the test because `what` is not there; where nothing may be skipped, fail it."""
    reason = f"{what} is not there; `pip install -r .ci/requirements.txt` brings what tests need"
    if os.environ.get(VARIABLE) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)
