"""Junk in place of each argument of each front door: one line that names it, or nothing."""

import contextlib
import inspect

import pytest

from every_notebook.series import WINGS, part_of

CASES = {
    name: case
    for wing in ("common", *WINGS)
    for name, case in getattr(part_of(wing, "front_doors"), "CASES", {}).items()
}


@pytest.mark.parametrize("name", CASES)
def test_every_argument_meets_junk(name):
    """The arguments of a case are all that there are, except those that go to somebody else."""
    door = CASES[name].door or CASES[name].call
    taken = set(inspect.signature(door).parameters) - set(getattr(door, "keywords", ()))
    taken -= {"self", "args", "kwargs", "names", "named", "arguments"}
    assert taken <= set(CASES[name].arguments)


@pytest.mark.proof
@pytest.mark.parametrize("name", CASES)
def test_junk_is_named_in_one_line(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tried = CASES[name]
    if tried.prepare:
        tried.prepare(monkeypatch)
    with contextlib.suppress(*tried.other):
        tried.call(**tried.arguments)
    complaints = [
        f"{argument}, {junk}: {found}"
        for argument, junk, worse in tried.junk()
        if (found := tried.complaint(argument, junk, worse))
    ]
    assert not complaints, "\n".join(["", *complaints])
