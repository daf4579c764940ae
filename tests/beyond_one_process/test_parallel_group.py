"""What a process of several does, seen from one of them: the others are played."""

import signal

import pytest
import torch
import torch.distributed as dist
from torch.nn import functional as F

from beyond_one_process.test_parallel import a_linear_layer
from helpers.beyond_one_process import parallel


@pytest.fixture
def among(monkeypatch):
    """Play a group: this process's number and how many there are."""

    def play(rank: int, size: int) -> None:
        monkeypatch.setattr(parallel, "my_group", lambda: parallel.Group(rank, size))

    return play


def at(place: tuple[int, int] | None) -> dict | None:
    return None if place is None else {"epoch": place[0], "batch": place[1]}


@pytest.mark.parametrize(
    ("places", "source"),
    [
        ([(1, 9), (2, 0), (1, 30)], 1),
        ([None, (0, 0), None], 1),
        ([(0, 5), (0, 6), (0, 6)], 1),
        ([None, None, None], 0),
        ([(3, 1), (2, 9), None], 0),
    ],
)
def test_all_take_the_checkpoint_that_got_furthest(among, monkeypatch, places, source):
    told = [at(place) for place in places]

    def gather(into, mine):
        assert mine == (places[rank] or (-1, -1))
        into[:] = [place or (-1, -1) for place in places]

    def broadcast(box, src):
        assert src == source and box == [told[rank]]
        box[0] = told[src]

    monkeypatch.setattr(dist, "all_gather_object", gather)
    monkeypatch.setattr(dist, "broadcast_object_list", broadcast)
    for rank in range(3):
        among(rank, 3)
        assert parallel.furthest(told[rank]) == told[source]


@pytest.mark.parametrize("size", [1, 2])
def test_a_step_tells_sums_over_all_and_makes_the_gradient_of_the_whole(among, monkeypatch, size):
    network, _, _ = a_linear_layer()
    images, labels = torch.rand(5, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1])
    among(0, size)

    class Arrived:
        waited = False

        def wait(self):
            self.waited = True

    arrival, sent = Arrived(), []
    monkeypatch.setattr(dist, "all_reduce", lambda sums, **how: sent.append((sums, how)) or arrival)
    stop = parallel.Stop(signal=15)
    part = (images[:3], labels[:3])
    sums = parallel._backward(network, part, 5, F.cross_entropy, stop)
    scores = network(images[:3].float())
    right = int((scores.argmax(dim=1) == labels[:3]).sum())
    loss = F.cross_entropy(scores, labels[:3], reduction="sum")
    assert sums.dtype == torch.float64 and not sums.requires_grad
    assert sums.tolist() == [pytest.approx(loss.item()), right, 1.0]  # One wish, not 15.
    assert arrival.waited == (size > 1) == bool(sent)
    (expected,) = torch.autograd.grad(loss * size / 5, [network.weight])
    assert torch.allclose(network.weight.grad, expected)
    if sent:
        assert sent[0][0] is sums and sent[0][1] == {"async_op": True}


def test_each_step_counts_what_is_recognised_in_whole_batches():
    network, optimizer, batches = a_linear_layer()
    batches.append((torch.rand(1, 3), torch.tensor([1])))
    losses, seen = [], []

    def loss_function(scores, labels, reduction):
        losses.append(F.cross_entropy(scores, labels, reduction=reduction))
        seen.append(int((scores.argmax(dim=1) == labels).sum()))
        return losses[-1]

    told = list(parallel.train(network, batches, loss_function, optimizer))
    assert [step.number for step in told] == [1, 2, 3, 4]
    assert [step.images for step in told] == [4, 4, 4, 1]
    assert [step.correct for step in told] == seen and all(type(s.correct) is int for s in told)
    assert [step.loss for step in told] == pytest.approx([loss.item() for loss in losses])
    assert list(parallel.train(network, batches, loss_function, optimizer, skip=4)) == []
    (last,) = parallel.train(network, batches, loss_function, optimizer, skip=3)
    assert last.number == 4


