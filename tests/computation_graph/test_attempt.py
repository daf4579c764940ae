import pytest
import torch

from helpers.computation_graph import attempt


def x_and_its_square():
    x = torch.tensor(2.0, requires_grad=True)
    return x, x**2


def test_a_walk_leaves_its_gradient_and_says_nothing(capsys):
    x, y = x_and_its_square()
    assert attempt.backward(y**2, x) == 32
    assert capsys.readouterr().out == ""


def test_a_walk_that_is_stopped_says_why_and_leaves_no_gradient(capsys):
    x, y = x_and_its_square()
    z = y**2
    y.add_(1)
    assert attempt.backward(z, x) is None and x.grad is None
    said = capsys.readouterr().out
    assert "modified by an\ninplace operation" in said and "Hint" not in said
    assert max(map(len, said.splitlines())) <= 80


def test_a_walk_that_passes_the_leaf_by_leaves_none():
    x, _ = x_and_its_square()
    other = torch.tensor(3.0, requires_grad=True)
    assert attempt.backward(other**2, x) is None


def test_what_is_left_is_a_number_and_another_error_goes_on():
    x, y = x_and_its_square()
    slope = attempt.backward(y, x)
    assert type(slope) is float and slope == 4

    def refuse(_):
        raise KeyError("mine")

    x, y = x_and_its_square()
    y.register_hook(refuse)
    with pytest.raises(KeyError, match="mine"):
        attempt.backward(y, x)


@pytest.mark.parametrize(("length", "lines"), [(39, 1), (40, 2)])
def test_a_line_has_80_signs_at_most(length, lines, capsys):
    def refuse(_):
        raise RuntimeError(f"{'a' * 40} {'b' * length} Hint: none")

    x, y = x_and_its_square()
    y.register_hook(refuse)
    assert attempt.backward(y, x) is None
    assert [*map(len, capsys.readouterr().out.splitlines())] == ([80] if lines == 1 else [40, 40])
