"""What is not installed is skipped at home and fails in continuous integration."""

import json
import sys
from pathlib import Path

import pytest

from project.needed import VARIABLE, needed, needed_command


def test_what_is_there_is_returned(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    assert needed("json") is json
    python = Path(sys.executable)
    monkeypatch.setenv("PATH", "")
    assert Path(needed_command(python.name)) == python


@pytest.mark.parametrize(
    ("setting", "outcome"),
    [(None, pytest.skip.Exception), ("", pytest.skip.Exception), ("1", pytest.fail.Exception)],
)
@pytest.mark.parametrize("ask", [needed, needed_command])
def test_what_is_not_there_is_skipped_but_not_in_ci(monkeypatch, ask, setting, outcome):
    if setting is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, setting)
    # Both are caught: a skip that slipped through would skip this very test.
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception)) as raised:
        ask("no_such_thing")
    assert raised.type is outcome
    assert "no_such_thing is not there" in str(raised.value)
