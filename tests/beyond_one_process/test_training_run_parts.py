"""The parts of a run, each on its own: its settings, its device, what it says, how it is kept."""

import signal
from pathlib import Path

import pytest
import torch

from beyond_one_process.test_checkpoint import contents
from helpers import run
from helpers.beyond_one_process import checkpoint, parallel, training_run
from helpers.beyond_one_process.settings import Settings, spelt

CPU = torch.device("cpu")


def test_what_is_not_asked_for_is_as_in_the_settings():
    assert run._parse([]) == Settings()
    assert spelt("checkpoint_every") == "--checkpoint-every"


def test_help_names_each_option_with_its_default(capsys):
    with pytest.raises(SystemExit) as end:
        run.main(["--help"])
    out, err = capsys.readouterr()
    assert end.value.code == 0 and not err
    for words in (
        "walks over the images (5)",
        "images in a step, all processes (128)",
        "learning rate (0.15)",
        "0 up to below 1 (0.8)",
        "decides the weights and the order (0)",
        "precision (float32)",
        "where to compute (cpu)",
        "batches between two saves (100)",
    ):
        assert words in " ".join(out.split()), words


@pytest.mark.parametrize(
    ("option", "text", "give"),
    [
        ("--epochs", "0", "a whole number of at least 1 and below 2^63"),
        ("--seed", "-1", "a whole number of at least 0 and below 2^63"),
        ("--limit", "5", "a whole number of at least 6 and below 2^63"),
        ("--lr", "0", "a number above 0 and below 3.4e+38"),
        ("--lr", "3.4e38", "a number above 0 and below 3.4e+38"),
        ("--momentum", "1", "a number from 0 up and below 1"),
    ],
)
def test_what_an_option_may_be_is_said(option, text, give, capsys):
    assert run.main([option, text]) == 2
    said = f"helpers.run: argument {option}: {text!r}: give {give}; --help lists the options\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("name", "gpus", "here", "expected"),
    [
        ("cpu", 2, 0, "cpu"),
        ("auto", 0, 0, "cpu"),
        ("auto", 2, 1, "cuda:1"),
        ("cuda", 1, 0, "cuda:0"),
        ("cuda", 1, 1, "--device cuda: process 1 of this machine needs a GPU of its own, and "),
        ("auto", 1, 1, "--device auto: process 1 of this machine needs a GPU of its own, and "),
        ("cuda", 0, 0, "--device cuda: process 0 of this machine needs a GPU of its own, and "),
    ],
)
def test_each_process_of_a_machine_has_a_gpu_of_its_own(name, gpus, here, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_RANK", str(here))
    if not expected.startswith("--"):
        assert str(training_run._device(name)) == expected
        return
    with pytest.raises(ValueError) as refused:
        training_run._device(name)
    cure = f"PyTorch sees {gpus}: start fewer processes, or use --device cpu"
    assert str(refused.value) == expected + cure


@pytest.mark.parametrize(
    ("resume", "restarts", "goes_on"),
    [(True, None, True), (False, "1", True), (False, "0", False), (False, None, False)],
)
def test_only_who_asks_for_it_or_is_restarted_goes_on(
    tmp_path, monkeypatch, resume, restarts, goes_on
):
    monkeypatch.delenv("TORCHELASTIC_RESTART_COUNT", raising=False)
    if restarts:
        monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
    assert training_run._earlier_run(Settings()) is None
    settings = Settings(checkpoint=tmp_path / "kept.pt", resume=resume)
    assert training_run._earlier_run(settings) is None
    checkpoint.save(tmp_path / "kept.pt", contents())
    if goes_on:
        assert training_run._earlier_run(settings)["batch"] == 17
        return
    with pytest.raises(ValueError) as refused:
        training_run._earlier_run(settings)
    cure = "holds a run already: add --resume to go on with it, or give another name"
    assert str(refused.value) == f"{str(tmp_path / 'kept.pt')!r} {cure}"


@pytest.fixture
def begun(data, monkeypatch):
    """Make a run on few garments, in this process or as one of several."""

    def make(group=(0, 1), garments=None, **settings) -> training_run._Run:
        monkeypatch.setattr(parallel, "my_group", lambda: parallel.Group(*group))
        garments = training_run._garments_in(Path(data)) if garments is None else garments
        return training_run._Run(Settings(**settings), CPU, garments)

    return make


def test_one_image_of_six_is_held_out(begun):
    for limit, images in ((6, 5), (11, 10), (12, 10), (600, 500), (None, 2084)):
        state = begun(limit=limit, batch_size=100)
        assert state.images == images
        assert sum(len(labels) for _, labels in state.batches) == images
        held_out = (2500 if limit is None else limit) - images
        assert sum(len(labels) for _, labels in state.validation) == held_out
        assert sum(len(labels) for _, labels in state.test) == 200
        assert len(state.batches) == -(-images // 100)


def test_a_seed_decides_weights_and_order_and_nothing_else_does(begun):
    def made(**settings):
        torch.manual_seed(99)
        state = begun(limit=60, **settings)
        return state.network.linear1.weight.detach(), next(iter(state.batches))[1]

    (weights, labels), again, other = made(seed=3), made(seed=3), made(seed=4)
    assert torch.equal(weights, again[0]) and torch.equal(labels, again[1])
    assert not torch.equal(weights, other[0]) and not torch.equal(labels, other[1])
    assert made(seed=3, dtype="float64")[0].dtype == torch.float64


def test_a_run_is_the_same_only_with_the_same_data_and_settings(begun, data, tmp_path):
    garments = training_run._garments_in(Path(data))
    first = begun(limit=60, garments=garments)
    other = garments | {"train_images": garments["train_images"].clone()}
    other["train_images"][:, 0, 0] += 1
    assert begun(limit=60, garments=other).decisive["data"] != first.decisive["data"]
    assert begun(limit=60, epochs=9, device="auto", json=True).decisive == first.decisive
    kept = tmp_path / "kept.pt"
    state = begun(limit=60, checkpoint=kept)
    state.epoch, state.batch = 2, 1
    state.tally = {"loss": 1.5, "correct": 2, "images": 3}
    state.history["loss"].append(0.5)
    state.save()
    found = checkpoint.load(kept)
    changed = dict(network="cnn", batch_size=64, lr=0.1, momentum=0.5, seed=1, dtype="float64")
    for name, value in changed.items():
        settings = {"limit": 60, "checkpoint": kept, name: value}
        with pytest.raises(ValueError) as refused:
            begun(**settings).restore(found)
        before = f"{spelt(name)} {getattr(Settings(), name)}"
        said = f"{str(kept)!r} was made with {before}: resume it so, or begin anew"
        assert str(refused.value) == said
    again = begun(limit=60, checkpoint=kept)
    again.restore(found)
    for place in ("epoch", "batch", "tally", "history"):
        assert getattr(again, place) == getattr(state, place)


def test_the_first_process_alone_speaks_and_keeps(begun, tmp_path, capsys):
    for rank in (0, 1):
        state = begun(group=(rank, 3), limit=60, checkpoint=tmp_path / f"{rank}.pt")
        state.begin("Garments: drawn")
        state.stopped("SIGINT")
        state.save()
        kept = f"kept in {str(tmp_path / '0.pt')!r}, so go on with --resume"
        out = "Garments: drawn; 50 images in batches of 128, 3 processes\n"
        err = f"helpers.run: stopped by SIGINT after epoch 0, batch 0: {kept}\n"
        assert capsys.readouterr() == ((out, err) if rank == 0 else ("", ""))
    assert [file.name for file in tmp_path.iterdir()] == ["0.pt"]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((0, 0), ""),
        ((0, 7), "resumed after epoch 0, batch 7\n"),
        ((4, 9), "resumed after epoch 4, batch 9\n"),
        ((5, 0), "resumed after epoch 5, batch 0\nthe run has reached --epochs 5: "),
        ((5, 1), "resumed after epoch 5, batch 1\nthe run is past --epochs 5: "),
        ((6, 0), "resumed after epoch 6, batch 0\nthe run is past --epochs 5: "),
    ],
)
@pytest.mark.parametrize("json", [False, True])
def test_a_run_says_where_it_begins(begun, place, said, json, capsys):
    state = begun(limit=60, json=json)
    state.epoch, state.batch = place
    state.begin("Garments: drawn")
    begins = "Garments: drawn; 50 images in batches of 128, 1 process\n"
    more = "no step is made, it is tested as it stands\n" if "--epochs" in said else ""
    heard = capsys.readouterr()
    assert heard == (("", begins + said + more) if json else (begins + said + more, ""))
    assert state.beginning["resumed_after"] == {"epoch": place[0], "batch": place[1]}
    state.stopped("SIGTERM")
    lost = f"stopped by SIGTERM after epoch {place[0]}, batch {place[1]}: nothing is kept, for want"
    assert capsys.readouterr() == ("", f"helpers.run: {lost} of --checkpoint\n")


