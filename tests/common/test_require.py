"""Each check lets through what will do, to the bound, and says in one line what will not."""

import inspect
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from helpers.common import require

FLOAT = torch.ones(2, 3, requires_grad=True)
ELSEWHERE = torch.empty(1, device="meta")
SGD = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
SOME_NAMELESS = SimpleNamespace(param_groups=({}, [FLOAT]), step=print, zero_grad=print)
NAMELESS = SimpleNamespace(param_groups=([FLOAT],), step=print, zero_grad=print)


class Made:
    """It has all that an optimiser has, and is none before it is called."""

    param_groups, step, zero_grad = [{}], print, print


class Walked(Dataset):
    """A data set that can be walked gives what it likes, batches too."""

    def __iter__(self):
        return iter([(1, 2)])


def of(check, *values, **options):
    return [(check, value, options) for value in values]


def refused(check, value, error, words, **options):
    return check, value, options, error, words


FINE = [
    *of(require.whole, 1, 10**9, np.int64(3)),
    *of(require.whole, 0, 5, least=0, most=5),
    *of(require.seed, 0, 2**63 - 1),
    *of(require.number, -3, 2.5, -(2**63), 2**63 - 1, 1e300, np.float32(1), Fraction(1, 3)),
    *of(require.number, 0, 1.0, least=0),
    *of(require.number, 1e-300, above=0),
    *of(require.text, "a"),
    *of(require.truth, True, False),
    *of(require.choice, "left", choices=("left", "right")),
    *of(require.instance, 3, "a", kind=(int, str), give="a name"),
    *of(require.function, print, nn.Linear),
    *of(require.path, "a", Path("a")),
    *of(require.device, "cpu", torch.device("cpu")),
    *of(require.batches, [], [(1, 2)], iter(()), Walked(), DataLoader(TensorDataset(FLOAT))),
    *of(require.network, nn.ReLU()),
    *of(require.optimizer, SGD, Made()),
    *of(require.dtype, torch.float32, torch.float64),
    *of(require.tensor, FLOAT, FLOAT.double(), FLOAT.detach()),
    *of(require.tensor, FLOAT, shape=(2, "n")),
    *of(require.tensor, FLOAT / 0, finite=False),
    *of(require.tensor, FLOAT.long(), dtypes=(torch.int64,)),
    *of(require.tensor, FLOAT.detach(), plain=True),
    *of(require.tensor, ELSEWHERE, finite=False),
    *of(require.tensor, FLOAT.detach() / 0, plain=True, finite=False),
    *of(require.items, [1], (1, 2), range(3)),
    *of(require.items, [1, 2], fewest=2),
    *of(require.series, [1, 2.5], torch.arange(3), torch.ones(1)),
    *of(require.series, [0, 1], least=0),
]

