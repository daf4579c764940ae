"""The command and its report, on small made-up recipes and drawn garments."""

import dataclasses
import json
import math
import statistics
import subprocess
import sys

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
    assert opened.labels is garments.train_labels and opened.truth is garments.test_labels


# By its name, what an idea changes of the quick recipe.
CHANGES = {
    "the quick recipe": {},
    "pixels, no edges": {"edges": False},
    "no square root": {"root": False},
    "easy images, too": {"hard": 1.0},
    "a rate that stays": {"falls": False},
    "labels not smoothed": {"smoothing": 0.0},
    "batches of 64": {"batch_size": 64},
    "batches of 1,024": {"batch_size": 1024},
    "128 units": {"hidden": 128},
    "2,048 units": {"hidden": 2048},
    "in the mirror": {"mirror": True},
    "three that vote": {"networks": 3},
    "3 × the epochs": {"epochs": 3 * 2.4},
    "asked moved, too": {"moved": True},
    "float32": {"dtype": torch.float32},
    "one thread": {},
}


def test_each_idea_changes_what_its_name_says_and_nothing_else():
    quick = dataclasses.asdict(marks.QUICK)
    assert quick == dataclasses.asdict(Recipe(epochs=2.4, hard=0.5, rate=0.006))
    assert list(marks.IDEAS) == list(CHANGES) and marks.ONE_THREAD == "one thread"
    for name, recipe in marks.IDEAS.items():
        changed = {k: v for k, v in dataclasses.asdict(recipe).items() if v != quick[k]}
        assert changed == pytest.approx(CHANGES[name]), name


def test_marks_rise_in_accuracy_and_in_price():
    found = [(mark.accuracy, mark.loader_epochs, mark.seeds) for mark in marks.MARKS]
    assert found == [(92.4, 0.6, 30), (93.3, 2, 30), (94.2, 8, 10), (95.0, 60, 10)]
    quick, filters, mirrored, open_yet = (mark.recipe for mark in marks.MARKS)
    assert quick == dataclasses.replace(marks.QUICK, epochs=2.05)
    assert filters is marks.WITH_FILTERS and mirrored is marks.MIRRORED
    assert open_yet == dataclasses.replace(mirrored, channels=(48, 96), hidden=256, epochs=30)
    plain = dataclasses.asdict(Recipe())
    changed = {"channels": (16, 48), "hidden": 128, "epochs": 2.7, "batch_size": 320}
    changed |= {"rate": 0.008, "filters_rate": 0.1, "warm_up": 0.3, "hard": 0.5, "moved": True}
    assert dataclasses.asdict(filters) == plain | changed
    changed = {"channels": (24, 48), "hidden": 192, "epochs": 7.4, "hard": 0.6}
    assert dataclasses.asdict(mirrored) == plain | changed | {"mirror": True, "moved": True}


def test_the_unit_of_time_is_an_epoch_of_the_notes_loop(monkeypatch, garments):
    made, steps, batches = [], [], []

    class Noted(torch.optim.SGD):
        def __init__(self, weights, **options):
            weights = list(weights)
            made.append(([tuple(w.shape) for w in weights], options))
            super().__init__(weights, **options)

        def step(self, closure=None):
            steps.append(all(w.grad is not None for w in self.param_groups[0]["params"]))
            super().step(closure)

    def noted(scores, labels):
        batches.append((scores.detach().exp().sum(dim=1), labels))
        return torch.nn.functional.cross_entropy(scores, labels)

    monkeypatch.setattr(torch.optim, "SGD", Noted)
    monkeypatch.setattr(marks.F, "nll_loss", noted)
    monkeypatch.setattr(marks.time, "perf_counter", iter([3.0, 10.5]).__next__)
    assert marks.loader_epoch(garments) == 7.5
    assert made == [([(128, 784), (10, 128)], {"lr": 0.15, "momentum": 0.8})]
    assert [len(y) for _, y in batches] == [128] * 4 + [88] and steps == [True] * 5
    assert all(torch.allclose(total, torch.ones(1)) for total, _ in batches)  # Probabilities.
    labels = torch.cat([y for _, y in batches])
    assert labels.bincount().equal(garments.train_labels.bincount())
    assert not labels.equal(garments.train_labels)


def test_a_run_is_timed_from_bytes_to_names_and_counted_in_per_cent(monkeypatch, garments):
    parts, asked = marks.Parts.of(garments, test=True), []

    def learn(*arguments):
        asked.append(arguments)
        return lambda images: torch.zeros(len(images), dtype=torch.int64)

    monkeypatch.setattr(marks, "learn", learn)
    monkeypatch.setattr(marks.time, "perf_counter", iter([1.0, 4.0]).__next__)
    accuracy, seconds = marks.run(parts, SMALL, 7)
    assert accuracy == pytest.approx(10.0) and seconds == 3.0  # A tenth of the garments is of 0.
    assert asked == [(parts.images, parts.labels, SMALL, 7)]


