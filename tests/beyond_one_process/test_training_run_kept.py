"""What a run keeps and when, what it tells a program at its end, and where its bar begins."""

import io
import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch

from beyond_one_process.test_training_run_parts import CPU, begun
from helpers.beyond_one_process import checkpoint, parallel, training_run
from helpers.beyond_one_process.settings import Settings

__all__ = ["begun"]  # A fixture.


@pytest.mark.parametrize(("every", "places"), [(2, [2, 4]), (3, [3]), (1, [1, 2, 3, 4, 5])])
def test_it_is_kept_after_so_many_batches_and_at_the_end_of_an_epoch(
    begun, tmp_path, monkeypatch, every, places
):
    kept = []
    monkeypatch.setattr(
        checkpoint, "save", lambda file, state: kept.append((state["epoch"], state["batch"]))
    )
    settings = {"limit": 60, "batch_size": 10, "epochs": 1, "checkpoint_every": every}
    begun(checkpoint=tmp_path / "kept.pt", **settings).train()
    assert kept == [(0, place) for place in places] + [(1, 0)]  # 50 images: five batches.


@pytest.mark.parametrize(("number", "ends"), [(0, None), (15, 15)])
def test_a_lost_process_leaves_what_was_reached_and_stops_the_run_unless_a_signal_did(
    data, tmp_path, monkeypatch, number, ends, capsys
):
    def lost(state):
        state.epoch, state.batch, state.stop.signal = 1, 3, number
        raise parallel.PeerLost("another process is gone")

    monkeypatch.setattr(training_run._Run, "train", lost)
    file = tmp_path / "kept.pt"
    settings = Settings(limit=60, data=Path(data), checkpoint=file)
    if ends is None:
        with pytest.raises(parallel.PeerLost, match="another process is gone"):
            training_run.run(settings)
    else:
        assert training_run.run(settings) == ends
    found = checkpoint.load(file)
    assert (found["epoch"], found["batch"]) == (1, 3)
    said = f"helpers.run: stopped by SIGTERM after epoch 1, batch 3: kept in {str(file)!r}"
    assert (said in capsys.readouterr().err) == (ends is not None)


def test_a_signal_that_came_first_stays_the_reason_when_the_reader_is_gone_as_well(begun):
    def gone(line):
        raise BrokenPipeError(32, "Broken pipe")

    state, stream = begun(limit=60), io.StringIO()
    with open(os.devnull, "w") as nowhere:
        stream.write, stream.fileno = gone, nowhere.fileno
        state.put("a line", stream)
        assert state.stop.signal == training_run._NOBODY_READS
        state.stop.signal = signal.SIGTERM
        state.put("a line", stream)
        assert state.stop.signal == signal.SIGTERM


def test_a_program_is_told_how_far_the_run_has_come_and_what_it_was(begun, capsys):
    state = begun(limit=60, epochs=2, batch_size=20, json=True, group=(0, 1))
    state.begin("Garments: drawn")
    state.epoch = 4
    state.history = {name: [0.5] * 4 for name in state.history}
    capsys.readouterr()
    state.finished()
    told = json.loads(capsys.readouterr().out)
    names = ("epochs", "processes", "images", "batches", "batch_size", "seed", "source")
    assert [told[name] for name in names] == [4, 1, 50, 3, 20, 0, "Garments: drawn"]
    assert told["resumed_after"] == {"epoch": 0, "batch": 0}
    assert told["network"] == "mlp" and told["data"] is None
    assert 0 <= told["test_accuracy"] <= 1 and told["test_loss"] > 0
    assert told["validation_accuracy"] == [0.5] * 4


def test_what_is_no_number_is_not_told_to_a_program(begun):
    state = begun(limit=60, json=True)
    state.begin("Garments: drawn")
    state.history["loss"].append(math.nan)
    with pytest.raises(ValueError, match="nan|JSON"):
        state.finished()


@pytest.mark.parametrize("batch", [0, 2])
def test_a_bar_begins_where_the_run_goes_on(begun, batch):
    state = begun(limit=60, batch_size=20)
    state.batch, state.epoch = batch, 1
    with state.bar() as bar:
        assert (bar.n, bar.total) == (batch, 3)


def test_all_is_in_the_precision_and_on_the_device_asked_for(begun):
    state = begun(limit=60, dtype="float64")
    assert {weight.dtype for weight in state.network.parameters()} == {torch.float64}
    assert {weight.device for weight in state.network.parameters()} == {CPU}
    group = state.optimizer.param_groups[0]
    assert (group["lr"], group["momentum"], group["nesterov"]) == (0.15, 0.8, False)