T, V = TypeError, ValueError
EITHER = "torch.float32 or torch.float64"
AN_OPTIMISER = "torch.optim.SGD(network.parameters(), lr=0.1), or another optimiser"
REFUSED = [
    refused(require.whole, True, T, "x is True: give a whole number"),
    refused(require.whole, 2.0, T, "x is 2.0: give a whole number"),
    refused(require.whole, 0, V, "x is 0: give at least 1"),
    refused(require.whole, 10**9 + 1, V, "x is 1000000001: give at most 1000000000"),
    refused(require.whole, 6, V, "x is 6: give at most 5", most=5),
    refused(require.whole, 2**128, V, "x is a number of 129 bits: give at most 1000000000"),
    refused(require.seed, -1, V, "x is -1: give at least 0"),
    refused(require.seed, 2**63, V, f"x is {2**63}: give at most {2**63 - 1}"),
    refused(require.number, "1", T, "x is '1': give a number"),
    refused(require.number, False, T, "x is False: give a number"),
    refused(require.number, 2**63, V, f"x is {2**63}: give a float, such as 1e30"),
    refused(require.number, -(2**63) - 1, V, f"x is {-(2**63) - 1}: give a float, such as 1e30"),
    refused(require.number, float("nan"), V, "x is nan: give a finite number"),
    refused(require.number, float("-inf"), V, "x is -inf: give a finite number"),
    refused(require.number, float("inf"), V, "x is inf: give a finite number"),
    refused(require.number, float("inf"), V, "x is inf: give a finite number of at least 0.5",
            least=0.5),
    refused(require.number, 0.5, V, "x is 0.5: give a finite number of at least 0 above 0.5",
            least=0, above=0.5),
    refused(require.number, 1j, T, "x is 1j: give a number"),
    refused(require.number, -0.5, V, "x is -0.5: give a finite number of at least 0", least=0),
    refused(require.number, 0, V, "x is 0: give a finite number above 0", above=0),
    refused(require.text, 3, T, "x is 3: give a text"),
    refused(require.text, " ", V, "x is ' ': give a few words"),
    refused(require.truth, 1, T, "x is 1: give True or False"),
    refused(require.choice, 1, T, "x is 1: give a text", choices=("a",)),
    refused(require.choice, "c", V, "x is 'c': give one of a, b", choices=("a", "b")),
    refused(require.choice, "c", V, "x is 'c': give one of them", choices=("a",), where="them"),
    refused(require.instance, [], T, "x is a list: give a name", kind=(int, str), give="a name"),
    refused(require.function, 3, T, "x is 3: give a function"),
    refused(require.path, 3, T, "x is 3: give a path"),
    refused(require.path, "", V, "x is '': give a path"),
    refused(require.path, "a\0b", V, "x is 'a\\x00b': give a path"),
    refused(require.device, 0, T, "x is 0: give a torch.device or its name, such as 'cpu'"),
    refused(require.device, "cpu:a", V, "x is 'cpu:a': give one that is there (Invalid device "
            "string: 'cpu:a')"),
    *[refused(require.batches, value, T, f"x is {words}: give pairs of images and labels")
      for value, words in [("ab", "a str"), (b"ab", "a bytes"), ({}, "a dict"), (3, "an int"),
                           (FLOAT, "a Tensor")]],
    refused(require.batches, TensorDataset(FLOAT), T,
            "x is a TensorDataset, of which no batches were made: "
            "give torch.utils.data.DataLoader(x, batch_size=64)"),
    refused(require.network, nn.ReLU, T, "x is a type: give a torch.nn.Module"),
    refused(require.optimizer, torch.optim.SGD, T, f"x is a type: give {AN_OPTIMISER}"),
    refused(require.optimizer, nn.ReLU(), T, f"x is a ReLU: give {AN_OPTIMISER}"),
    refused(require.optimizer, NAMELESS, T, f"x is a SimpleNamespace: give {AN_OPTIMISER}"),
    refused(require.optimizer, Made, T, f"x is a type: give {AN_OPTIMISER}"),
    refused(require.optimizer, SOME_NAMELESS, T, f"x is a SimpleNamespace: give {AN_OPTIMISER}"),
    *[refused(require.optimizer, SimpleNamespace(**{name: part for name, part in
              {"param_groups": [{}], "step": print, "zero_grad": print}.items() if name != left}),
              T, f"x is a SimpleNamespace: give {AN_OPTIMISER}")
      for left in ("param_groups", "step", "zero_grad")],
    refused(require.dtype, torch.float16, T, f"x is torch.float16: give {EITHER}"),
    refused(require.dtype, torch.int64, T, f"x is torch.int64: give {EITHER}"),
    refused(require.tensor, [1.0], T, "x is a list: give a torch tensor"),
    refused(require.tensor, FLOAT.long(), T, f"x has dtype torch.int64: give {EITHER}"),
    refused(require.tensor, FLOAT, V, "x has shape (2, 3): give (3, 3)", shape=(3, 3)),
    refused(require.tensor, FLOAT, V, "x has shape (2, 3): give (2,)", shape=(2,)),
    refused(require.tensor, FLOAT, V, "x has shape (2, 3): give (2, 3, n)", shape=(2, 3, "n")),
    refused(require.tensor, FLOAT, V, "x has shape (2, 3): give (2, 4)", shape=(2, 4)),
    refused(require.tensor, FLOAT.half(), T, f"x has dtype torch.float16: give {EITHER}"),
    refused(require.tensor, FLOAT, T, "x has dtype torch.float32: give torch.int64",
            dtypes=(torch.int64,)),
    refused(require.tensor, FLOAT.detach() / 0, V,
            "x holds NaN or infinite values (6): leave those out", plain=True),
    refused(require.tensor, torch.ones(0), V, "x has shape (0,): there is nothing in it"),
    refused(require.tensor, FLOAT, V, "x has a graph behind it: give x.detach()", plain=True),
    refused(require.tensor, ELSEWHERE, V, "x is on meta: give x.cpu()", plain=True),
    refused(require.tensor, torch.tensor([1.0, float("nan"), float("inf")]), V,
            "x holds NaN or infinite values (2): leave those out"),
    refused(require.items, "ab", T, "x is a str: give a list or a tuple"),
    refused(require.items, {1, 2}, T, "x is a set: give a list or a tuple"),
    refused(require.items, [], V, "x is empty: give at least 2", fewest=2),
    refused(require.items, [1], V, "x has 1 entries: give at least 2", fewest=2),
    refused(require.series, [1, "2"], T, "x[1] is '2': give a number"),
    refused(require.series, [1, float("nan")], V, "x[1] is nan: give a finite number"),
    refused(require.series, [0.5, -1], V, "x[1] is -1: give a finite number of at least 0", least=0),  # noqa: E501
    refused(require.series, [1, 0], V, "x[1] is 0: give a finite number above 0", above=0),
    refused(require.series, FLOAT.detach(), V, "x has shape (2, 3): give (n,)"),
    refused(require.series, FLOAT[0], V, "x has a graph behind it: give x.detach()"),
    refused(require.series, ELSEWHERE, V, "x is on meta: give x.cpu()"),
    refused(require.series, torch.tensor([1.0, float("inf")]), V,
            "x holds NaN or infinite values (1): leave those out"),
    refused(require.series, torch.tensor([True]), T,
            "x has dtype torch.bool: give torch.float32 or torch.float64 or torch.int64"),
    refused(require.series, torch.tensor([1, 0]), V, "x[1] is 0: give a finite number above 0",
            above=0),
    refused(require.series, [], V, "x is empty: give at least 1"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "value", "options"), FINE)