def test_a_summary_rounds_to_thousandths_and_takes_the_median_of_the_times(monkeypatch, capsys):
    runs = {0: (90.0, 9.0), 1: (91.0, 1.0004), 2: (93.5, 1.5)}
    monkeypatch.setattr(marks, "run", lambda parts, recipe, seed: runs[seed])
    expected = {"accuracy_mean": 91.5, "accuracy_sem": 1.041, "accuracy_sd": 1.803}  # √3.25, / √3
    assert marks.summary(None, SMALL, 3, "small") == expected | {"seeds": 3, "seconds": 1.5}
    assert math.isnan(marks.summary(None, SMALL, 1, "one")["accuracy_sem"])
    said = capsys.readouterr()
    assert said.out == "" and "small: 100%" in said.err and "one: 100%" in said.err


def test_a_mark_has_its_own_number_of_seeds_unless_another_is_asked_for(monkeypatch):
    def summary(parts, recipe, seeds, name):
        return {"recipe": recipe, "seeds": seeds, "name": name}

    monkeypatch.setattr(marks, "summary", summary)
    for seeds, expected in ((None, [30, 30, 10, 10]), (4, [4] * 4)):
        rows = list(marks.of_marks(None, marks.MARKS, seeds))
        assert [row["seeds"] for row in rows] == expected
        assert [row["recipe"] for row in rows] == [mark.recipe for mark in marks.MARKS]
        assert [row["name"] for row in rows] == ["92.4 %", "93.3 %", "94.2 %", "95.0 %"]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_is_for_one_idea_and_is_put_back(monkeypatch, two_threads):
    seen = {}

    def summary(parts, recipe, seeds, name):
        seen[name] = recipe, seeds, torch.get_num_threads()
        return {}

    monkeypatch.setattr(marks, "summary", summary)
    rows = list(marks.of_ideas(None, 3))
    assert [row["idea"] for row in rows] == list(marks.IDEAS)
    assert seen == {n: (r, 3, 1 if n == "one thread" else 2) for n, r in marks.IDEAS.items()}
    assert torch.get_num_threads() == 2


def test_threads_are_put_back_where_a_run_fails_or_nobody_asks_on(monkeypatch, two_threads):
    def fails(parts, recipe, seeds, name):
        raise KeyboardInterrupt

    monkeypatch.setattr(marks, "IDEAS", {marks.ONE_THREAD: SMALL})
    monkeypatch.setattr(marks, "summary", fails)
    with pytest.raises(KeyboardInterrupt):
        list(marks.of_ideas(None, 1))
    assert torch.get_num_threads() == 2
    monkeypatch.setattr(marks, "summary", lambda *_: {})
    left = marks.of_ideas(None, 1)
    next(left)
    left.close()
    assert torch.get_num_threads() == 2


def test_a_cold_start_is_a_process_of_its_own_that_runs_once(monkeypatch):
    started = []
    monkeypatch.setattr(marks.subprocess, "run", lambda *a, **options: started.append((a, options)))
    monkeypatch.setattr(marks.time, "perf_counter", iter([2.0, 7.0]).__next__)
    assert marks.cold_start() == 5.0
    (((python, dash, code),), options) = started[0]
    assert (python, dash, options) == (sys.executable, "-c", {"check": True})
    asked = []
    monkeypatch.setattr(marks, "run", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(marks.Parts, "of", lambda garments, *, test: (garments, test))
    monkeypatch.setattr(fashion, "load", lambda: "garments")
    exec(code, {})
    assert asked == [(("garments", False), marks.QUICK, 0)]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("vendor\t: A\nmodel name\t: A Chip 9\nmodel name\t: A Chip 9\n", "A Chip 9"),
        ("vendor\t: A\n", "from platform"),
        (None, "from platform"),
    ],
)
def test_the_processor_is_named_as_far_as_the_system_tells(listed, expected, monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    if listed is not None:
        file.write_text(listed)
    monkeypatch.setattr(marks, "Path", lambda _: file)
    monkeypatch.setattr(marks.platform, "processor", lambda: "from platform")
    assert marks.processor() == expected
    monkeypatch.setattr(marks.platform, "processor", lambda: "")
    monkeypatch.setattr(marks.platform, "machine", lambda: "a machine")
    assert marks.processor() == ("A Chip 9" if expected == "A Chip 9" else "a machine")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("abc1234\n", "abc1234"),
        (FileNotFoundError("git"), "not known"),
        (subprocess.CalledProcessError(128, "git"), "not known"),
    ],
)
def test_a_commit_that_is_not_known_is_said_to_be_not_known(answer, expected, monkeypatch):
    def answers(line, **options):
        assert line[-3:] == ["rev-parse", "--short", "HEAD"] and options["text"]
        if isinstance(answer, Exception):
            raise answer
        return subprocess.CompletedProcess(line, 0, answer)

    monkeypatch.setattr(marks.subprocess, "run", answers)
    assert marks.commit() == expected


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


