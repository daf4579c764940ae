"""Faults are planted where they are meant to be, and it is told whether a test caught them."""

import pytest

from every_notebook.series import ROOT, WINGS
from tools import planted
from tools.planted import Fault


@pytest.mark.parametrize("blind", [0, 1, 2, 3, 4])
def test_every_fault_can_be_planted(blind):
    found = list(planted.all_faults(blind))
    assert len(found) > 20
    # Left out is only what a fork has dropped: a wing, or the command of the sixth.
    gone = {path for path, *_ in planted._BATCHES[blind].IN_HELPERS if not (ROOT / path).exists()}
    kept = {path for path in gone if path.split("/")[1] in WINGS}
    assert not kept and (not gone or "beyond_one_process" not in WINGS)
    for fault in found:
        text = (ROOT / fault.path).read_text(encoding="utf-8")
        assert fault.plant(text) != text, fault.key


def test_a_fault_whose_place_has_changed_is_named():
    plant = planted._rewrite("helpers/x.py", "f", "a + b", "a - b")
    with pytest.raises(ValueError, match="'a [+] b' stands in helpers/x.py [(]f[)] 0 times"):
        plant("a * b")


@pytest.mark.proof
def test_what_is_caught_is_told_from_what_lives(monkeypatch):
    near = "tests/common/test_sentences.py"
    monkeypatch.setattr(planted, "tests_for", lambda path: [[near]])
    for old, new, tests in (
        ("Return a sentence", "Give a sentence", ""),
        ("said.format(**values)", "said", near),
    ):
        plant = planted._rewrite("helpers/common/sentences.py", "say", old, new)
        fault = Fault("helpers/common/sentences.py", "say", "", plant)
        assert planted.caught_by(fault) == tests
