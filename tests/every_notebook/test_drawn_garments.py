"""Without data and network the notebooks print what is stored, on garments that are drawn.

It is the Chinese ones that are run: their code is that of the English ones, and so each of them is
run strictly, too. Without a Chinese edition it is the English ones with garments.
"""

import shutil
import subprocess
import sys

import pytest

from every_notebook.series import NOTEBOOKS, ROOT

CHINESE = sorted((ROOT / "notebooks" / "zh").glob("*.ipynb"))
ENGLISH = [path for path in NOTEBOOKS if "fashion.load()" in path.read_text(encoding="utf-8")]


@pytest.mark.proof
@pytest.mark.parametrize("path", CHINESE or ENGLISH, ids=lambda path: path.stem)
def test_it_runs_the_same_on_the_stand_in(tmp_path, monkeypatch, path):
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
        [sys.executable, "-m", "pytest", "-q", "-n", "0", path.name],
        cwd=(tmp_path / path.relative_to(ROOT)).parent,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout
    assert not (tmp_path / "data" / "FashionMNIST").exists()
