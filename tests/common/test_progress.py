"""A bar comes where a walk takes long, and goes with the walk."""

import itertools

import pytest

from helpers.common import progress


@pytest.fixture
def bars(monkeypatch):
    """The bars of what seems to be a notebook, where a second goes by between two looks."""
    made, ticks = [], itertools.count()
    monkeypatch.setattr(progress, "notebook_tqdm", progress.tqdm)
    monkeypatch.setattr(progress.time, "monotonic", ticks.__next__)
    plain = progress.bar
    monkeypatch.setattr(progress, "bar", lambda **look: made.append(plain(**look)) or made[-1])
    return made


@pytest.mark.parametrize("wanted", [True, False])
def test_a_notebook_shows_a_bar_where_one_is_wanted(bars, wanted):
    with progress.bar(shown=wanted, total=6) as bar:
        assert bar.disable != wanted


@pytest.mark.parametrize("total", [9, None])
@pytest.mark.parametrize("left_at", [6, 99])
def test_a_walk_that_takes_long_shows_a_bar_until_it_is_left(bars, total, left_at, capsys):
    for number in progress.walked(range(9), "step", "walking", total):
        assert len(bars) == (number > 2)  # Two seconds without one are no long time.
        if bars:
            assert bars[0].unit == "step" and not bars[0].leave
            assert bars[0].n == number and bars[0].total == total and "walking" in str(bars[0])
        if number == left_at:
            break
    assert bars[0] not in bars[0]._instances  # It is closed,
    assert capsys.readouterr().err.endswith("\r")  # and wiped away.


def test_a_short_walk_makes_none_and_nor_does_one_that_shall_not(bars):
    assert [*progress.walked(range(2), "step", "walking")] == [0, 1]
    assert [*progress.walked(range(9), "step", "walking", shown=False)] == [*range(9)]
    assert bars == []


def test_outside_a_notebook_it_is_left_to_tqdm():
    """None: a bar on a terminal, and nothing in a log."""
    made = []

    def tqdm(**look):
        made.append(look)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "tqdm", type("tqdm", (), {"__new__": lambda cls, **k: tqdm(**k)}))
        progress.bar(total=3, unit="step")
        progress.bar(shown=False)
        progress.bar(shown=True)
    assert made == [
        {"disable": None, "total": 3, "unit": "step"},
        {"disable": True},
        {"disable": None},
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_a_walk_that_breaks_off_closes_its_bar_too(bars, error):
    def breaks():
        yield from range(6)
        raise error

    with pytest.raises(error):
        for _ in progress.walked(breaks(), "step", "walking", 9):
            pass
    assert len(bars) == 1 and bars[0].total is None and bars[0] not in bars[0]._instances
