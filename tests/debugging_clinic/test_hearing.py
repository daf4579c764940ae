"""What a step calls is heard, in whatever way it is called, and nothing else; all is put back."""

import builtins
import functools
import io
import os
import shutil
import sys
import threading
import types

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad

from helpers.debugging_clinic import hearing

SCORES, LABELS = torch.tensor([[1.0, 2.0, 4.0], [0.0, 1.0, 0.0]]), torch.tensor([2, 0])


def listener(network=None):
    """Return what hears nothing but counts, and its notes."""
    notes = types.SimpleNamespace(
        network=network or nn.Linear(3, 3), calls=0, forwards=0, clips=[], updates=[], unscaled=[]
    )
    notes.clip = notes.clips.append
    notes.update = lambda *given: notes.updates.append(given)
    notes.unscale = lambda *given: notes.unscaled.append(given)
    return notes


def plain(scores, labels):
    return F.cross_entropy(scores, labels)


class Loss:
    def __call__(self, scores, labels):
        return plain(scores, labels)

    def of_a_method(self, scores, labels):
        return plain(scores, labels)

    @classmethod
    def of_a_class(cls, scores, labels):
        return plain(scores, labels)


class Module(nn.Module):
    def forward(self, scores, labels):
        return plain(scores, labels)


NAMED = functools.partial(plain)
NAMED.name = "mine"  # What has attributes of its own, Python does not take apart.

