"""Without data and network the notebooks print what is stored, on garments that are drawn."""

import shutil
import subprocess
import sys

import pytest

from every_notebook.series import NOTEBOOKS, ROOT

# A fork may have dropped one of them.
WITH_GARMENTS = [p.stem for p in NOTEBOOKS if "fashion.load()" in p.read_text(encoding="utf-8")]


@pytest.mark.proof
@pytest.mark.parametrize("name", WITH_GARMENTS)
def test_it_runs_the_same_on_the_stand_in(tmp_path, monkeypatch, name):
    """The same notebook, strictly compared, in a copy of the project without data or network."""
    for folder in ("helpers", "notebooks", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.delenv("FASHION_MNIST_ROOT", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("no_proxy", "")
    for proxy in ("http_proxy", "https_proxy"):
        # Nothing listens there, so every request is refused.
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", f"{name}.ipynb"],
        cwd=tmp_path / "notebooks",
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert not (tmp_path / "data" / "FashionMNIST").exists()
