"""What holds for whatever is put in, with input that chance makes up: the same in each run."""

import contextlib
import io
import tempfile
from pathlib import Path

import pytest
import torch

from beyond_one_process.processes import alike
from common.chance import given, normal, seeds, st
from helpers import run
from helpers.beyond_one_process import checkpoint, parallel

pytestmark = pytest.mark.proof


@given(count=st.integers(0, 40), size=st.integers(1, 12))
def test_the_parts_of_a_batch_are_the_batch_and_nearly_alike(count, size):
    images, labels = torch.arange(2 * count).view(count, 2), torch.arange(count)
    parts = [parallel.share(images, labels, parallel.Group(rank, size)) for rank in range(size)]
    assert torch.equal(torch.cat([x for x, _ in parts]), images)
    assert torch.equal(torch.cat([y for _, y in parts]), labels)
    lengths = [len(y) for _, y in parts]
    assert max(lengths) - min(lengths) <= 1


# --- Checkpoints ---

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
DTYPES += [torch.bool, torch.complex64]


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    values = normal(draw(seeds), *shape).mul(10).to(draw(st.sampled_from(DTYPES)))
    if draw(st.booleans()) and values.ndim > 1:
        values = values.transpose(0, -1)  # What is not in one piece in memory.
    return values


plain = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text(max_size=5)
kept = st.recursive(
    plain | tensors(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    model=st.dictionaries(st.text(max_size=3), tensors(), max_size=3),
    rng=st.dictionaries(st.text(max_size=3), kept, max_size=3),
    epoch=st.integers(0, 99),
    more=kept,
)
def test_what_is_kept_comes_back(model, rng, epoch, more):
    contents = {"model": model, "optimizer": {}, "rng": rng, "epoch": epoch, "batch": 0}
    contents["more"] = more
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder) / "kept", contents)
        assert alike(checkpoint.load(Path(folder) / "kept"), contents)
        assert [file.name for file in Path(folder).iterdir()] == ["kept"]


# --- The command line ---

words = st.text(max_size=4) | st.sampled_from(
    ["--epochs", "--lr", "--momentum", "--network", "--json", "--limit", "--checkpoint", "-x", "--"]
)


@given(before=st.lists(words, max_size=5))
def test_a_command_line_that_makes_no_sense_gets_one_line(before):
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
        # Whatever stands before it, this one is wrong, and no run is begun.
        assert run.main([*before, "--seed", "-1"]) == 2
    assert heard.getvalue().count("\n") == 1 and heard.getvalue().startswith("helpers.run: ")