# --- Signals ---

WAITING = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):
    WAITING.append(signal.SIGHUP)


@pytest.mark.parametrize("number", WAITING)
@pytest.mark.parametrize("fails", [False, True])
def test_a_signal_leaves_a_wish_and_its_handler_is_put_back(number, fails):
    def handler(*_): ...

    before = signal.signal(number, handler)
    others = [signal.getsignal(other) for other in WAITING]
    stop = parallel.Stop()
    try:
        with training_run._signals_wait(stop):
            assert handler not in map(signal.getsignal, WAITING)
            signal.raise_signal(number)
            assert stop.signal == number and not stop.agreed
            assert signal.getsignal(number) is signal.SIG_DFL  # The second one ends it at once.
            if fails:
                raise KeyError("on purpose")
    except KeyError:
        assert fails
    finally:
        after = [signal.getsignal(other) for other in WAITING]
        signal.signal(number, before)
    assert after == others


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs a terminal that can hang up")
def test_who_is_to_outlive_a_terminal_does():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = parallel.Stop()
    try:
        with training_run._signals_wait(stop):
            signal.raise_signal(signal.SIGHUP)
            assert not stop.signal and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


# --- Garments from a file ---


def test_where_garments_came_from_and_what_is_none(data, tmp_path):
    parts, source = training_run._garments(Path(data))
    assert source == "Garments: the file garments.pt" and len(parts["test_labels"]) == 200
    wanted = "a dict with train_images, train_labels, test_images, test_labels"
    file = tmp_path / "other.pt"

    def refused(place: Path, held: object = None) -> str:
        if held is not None:
            torch.save(held, file)
        with pytest.raises(ValueError) as caught:
            training_run._garments(place)
        return str(caught.value).removeprefix(f"--data {str(place)!r}")

    assert refused(tmp_path / "none") == (
        ": no such file or folder: give a folder or a file of tensors"
    )
    assert refused(file, [1]) == f": give {wanted}"
    assert refused(file, {"train_images": parts["train_images"]}) == f": give {wanted}"
    for dtype in (torch.float32, torch.float64, torch.float16):
        floats = parts | {"test_images": parts["test_images"].to(dtype)}
        assert refused(file, floats) == f", test: images are {dtype}: give uint8"
    file.write_bytes(b"junk")
    unread = refused(file)
    assert unread.startswith(" cannot be read (")
    assert unread.endswith(f"): give what torch.save wrote of {wanted}")
