"""The command and its report, on small made-up recipes and drawn garments."""

import dataclasses
import json
import math
import statistics

import pytest
import torch

from helpers.fashion_mnist_pipeline import fashion, standin
from helpers.speedrun import __main__ as command
from helpers.speedrun import marks
from helpers.speedrun.recipes import Recipe

SMALL = Recipe(epochs=1, hidden=8, batch_size=64, dtype=torch.float32)


@pytest.fixture(scope="module")
def garments():
    parts = standin.draw_parts(train=600, test=100)
    return fashion.Garments(*parts, source=fashion.Source("stand-in", "for a test"))


@pytest.fixture
def small(monkeypatch, garments):
    """Let the command measure little, and tell it how long things take that it need not time."""
    monkeypatch.setattr(fashion, "load", lambda: garments)
    monkeypatch.setattr(marks, "cold_start", lambda: 1.5)
    monkeypatch.setattr(marks, "loader_epoch", lambda _: 2.0)
    ideas = {marks.ONE_THREAD if name == marks.ONE_THREAD else name: SMALL for name in marks.IDEAS}
    monkeypatch.setattr(marks, "IDEAS", ideas)
    few = tuple(dataclasses.replace(mark, recipe=SMALL, seeds=2) for mark in marks.MARKS)
    monkeypatch.setattr(marks, "MARKS", few)


def run(monkeypatch, *options):
    monkeypatch.setattr("sys.argv", ["speedrun", *options])
    return command.main()


def test_held_out_and_test_parts_share_no_image(garments):
    held, opened = (marks.Parts.of(garments, test=test) for test in (False, True))
    assert len(held.images) == 500 and len(held.unseen) == 100
    assert torch.equal(torch.cat([held.images, held.unseen]), garments.train_images)
    assert torch.equal(torch.cat([held.labels, held.truth]), garments.train_labels)
    assert opened.images is garments.train_images and opened.unseen is garments.test_images


def test_a_summary_has_the_mean_and_its_error(garments):
    parts = marks.Parts.of(garments, test=False)
    found = marks.summary(parts, SMALL, 3, "small")
    alone = [marks.run(parts, SMALL, seed)[0] for seed in range(3)]
    assert found["accuracy_mean"] == pytest.approx(sum(alone) / 3, abs=1e-3)
    expected = math.sqrt(statistics.variance(alone) / 3)
    assert found["accuracy_sem"] == pytest.approx(expected, abs=1e-3)
    assert found["seeds"] == 3 and found["seconds"] > 0


def test_json_lists_each_mark(monkeypatch, capsys, small):
    assert run(monkeypatch, "--json", "--test") == 0
    rows = json.loads(capsys.readouterr().out)
    asked = {"mark", "accuracy_mean", "accuracy_sem", "seeds", "seconds", "loader_epochs"}
    assert [row["mark"] for row in rows] == [mark.accuracy for mark in marks.MARKS]
    for row in rows:
        assert asked <= row.keys() and row["seeds"] == 2
        assert row["loader_epochs"] == pytest.approx(row["seconds"] / 2, abs=1e-3)
        assert row["judged_by"] == "the test part" and row["cold_start_s"] == 1.5


def test_the_table_names_each_idea(monkeypatch, capsys, small):
    threads = torch.get_num_threads()
    assert run(monkeypatch, "--ideas", "--seeds", "1") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in marks.IDEAS) and "held-out images" in said
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seeds", "0"], "is 0: give 1 or more"),
        (["--seeds", "some"], "'some'"),
        (["--marks", "12"], "give some of 92.4"),
        (["--surplus"], "--surplus"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(monkeypatch, capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *options)
    *_, line = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and words in line and "error: " in line