@pytest.mark.parametrize(
    ("wishes", "signal_here", "agreed", "after"),
    [
        (0, 0, False, 0),
        (0, signal.SIGINT, False, signal.SIGINT),  # It came too late for this step.
        (1, 0, True, signal.SIGTERM),
        (2, signal.SIGINT, True, signal.SIGINT),
    ],
)
def test_several_stop_once_all_know_of_the_wish(
    among, monkeypatch, wishes, signal_here, agreed, after
):
    network, optimizer, batches = a_linear_layer()
    among(1, 2)
    sums = torch.tensor([2.0, 3.0, wishes], dtype=torch.float64)
    monkeypatch.setattr(parallel, "_backward", lambda *_: sums)
    stop = parallel.Stop(signal=signal_here)
    step = next(parallel.train(network, batches, F.cross_entropy, optimizer, stop=stop))
    assert step == (1, 2.0, 3, 4)
    assert (stop.agreed, stop.signal) == (agreed, after)


# --- To join and to leave ---


@pytest.fixture
def met(monkeypatch):
    """Play torchrun's processes, and note how this one meets them and leaves."""
    done = []
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GLOO_SOCKET_IFNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(parallel, "_fresh_store", lambda: ("a store", parallel.Group(1, 3)))
    monkeypatch.setattr(
        dist, "init_process_group", lambda backend, **how: done.append((backend, how))
    )
    monkeypatch.setattr(dist, "barrier", lambda: done.append("all are here"))
    monkeypatch.setattr(dist, "is_initialized", lambda: "left" not in done)
    monkeypatch.setattr(dist, "destroy_process_group", lambda: done.append("left"))
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: done.append(str(device)))
    monkeypatch.setattr(parallel.socket, "if_nameindex", lambda: [(1, "lo"), (2, "eth0")])
    return done


@pytest.mark.parametrize("known", [(), ("RANK",), ("WORLD_SIZE",)])
def test_without_torchrun_a_process_is_a_group_of_one(met, monkeypatch, known):
    for name in known:
        monkeypatch.setenv(name, "1")
    with parallel.joined(torch.device("cpu")) as group:
        assert group == (0, 1)
    assert met == []


HOW = {"store": "a store", "rank": 1, "world_size": 3}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cpu", [("gloo", HOW), "all are here", "left"]),
        ("cuda:1", ["cuda:1", ("nccl", HOW), "left"]),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_process_meets_the_others_and_leaves_them(met, monkeypatch, device, expected, fails):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.setenv(name, "3")
    try:
        with parallel.joined(torch.device(device)) as group:
            assert group == (1, 3)
            if fails:
                raise KeyError("on purpose")
    except KeyError:
        assert fails
    assert met == expected


@pytest.mark.parametrize(
    ("of_this_machine", "before", "after"),
    [("3", None, "lo"), ("3", "eth0", "eth0"), ("2", None, None), (None, None, None)],
)
def test_only_a_machine_on_its_own_talks_over_the_loopback(
    met, monkeypatch, of_this_machine, before, after
):
    told = {"RANK": "0", "WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": of_this_machine}
    for name, value in (told | {"GLOO_SOCKET_IFNAME": before}).items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with parallel.joined(torch.device("cpu")):
        found = parallel.os.environ.get("GLOO_SOCKET_IFNAME")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")  # So that it is put back as it was.
    assert found == after


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, dist.DistNetworkError])
def test_who_cannot_meet_the_others_says_where(met, monkeypatch, kind):
    for name, value in {"RANK": "0", "WORLD_SIZE": "3", "MASTER_ADDR": "here"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "29")

    def refuse(*_, **__):
        raise kind("taken\nsecond line")

    monkeypatch.setattr(dist, "init_process_group", refuse)
    with pytest.raises(OSError, match="^the processes cannot meet at here:29: taken$"):
        with parallel.joined(torch.device("cpu")):
            pass


def test_what_a_gpu_lacks_is_nobody_elses_fault():
    own = torch.OutOfMemoryError("nccl: out of memory")
    with pytest.raises(torch.OutOfMemoryError) as found, parallel._together():
        raise own
    assert found.value is own
    for words in ("NCCL error", "gloo says no"):
        with pytest.raises(parallel.PeerLost) as lost, parallel._together():
            raise RuntimeError(f"{words}\nmore")
        said = "another process of the run is gone, and the step in flight with it"
        assert str(lost.value) == f"{said} ({words})"
