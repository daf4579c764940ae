"""What is counted of a step: products, bytes and calls, against counts made by hand."""

import pytest
import torch

from helpers.speedrun import paper

ONES = torch.ones(4, 8)  # 32 numbers of 4 bytes: 128 bytes.
ROW = ONES[:1]
SIX = torch.ones(8, 3)  # 24 numbers: 96 bytes.

# A step, and the operations of its products, the bytes that it reads and writes, and its calls.
STEPS = {
    "a product": (lambda: ONES @ SIX, (2 * 4 * 8 * 3, 128 + 96 + 48, 1)),
    "a sum": (lambda: ONES + ONES, (0, 3 * 128, 1)),
    "in place": (lambda: torch.zeros(4, 8).add_(ONES), (0, 128 + 3 * 128, 2)),
    "a copy": (lambda: ONES.clone(), (0, 2 * 128, 1)),
    "two calls": (lambda: (ONES + 1).relu(), (0, 4 * 128, 2)),
    "a row": (lambda: ONES.sum(0), (0, 128 + 32, 1)),
    "by keyword": (
        lambda: torch.add(ONES, ONES, out=torch.empty(4, 8)),
        (0, 4 * 128, 1),  # Both, where it goes, and what is returned.
    ),
    "several at once": (lambda: torch.cat([ONES, ONES]), (0, 4 * 128, 1)),
    "double": (lambda: ONES.double(), (0, 128 + 256, 1)),
    "no call": (lambda: None, (0, 0, 0)),
    "numbers": (lambda: torch.tensor(2.0) * torch.tensor(3.0), (0, 0, 0)),
    # What only looks at the same numbers another way.
    "turned": (lambda: ONES.t(), (0, 0, 0)),
    "axes": (lambda: ONES.transpose(0, 1), (0, 0, 0)),
    "shape": (lambda: ONES.view(8, 4), (0, 0, 0)),
    "stretched": (lambda: ROW.expand(4, 8), (0, 0, 0)),
    "an axis more": (lambda: ONES.unsqueeze(0), (0, 0, 0)),
    "let go": (lambda: ONES.detach(), (0, 0, 0)),
    "room": (lambda: torch.empty(4, 8), (0, 0, 0)),
}


@pytest.mark.parametrize("name", STEPS)
def test_counts_are_those_made_by_hand(name):
    step, expected = STEPS[name]
    found = paper.count(step)
    assert (found.flops, found.bytes, found.calls) == expected


def test_a_step_is_run_once():
    runs = []
    paper.count(lambda: runs.append(1))
    assert runs == [1]
