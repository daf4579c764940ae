"""The site, built once for each process that runs these tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from every_notebook.series import ROOT
from project.needed import needed


def build(into: Path, root: Path = ROOT) -> subprocess.CompletedProcess:
    """Run the command that builds the site."""
    for module in ("sphinx", "myst_nb", "furo", "sphinx-mathjax-offline"):
        needed(module)
    command = [sys.executable, str(root / ".site" / "build.py"), "--into", str(into)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """Return the folder of the built site."""
    into = tmp_path_factory.mktemp("site")
    run = build(into)
    assert run.returncode == 0, run.stderr
    return into / "html"
