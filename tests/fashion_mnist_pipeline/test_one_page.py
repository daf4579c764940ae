"""The page that is copied into an empty folder: it learns what notebook 04's recipe learns."""

import ast
import inspect
import operator
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
import torch
from torchvision.datasets import FashionMNIST

from every_notebook.series import ROOT
from fashion_mnist_pipeline import idx
from tools import bench_training

PAGE = ROOT / "notebooks" / "train_fashion_mnist.py"
# No whole number of batches, so that the last one is smaller.
IMAGES = {"train": 1_000, "test": 200}


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A folder with nothing but the page and garments in torchvision's layout, after the run."""
    folder = tmp_path_factory.mktemp("empty")
    shutil.copy(PAGE, folder)
    idx.write(folder / "data", **IMAGES)
    # One thread: with more, sums are added up in another order, and rounded otherwise.
    done = subprocess.run(
        [sys.executable, PAGE.name],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def namer(copied):
    """What notebook 04's cells make of the same garments: a function that names pictures."""
    learnt = FashionMNIST(copied[0] / "data", train=True)
    sources = {cell.id: cell.source for cell in nbformat.read(bench_training.NOTEBOOK, 4).cells}
    names: dict = {}
    for cell in ("imports", "one-cycle", "layer-recipe", "edge-filters", "edge-features"):
        exec(sources[cell], names)
    return names["edges_recipe"](learnt.data, learnt.targets)


@pytest.mark.proof
def test_its_weights_are_the_notebooks_to_the_last_bit(copied, namer):
    found = torch.load(copied[0] / "garments.pt", weights_only=True)
    expected = inspect.getclosurevars(namer).nonlocals
    layers = {f"layers.{name}": w for name, w in expected["network"].state_dict().items()}
    assert found.keys() == {"filters", "mean", "spread", *layers}
    for name, weight in {**layers, **{n: expected[n] for n in ("mean", "spread")}}.items():
        assert torch.equal(found[name], weight), name


@pytest.mark.proof
def test_it_says_how_it_does_and_names_a_picture(copied, namer):
    folder, said = copied
    *epochs, result, name = said.splitlines()
    assert [line.split(":")[0] for line in epochs] == [f"epoch {n} of 4" for n in range(1, 5)]
    unseen = FashionMNIST(folder / "data", train=False)
    named = namer(unseen.data).tolist()
    right = sum(map(operator.eq, named, unseen.targets.tolist()))
    assert result.endswith(f": {right / len(named):.2%} right")
    assert name.endswith(f": {unseen.classes[named[0]]}")


def test_it_is_one_page_and_stands_alone():
    source = PAGE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 60
    nodes = [node for node in ast.walk(ast.parse(source)) if hasattr(node, "names")]
    modules = [getattr(node, "module", None) or node.names[0].name for node in nodes]
    assert {module.split(".")[0] for module in modules} == {"torch", "torchvision"}
