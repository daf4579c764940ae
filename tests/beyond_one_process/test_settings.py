"""What each option may be, on both sides of each bound, and what is said of it."""

import pytest

from helpers import run
from helpers.beyond_one_process import settings

WHOLE = "a whole number of at least {} and below 2^63"
RATE, SHARE = "a number above 0 and below 3.4e+38", "a number from 0 up and below 1"
# By option: what to give, the outermost values that are taken, and those beyond, or of no kind.
BOUNDS: dict[str, tuple[str, list[str], list[str]]] = {
    "epochs": (WHOLE.format(1), ["1", str(2**63 - 1)], ["0", "-1", "1.0", "", str(2**63)]),
    "batch-size": (WHOLE.format(1), ["1", str(2**63 - 1)], ["0", "1.5", str(2**63)]),
    "lr": (RATE, ["1e-45", "3.39e38"], ["0", "-0.1", "3.4e38", "inf", "nan", "fast"]),
    "momentum": (SHARE, ["0", "-0.0", "0.9999999"], ["-1e-9", "1", "1.0", "nan", "half"]),
    "seed": (WHOLE.format(0), ["0", str(2**63 - 1)], ["-1", str(2**63)]),
    "limit": (WHOLE.format(6), ["6", str(2**63 - 1)], ["5", "0", str(2**63)]),
    "checkpoint-every": (WHOLE.format(1), ["1", str(2**63 - 1)], ["0", str(2**63)]),
}


def test_every_option_that_is_a_number_is_in_the_table():
    numbers = {
        settings.spelt(name): kind
        for name, kind in settings.Settings.__annotations__.items()
        if kind in (int, float, int | None)
    }
    assert numbers.keys() == {f"--{name}" for name in BOUNDS}


@pytest.mark.parametrize("option", BOUNDS)
def test_a_number_is_taken_up_to_its_bounds_and_not_beyond(option, capsys):
    give, taken, refused = BOUNDS[option]
    kind = float if option in ("lr", "momentum") else int
    for text in taken:
        found = getattr(run._parse([f"--{option}={text}"]), option.replace("-", "_"))
        assert found == kind(text) and type(found) is kind
    for text in refused:
        assert run.main([f"--{option}={text}"]) == 2
        # A very long number is cut off.
        said = f"helpers.run: argument --{option}: {text!r}: give {give}; --help lists the options"
        assert capsys.readouterr() == ("", f"{said}\n")


def test_of_a_long_mistake_forty_letters_are_shown(capsys):
    assert run.main(["--seed", "9" * 50]) == 2
    assert f"--seed: {'9' * 40!r}: give" in capsys.readouterr().err


# --- What is one of several words ---


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("network", ["mlp", "cnn"]),
        ("dtype", ["float32", "float64"]),
        ("device", ["cpu", "cuda", "auto"]),
    ],
)
def test_a_word_is_one_of_a_few(option, words, capsys):
    for word in words:
        assert getattr(run._parse([f"--{option}", word]), option) == word
    assert run.main([f"--{option}", "other"]) == 2
    assert f"argument --{option}: invalid choice: 'other'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run.main(["--help"])
    assert f"--{option} {{{','.join(words)}}}" in capsys.readouterr().out


# --- What help says ---

HELP = {
    "epochs": "walks over the images (5)",
    "batch-size": "images in a step, all processes (128)",
    "lr": "learning rate (0.15)",
    "momentum": "0 up to below 1 (0.8)",
    "seed": "decides the weights and the order (0)",
    "network": "notebook 04's, or a small CNN",
    "dtype": "precision (float32)",
    "device": "where to compute (cpu)",
    "data": "folder above FashionMNIST/raw, or a file of tensors",
    "limit": "take only so many of the images to learn from",
    "checkpoint": "file that keeps the run, so that it can go on",
    "checkpoint-every": "batches between two saves (100)",
    "resume": "go on from --checkpoint if it is there",
    "json": "print one JSON object at the end, nothing else",
}


def test_help_says_of_each_option_what_it_is_for(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        run.main(["--help"])
    _, *entries = capsys.readouterr().out.partition("\n\nSeveral")[0].split("\n  --")
    told = {}
    for entry in entries:
        head, _, words = entry.partition("  ")
        told[head.split()[0]] = " ".join(words.split())
    assert told == HELP


def test_a_path_begins_at_home_and_settings_are_not_changed(tmp_path, monkeypatch):
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    found = run._parse(["--data=~/garments", "--checkpoint=~/kept.pt"])
    assert (found.data, found.checkpoint) == (tmp_path / "garments", tmp_path / "kept.pt")
    with pytest.raises(AttributeError):
        found.epochs = 3
