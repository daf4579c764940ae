"""What holds for whatever is put in, with input that chance makes up: the same in each run."""

import ast

import pytest
import torch

from common.chance import given, settings, st
from helpers.debugging_clinic.charts import accuracy
from helpers.debugging_clinic.listing import first_error

pytestmark = pytest.mark.proof


@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 40))
def test_a_sound_networks_accuracy_does_not_depend_on_its_batches(seed, size):
    torch.manual_seed(seed)
    network = torch.nn.Linear(5, 3).double()
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(40, 5, generator=generator, dtype=torch.float64)
    labels = torch.arange(40) % 3
    right = float((network(images).argmax(dim=1) == labels).double().mean())
    batches = list(zip(images.split(17), labels.split(17), strict=True))
    assert accuracy(network, batches, in_batches_of=size) == pytest.approx(right)


LINES = ["x = 1", "1 / 0", "def f(:", "    y = 2", "if x:", "raise ValueError('a\\nb')", "(", ")"]
LINES += ["", "\x0c", "'", '"""', "\u2028 = 1", "\\", "\tx", "class A:", "x = = 2", "return"]


@settings(max_examples=150)
@given(lines=st.lists(st.sampled_from(LINES), max_size=5), end=st.sampled_from(["", "\n", "\r\n"]))
def test_whatever_stops_a_listing_is_reported_with_its_line(lines, end):
    listing = "\n".join(lines) + end
    found = first_error(listing)
    try:
        ast.parse(listing)
    except SyntaxError as error:
        assert found.kind == type(error).__name__
    if found is not None:
        assert "\n" not in found.message and found.frames_below >= 0
        assert 0 <= found.line <= len(lines) + 1
        assert found.source in [line.strip() for line in (*lines, "")]