KINDS = {
    "a function": plain,
    "a lambda": lambda scores, labels: plain(scores, labels),
    "of any number": lambda *given, **named: plain(*given, *named.values()),
    "a partial": functools.partial(plain),
    "a partial of a partial": functools.partial(NAMED),
    "an object": Loss(),
    "a method": Loss().of_a_method,
    "of a class": Loss.of_a_class,
    "a partial of a method": functools.partial(Loss().of_a_method),
    "a module": Module(),
}
CALLS = {
    "by place": lambda loss: loss(SCORES, LABELS),
    "by name": lambda loss: loss(scores=SCORES, labels=LABELS),
    "by both": lambda loss: loss(SCORES, labels=LABELS),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_is_heard_once_with_what_it_gives_and_is_given(kind, call):
    heard = []
    with hearing.heard(listener(), KINDS[kind], lambda *said: heard.append(said)) as loss:
        given = CALLS[call](loss)
    ((said, *parts),) = heard
    assert said is given and given.equal(F.cross_entropy(SCORES, LABELS))
    parts = [part for part in parts if isinstance(part, torch.Tensor)]  # An object comes before.
    assert len(parts) == 2 and parts[0] is SCORES and parts[1] is LABELS
    assert loss is KINDS[kind]
    CALLS[call](loss)
    assert len(heard) == 1  # Nobody listens any more.


def test_a_loss_in_c_is_heard_and_gets_its_options():
    heard, far = [], SCORES + 2
    with hearing.heard(listener(), torch.dist, lambda *said: heard.append(said)) as loss:
        assert loss(SCORES, far, p=1) == 12  # Six numbers, each two apart.
    ((said, *parts),) = heard
    assert said == 12 and parts[0] is SCORES and parts[1] is far


@pytest.mark.parametrize("kind", [lambda s, y: float(plain(s, y)), lambda s, y: plain(s, y[:1])])
def test_what_gives_no_tensor_is_no_loss(kind):
    heard = []
    with hearing.heard(listener(), kind, lambda *said: heard.append(said)) as loss:
        try:
            loss(SCORES, LABELS)
        except ValueError:
            pass
    assert heard == []


def test_who_listens_to_a_loss_does_not_stop_it():
    def stops(*_):
        raise LookupError

    with hearing.heard(listener(), plain, stops) as loss:
        assert loss(SCORES, LABELS).equal(plain(SCORES, LABELS))


class Holds(nn.Module):
    """Has a function for its forward."""

    def __init__(self):
        super().__init__()
        self.forward = lambda images: images + 1


@pytest.mark.parametrize("network", [nn.Linear(3, 3), Holds()])
def test_the_network_is_heard_by_call_and_by_forward_and_no_other_is(network):
    notes, other = listener(network), nn.Linear(3, 3)
    with hearing.heard(notes, plain, print):
        network(SCORES)
        network(SCORES)
        network.forward(SCORES)
        other(SCORES)
        other.forward(SCORES)
        nn.Identity()(network)  # It is handed over, and not called.
    assert (notes.calls, notes.forwards) == (2, 3)


def own_clip(parameters, max_norm):
    return parameters, max_norm


own_clip.__code__ = own_clip.__code__.replace(co_name="clip_grad_norm_")


def test_clippings_of_pytorch_are_heard_with_what_they_are_given():
    weights, notes = [torch.ones(2, requires_grad=True)], listener()
    weights[0].grad = torch.ones(2)
    with hearing.heard(notes, plain, print):
        own_clip(weights, 5.0)
        clip_grad.clip_grad_norm_(weights, 3.0)
        clip_grad.clip_grad_value_(weights, 0.5)
    assert [given.get("max_norm") for given in notes.clips] == [3.0, None]
    assert [given.get("clip_value") for given in notes.clips] == [None, 0.5]


class Tool:
    def step(self, optimizer=None):
        return optimizer

    def unscale_(self, optimizer):
        return optimizer


def step(nothing):
    return nothing


def test_updates_are_heard_with_whose_they_are_and_of_which_optimizer():
    notes, tool, one = listener(), Tool(), object()
    with hearing.heard(notes, plain, print):
        step(one)  # Of nobody.
        tool.step(one)
        tool.step()
        tool.unscale_(one)
    assert notes.updates == [(tool, one), (tool, None)] and notes.unscaled == [(tool, one)]


def opened(path, mode):
    with open(path, mode):
        pass


WRITES = {
    **{mode: lambda path, m=mode: opened(path, m) for mode in ("w", "a", "x", "r+", "rb+", "wb")},
    "by name": lambda path: open(path, mode="w"),
    "of text": lambda path: opened(str(path), "w"),
    "saved": lambda path: torch.save(SCORES, path),
    "saved under text": lambda path: torch.save(SCORES, str(path)),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_file_is_not_written_and_all_is_put_back(tmp_path, write):
    path, before = tmp_path / "model.pt", builtins.open
    if write != "x":
        path.write_text("learnt")
    loss = Module()
    with pytest.raises(ValueError) as caught, hearing.heard(listener(), loss, print):
        WRITES[write](path)
    assert str(caught.value) == (
        f"step writes the file {os.fspath(path)!r}, which the check could not take back: "
        "hand it the step without that line"
    )
    assert not path.exists() if write == "x" else path.read_text() == "learnt"
    assert builtins.open is before and sys.getprofile() is None and not loss._forward_hooks


def test_what_is_no_file_of_ones_own_is_opened_as_it_is_asked_for(tmp_path):
    path = tmp_path / "notes"
    path.write_bytes("é\n".encode("latin-1"))
    with hearing.heard(listener(), plain, print):
        with open(os.devnull, "w") as nowhere, open(path, encoding="latin-1") as file:
            assert nowhere.write("x") == 1 and file.read() == "é\n"
        by_place = (path, "r", -1, "latin-1", None, "\n")
        with open(*by_place) as file:
            assert file.read() == "é\n"
        with open(os.open(os.devnull, os.O_WRONLY), "w") as file:  # By its number.
            file.write("x")
        torch.save(SCORES, io.BytesIO())
        torch.save(SCORES, os.devnull)
        shutil.copyfile(path, tmp_path / "of a package")  # Which opens it there.
    assert (tmp_path / "of a package").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("stops", [False, True])
def test_what_listened_to_threads_listens_again(stops):
    mine = lambda *_: None  # noqa: E731
    before = threading.getprofile()
    threading.setprofile(mine)
    try:
        try:
            with hearing.heard(listener(), plain, print):
                assert threading.getprofile() is not mine
                assert not stops or [][0]
        except IndexError:
            pass
        assert threading.getprofile() is mine
    finally:
        threading.setprofile(before)


def test_what_cross_entropy_is_handed_is_found_however_deep():
    weight = torch.ones((), requires_grad=True)

    def calls():
        nn.CrossEntropyLoss()(weight * SCORES, LABELS)
        F.nll_loss(SCORES, LABELS)
        return F.cross_entropy(target=LABELS, input=SCORES.softmax(1))

    found = hearing.given_to_cross_entropy(calls)
    assert len(found) == 2 and found[0].equal(SCORES) and found[1].equal(SCORES.softmax(1))
    assert not any(scores.requires_grad for scores in found)


def test_who_asks_cross_entropy_stops_listening_after_an_error_and_never_disturbs():
    with pytest.raises(ZeroDivisionError):
        hearing.given_to_cross_entropy(lambda: 1 / 0)
    assert sys.getprofile() is None
    mine, done = (lambda *_: None), []  # noqa: E731
    sys.setprofile(mine)
    try:
        found = hearing.given_to_cross_entropy(lambda: done.append(plain(SCORES, LABELS)))
        assert sys.getprofile() is mine
        with hearing.heard(listener(), plain, print) as loss:
            assert sys.getprofile() is mine and loss is plain
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
    assert found == [] and done == []