def test_json_says_of_each_row_what_it_was_measured_on_and_in_which_unit(
    monkeypatch, capsys, small, garments
):
    """The first epoch with the loader warms up; those before and after the runs are the unit."""
    epochs, rows = iter([99.0, 1.234, 2.766]), []
    monkeypatch.setattr(marks, "loader_epoch", lambda _: next(epochs))
    monkeypatch.setattr(marks, "summary", lambda *_: {"seconds": 3.0})
    monkeypatch.setattr(marks, "cold_start", lambda: 1.236)
    monkeypatch.setattr(marks, "commit", lambda: "abc1234")
    monkeypatch.setattr(marks, "processor", lambda: "a chip")
    monkeypatch.setattr(command, "quicker_dtype", lambda: torch.bfloat16)
    assert run(monkeypatch, "--json", "--marks", "95", "93.3") == 0
    rows = json.loads(capsys.readouterr().out)
    machine = {
        "data": str(garments.source),
        "judged_by": "held-out images",
        "commit": "abc1234",
        "processor": "a chip",
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "products_in": "bfloat16",
        "loader_epoch_s": [1.23, 2.77],
        "cold_start_s": 1.24,
    }
    measured = {"seconds": 3.0, "loader_epochs": 1.5} | machine
    assert rows == [{"mark": 93.3} | measured, {"mark": 95.0} | measured]


@pytest.mark.parametrize(
    ("options", "judged", "seeds"),
    [
        ([], False, None),
        (["--test"], True, None),
        (["--seeds", "7"], False, 7),
        (["--ideas"], False, 10),
        (["--ideas", "--test", "--seeds", "1"], True, 1),
    ],
)
def test_the_options_reach_what_is_measured(options, judged, seeds, monkeypatch, small, capsys):
    asked = []
    row = {"accuracy_mean": 91.236, "accuracy_sem": 0.014, "seeds": 3, "seconds": 1.5}

    def of(name, kind):
        def measure(parts, *rest):
            asked.append((kind, len(parts.images), rest[-1]))
            return [name | row]

        return measure

    monkeypatch.setattr(marks, "of_marks", of({"mark": 92.4}, "marks"))
    monkeypatch.setattr(marks, "of_ideas", of({"idea": "128 units"}, "ideas"))
    assert run(monkeypatch, *options) == 0
    ideas = "--ideas" in options
    assert asked == [("ideas" if ideas else "marks", 600 if judged else 500, seeds)]
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("Which recipe is the quickest")
    assert f"judged_by: {'the test part' if judged else 'held-out images'}" in said
    assert said[-2].split() == ["accuracy", "%", "seeds", "seconds", "loader", "epochs"]
    name = ["128", "units"] if ideas else ["mark", "92.4"]
    assert said[-1].split() == [*name, "91.24", "±", "0.01", "3", "1.50", "0.75"]


def test_the_help_says_what_each_option_does(monkeypatch, capsys):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--help")
    said = capsys.readouterr()
    words = " ".join(said.out.split())
    assert ended.value.code == 0 and said.err == ""
    assert words.startswith("usage: python -m helpers.speedrun [-h] [--seeds SEEDS] [--json]")
    for sentence in (
        "The quickest recipes to four accuracies on FashionMNIST.",
        "--seeds SEEDS runs of each; default: 30 or 10, as due",
        "--json print a list in place of a table",
        "these alone, such as 92.4 93.3",
        "--ideas what each idea is worth, held out",
        "--test judge by the test part, not held out",
    ):
        assert sentence in words


def test_the_table_names_each_idea(monkeypatch, capsys, small):
    threads = torch.get_num_threads()
    assert run(monkeypatch, "--ideas", "--seeds", "1") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in marks.IDEAS) and "held-out images" in said
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--seeds", "0"], "argument --seeds: is 0: give 1 or more"),
        (["--seeds", "-3"], "argument --seeds: is -3: give 1 or more"),
        (["--seeds", "some"], "'some'"),
        (["--marks", "12"], "--marks is [12.0]: give some of 92.4, 93.3, 94.2, 95.0"),
        (["--surplus"], "--surplus"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(monkeypatch, capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, *options)
    said = capsys.readouterr()
    assert said.out == ""
    *_, line = said.err.splitlines()
    assert ended.value.code == 2 and words in line and "error: " in line
