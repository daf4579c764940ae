"""The tool that plants faults tells a fault that a test catches from one that none does."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tools import mutants

TESTS = Path(__file__).resolve().parent

# A tree with one helper and one test, and a hunt for the faults in it.
TOY = """
    # A twin of what is given.
    def double(number):
        return number * 2
"""
TEST_OF_TOY = """
    from helpers import toy

    def test_double():
        assert toy.double(3) == 6
"""
HUNT = """
    import sys
    from pathlib import Path

    sys.path.insert(0, sys.argv[1])
    import faults_by_hand
    import mutants

    mutants.ROOT = Path(sys.argv[2])
    mutants.HELPERS = {"toy": (9, ("test_toy",))}
    mutants._warm_up = lambda: None  # The toy needs no torch.
    faults_by_hand.IN_HELPERS = [("helpers/toy.py", "double", "A twin", "The double")]
    sys.argv = ["mutants.py", "--json"]
    sys.exit(mutants.main())
"""


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return file


@pytest.mark.proof
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fault_is_caught_and_a_harmless_change_survives(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    write(tree / "helpers" / "__init__.py", "")
    write(tree / "helpers" / "toy.py", TOY)
    write(tree / "tests" / "test_toy.py", TEST_OF_TOY)
    subprocess.run(["git", "init", "--quiet", str(tree)], check=True)
    run = subprocess.run(
        [sys.executable, write(tmp_path / "hunt.py", HUNT), TESTS, tree],
        capture_output=True,
        text=True,
    )
    result = json.loads(run.stdout)
    assert (result["planted"], result["caught"]) == (3, 2), run.stderr
    (survivor,) = result["survivors"]
    assert survivor["fault"] == "helpers/toy.py · double · A twin → The double"
    assert run.returncode == 1, "two of three are less than 95 %"
    assert "number * 2" in (tree / "helpers" / "toy.py").read_text(encoding="utf-8")


def test_operators_plant_one_fault_each_and_leave_alone_what_only_a_taste_would_notice():
    source = textwrap.dedent("""
        def fall(w, lr, gradient):
            print(f"{lr + 1}", end="")
            plot(w, color=1 + 2)
            if w.norm() > 0 and lr:
                w = w - lr * gradient(w, lr)
            return w.sum(dim=1)
    """)
    found = {what: new for _, what, new in mutants._tree_faults(source, constants=False)}
    assert set(found) == {
        "dim=1 → dim=0",
        "plot(w, color=1 + 2) → pass",
        'print(f"{lr + 1}", end="") → pass',
        "gradient(w, lr) → (gradient(lr, w))",
        "lr * gradient(w, lr) → (lr / gradient(w, lr))",
        "w - lr * gradient(w, lr) → (w + lr * gradient(w, lr))",
        "w.norm → (w.sum)",
        "w.norm() > 0 → (w.norm() >= 0)",
        "w.norm() > 0 and lr → (w.norm() > 0 or lr)",
        "w.sum → (w.mean)",
    }
    for new in found.values():
        compile(new, "planted", "exec")
        assert sum(a != b for a, b in zip(new.split("\n"), source.split("\n"), strict=True)) == 1
