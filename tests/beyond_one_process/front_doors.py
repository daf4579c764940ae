"""Where a reader hands something to notebook 06's helpers, and which junk is none."""

import torch
from torch import nn
from torch.nn import functional as F

from common.junk import Case
from helpers.beyond_one_process import checkpoint, launch, parallel

NETWORK = nn.Linear(4, 3)
SGD = torch.optim.SGD(NETWORK.parameters(), lr=0.1)
BATCHES = [(torch.ones(4, 4), torch.arange(4) % 3)] * 2
STATE = {"model": NETWORK.state_dict(), "optimizer": SGD.state_dict(), "rng": {}}
STATE |= {"epoch": 1, "batch": 0}


def train(**roles):
    return list(parallel.train(**roles))


def work(argument):
    return argument


def no_processes(monkeypatch):
    monkeypatch.setattr(launch, "_launch", lambda *_: launch.Launched(()))


CASES: dict[str, Case] = {
    "parallel.wrapped": Case(parallel.wrapped, {"network": NETWORK}),
    "parallel.train": Case(
        train,
        dict(network=NETWORK, batches=BATCHES, loss_function=F.cross_entropy, optimizer=SGD)
        | {"stop": None, "skip": 1},
        fine={"batches": {"an entry less", "an entry more", "no list"}, "skip": {"zero"}},
        called={"loss_function": "^what loss_function gives|^the loss"},
        door=parallel.train,
    ),
    # What is in a state dict is PyTorch's own.
    "checkpoint.save": Case(
        checkpoint.save,
        {"file": "kept.pt", "contents": STATE},
        fine={"contents": {"an odd key", "*, within"}},
    ),
    "checkpoint.load": Case(
        checkpoint.load,
        {"file": "kept.pt"},
        other=(OSError,),
        prepare=lambda _: checkpoint.save("kept.pt", STATE),
    ),
    "checkpoint.restore": Case(
        checkpoint.restore,
        {"contents": STATE, "network": NETWORK, "optimizer": SGD, "name": "the file"},
        fine={
            "contents": {"an odd key", "NaN within, *", "infinity within, *", "with a graph, *"},
            "name": {"*"},
        },
        called={"contents": "the file"},
    ),
    "launch.in_processes": Case(
        lambda work, argument, **numbers: launch.in_processes(work, argument, **numbers),
        {"work": work, "argument": 1, "processes": 2, "restarts": 1},
        fine={"work": {"a function*"}, "argument": {"*"}, "restarts": {"zero"}},
        # It has not run, so there is no result.
        other=(RuntimeError,),
        called={"argument": "arguments"},
        door=launch.in_processes,
        prepare=no_processes,
    ),
    "launch.module": Case(
        launch.module, {"name": "helpers.run", "processes": 2}, prepare=no_processes
    ),
}
