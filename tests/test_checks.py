"""Each check lets through what will do, to the bound, and says in one line what will not."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from helpers import checks

FLOAT = torch.ones(2, 3, requires_grad=True)
SGD = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)


def of(check, *values, **options):
    return [(check, value, options) for value in values]


FINE = [
    *of(checks.whole, 1, 10**9, np.int64(3)),
    *of(checks.whole, 0, 5, least=0, most=5),
    *of(checks.seed, 0, 2**63 - 1),
    *of(checks.number, -3, 2.5, -(2**63), 2**63 - 1, 1e300, np.float32(1), Fraction(1, 3)),
    *of(checks.number, 0, 1.0, least=0, most=1),
    *of(checks.number, 1e-300, 0.999, above=0, below=1),
    *of(checks.text, "a"),
    *of(checks.truth, True, False),
    *of(checks.choice, "left", choices=("left", "right")),
    *of(checks.function, print, nn.Linear),
    *of(checks.path, "a", Path("a")),
    *of(checks.device, "cpu", torch.device("cpu")),
    *of(checks.batches, [], [(1, 2)], iter(())),
    *of(checks.network, nn.ReLU()),
    *of(checks.optimizer, SGD),
    *of(checks.dtype, torch.float32, torch.float64),
    *of(checks.tensor, FLOAT, FLOAT.double(), FLOAT.detach()),
    *of(checks.tensor, FLOAT, shape=(2, "n")),
    *of(checks.tensor, FLOAT / 0, finite=False),
    *of(checks.tensor, FLOAT.long(), dtypes=(torch.int64,)),
    *of(checks.tensor, FLOAT.detach(), plain=True),
    *of(checks.items, [1], (1, 2), range(3)),
    *of(checks.items, [], fewest=0),
    *of(checks.items, [1, 2], length=2, fewest=2),
    *of(checks.series, [1, 2.5], torch.arange(3), torch.ones(1)),
    *of(checks.series, [float("nan"), float("inf")], finite=False),
    *of(checks.series, [0, 1], least=0),
    *of(checks.texts, ["a", "b"], length=2),
    *of(checks.mapping, {"a": 1}, keys=("a",), most=1),
    *of(checks.mapping, {1: "a"}, of=int),
]


@pytest.mark.parametrize(("check", "value", "options"), FINE)
def test_what_will_do_is_let_through(check, value, options):
    assert check("x", value, **options) is None


def refused(check, value, kind, words, **options):
    return check, value, options, kind, words


T, V = TypeError, ValueError
REFUSED = [
    refused(checks.whole, True, T, "x is True: give a whole number"),
    refused(checks.whole, 2.0, T, "x is 2.0: give a whole number"),
    refused(checks.whole, 0, V, "x is 0: give at least 1"),
    refused(checks.whole, 10**9 + 1, V, "x is 1000000001: give at most 1000000000"),
    refused(checks.whole, 6, V, "x is 6: give at most 5", most=5),
    refused(checks.whole, 2**128, V, "x is a number of 129 bits: give at most 1000000000"),
    refused(checks.seed, -1, V, "x is -1: give at least 0"),
    refused(checks.seed, 2**63, V, f"x is {2**63}: give at most {2**63 - 1}"),
    refused(checks.number, "1", T, "x is '1': give a number"),
    refused(checks.number, False, T, "x is False: give a number"),
    refused(checks.number, 2**63, V, f"x is {2**63}: give a float, such as 1e30"),
    refused(checks.number, -(2**63) - 1, V, f"x is {-(2**63) - 1}: give a float, such as 1e30"),
    refused(checks.number, float("nan"), V, "x is nan: give a finite number"),
    refused(checks.number, float("-inf"), V, "x is -inf: give a finite number"),
    refused(
        checks.number, -0.5, V, "x is -0.5: give a finite number of at least 0 and of at most 1",
        least=0, most=1,
    ),
    refused(checks.number, 1.5, V, "x is 1.5: give a finite number of at most 1", most=1),
    refused(checks.number, 0, V, "x is 0: give a finite number above 0", above=0),
    refused(checks.number, 1, V, "x is 1: give a finite number below 1", below=1),
    refused(checks.text, 3, T, "x is 3: give a text"),
    refused(checks.text, " ", V, "x is ' ': give a few words"),
    refused(checks.truth, 1, T, "x is 1: give True or False"),
    refused(checks.choice, 1, T, "x is 1: give a text", choices=("a",)),
    refused(checks.choice, "c", V, "x is 'c': give one of a, b", choices=("a", "b")),
    refused(checks.choice, "c", V, "x is 'c': give one of them", choices=("a",), where="them"),
    refused(checks.function, 3, T, "x is 3: give a function"),
    refused(checks.path, 3, T, "x is 3: give a path"),
    refused(checks.path, "", V, "x is '': give a path"),
    refused(checks.path, "a\0b", V, "x is 'a\\x00b': give a path"),
    refused(checks.device, 0, T, "x is 0: give a torch.device or its name, such as 'cpu'"),
    refused(checks.device, "cpu:a", V, "x is 'cpu:a': give one that is there (Invalid device "
            "string: 'cpu:a')"),
    refused(checks.batches, "ab", T, "x is a str: give pairs of images and labels"),
    refused(checks.batches, b"ab", T, "x is a bytes: give pairs of images and labels"),
    refused(checks.batches, {}, T, "x is a dict: give pairs of images and labels"),
    refused(checks.batches, FLOAT, T, "x is a Tensor: give pairs of images and labels"),
    refused(checks.batches, 3, T, "x is an int: give pairs of a and b", of="a and b"),
    refused(checks.network, nn.ReLU, T, "x is a type: give a torch.nn.Module"),
    refused(checks.optimizer, torch.optim.SGD, T, "x is a type: give torch.optim.SGD("
            "network.parameters(), lr=0.1), or another optimiser"),
    refused(checks.optimizer, nn.ReLU(), T, "x is a ReLU: give torch.optim.SGD("
            "network.parameters(), lr=0.1), or another optimiser"),
    refused(checks.dtype, torch.int64, T, "x is torch.int64: give torch.float32 or torch.float64"),
    refused(checks.tensor, [1.0], T, "x is a list: give a torch tensor"),
    refused(checks.tensor, torch.arange(3), T, "x has dtype torch.int64: give torch.float32 or "
            "torch.float64"),
    refused(checks.tensor, FLOAT, V, "x has shape (2, 3): give (3, 3)", shape=(3, 3)),
    refused(checks.tensor, FLOAT, V, "x has shape (2, 3): give (2,)", shape=(2,)),
    refused(checks.tensor, FLOAT, V, "x has shape (2, 3): give (2, 3, n)", shape=(2, 3, "n")),
    refused(checks.tensor, torch.ones(0), V, "x has shape (0,): there is nothing in it"),
    refused(checks.tensor, FLOAT, V, "x has a graph behind it: give x.detach()", plain=True),
    refused(checks.tensor, torch.empty(1, device="meta"), V, "x is on meta: give x.cpu()",
            plain=True),
    refused(checks.tensor, torch.tensor([1.0, float("nan"), float("inf")]), V,
            "x holds NaN or infinite values (2): leave those out"),
    refused(checks.items, "ab", T, "x is a str: give a list or a tuple"),
    refused(checks.items, {1, 2}, T, "x is a set: give a list or a tuple"),
    refused(checks.items, [], V, "x is empty: give at least 2", fewest=2),
    refused(checks.items, [1], V, "x has 1 entries: give at least 2", fewest=2),
    refused(checks.items, [1, 2], V, "x has 2 entries: give 3", length=3),
    refused(checks.series, [1, "2"], T, "x[1] is '2': give a number"),
    refused(checks.series, [1, float("nan")], V, "x[1] is nan: give a finite number"),
    refused(checks.series, [0.5, -1], V, "x[1] is -1: give a finite number of at least 0", least=0),
    refused(checks.series, [1, 0], V, "x[1] is 0: give a finite number above 0", above=0),
    refused(checks.series, FLOAT.detach(), V, "x has shape (2, 3): give (n,)"),
    refused(checks.series, [1], V, "x has 1 entries: give at least 2", fewest=2),
    refused(checks.texts, ["a", ""], V, "x[1] is '': give a few words"),
    refused(checks.texts, ["a"], V, "x has 1 entries: give 2", length=2),
    refused(checks.mapping, [1], T, "x is a list: give a dict"),
    refused(checks.mapping, {}, V, "x is empty: give at least one entry"),
    refused(checks.mapping, {"a": 1, "b": 2}, V, "x has 2 entries: give at most 1", most=1),
    refused(checks.mapping, {1: 2}, T, "x has an entry for 1: give other keys"),
    refused(checks.mapping, {"a": 1}, V, "x has no entry 'b': give one", keys=("a", "b")),
]  # fmt: skip


@pytest.mark.parametrize(("check", "value", "options", "kind", "words"), REFUSED)
def test_what_will_not_do_is_named_in_one_line(check, value, options, kind, words):
    with pytest.raises(kind) as caught:
        check("x", value, **options)
    assert type(caught.value) is kind and str(caught.value) == words


def test_each_check_is_tried():
    tried = {check.__name__ for check, *_ in FINE} & {check.__name__ for check, *_ in REFUSED}
    # Those have another form: see below.
    assert tried | {"instance", "pairs", "shown"} == {
        name
        for name, thing in vars(checks).items()
        if getattr(thing, "__module__", "") == checks.__name__ and not name.startswith("_")
    }


def test_an_instance_is_asked_for_in_words():
    assert checks.instance("x", 3, (int, str), "a number") is None
    with pytest.raises(TypeError, match="^x is a list: give a number$"):
        checks.instance("x", [], (int, str), "a number")


def test_pairs_are_walked_until_one_is_none():
    walk = checks.pairs("x", [(1, 2), [3, 4], (5, 6, 7)])
    assert [next(walk), next(walk)] == [(1, 2), (3, 4)]
    with pytest.raises(TypeError, match="^x holds a tuple: give pairs of images and labels$"):
        next(walk)


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
    ],
)
def test_a_value_is_shown_short(value, words):
    assert checks.shown(value) == words