def test_what_will_do_is_let_through(check, value, options):
    assert check("x", value, **options) is None


@pytest.mark.parametrize(("check", "value", "options", "error", "words"), REFUSED)
def test_what_will_not_do_is_named_in_one_line(check, value, options, error, words):
    with pytest.raises(error) as caught:
        check("x", value, **options)
    assert type(caught.value) is error and str(caught.value) == words


def test_each_check_is_tried():
    tried = {check.__name__ for check, *_ in FINE} & {check.__name__ for check, *_ in REFUSED}
    checks = inspect.getmembers(require, inspect.isfunction)
    # Two have another form: see below.
    assert tried | {"pairs", "shown"} == {name for name, _ in checks if not name.startswith("_")}


def test_pairs_are_walked_until_one_is_none():
    walk = require.pairs("x", [(1, 2), [3, 4], (5, 6, 7)])
    assert [next(walk), next(walk)] == [(1, 2), (3, 4)]
    with pytest.raises(TypeError, match="^x holds a tuple: give pairs of images and labels$"):
        next(walk)


@pytest.mark.parametrize(
    ("batch", "words"),
    [
        ("ab", "'ab'"),
        ((1,), "a tuple"),
        ([], "a list"),
        ({1: 2, 3: 4}, "a dict"),
        (None, "None"),
        (FLOAT, "a tensor of shape (2, 3) and dtype torch.float32"),
    ],
)
def test_what_has_two_entries_may_be_no_pair(batch, words):
    with pytest.raises(TypeError) as caught:
        next(require.pairs("x", [batch]))
    assert str(caught.value) == f"x holds {words}: give pairs of images and labels"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(RuntimeError(), "RuntimeError"), (ValueError("no such\nthing"), "no such")],
)
def test_a_device_that_fails_is_named_with_the_first_line_of_the_reason(monkeypatch, error, reason):
    def empty(*_, device):
        assert device == "cuda:7"
        raise error

    monkeypatch.setattr(torch, "empty", empty)
    with pytest.raises(ValueError) as caught:
        require.device("x", "cuda:7")
    assert str(caught.value) == f"x is 'cuda:7': give one that is there ({reason})"
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (FLOAT, "a tensor of shape (2, 3) and dtype torch.float32"),
        ("a" * 58, repr("a" * 58)),
        ("a" * 59, "'" + "a" * 59 + "…"),
        (None, "None"),
        (2**127, str(2**127)),
        (torch.float32, "torch.float32"),
        (SGD, "a SGD"),
        (Fraction(1, 2), "a Fraction"),
        (object(), "an object"),
        (torch.optim.Adam([FLOAT]), "an Adam"),
        (UserWarning(), "an UserWarning"),
        (2**128, "a number of 129 bits"),
        (-(2**128), "a number of 129 bits"),
        (True, "True"),
        (1 + 2j, "(1+2j)"),
        (torch.tensor(True), "a tensor of shape () and dtype torch.bool"),
    ],
)
def test_a_value_is_shown_short(value, words):
    assert require.shown(value) == words
