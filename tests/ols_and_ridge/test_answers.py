"""What notebook 02 asks of code: how far off is right still, and on what it is tried."""

import numpy as np
import pytest
import torch

from helpers.ols_and_ridge import answers, least_squares

CHECK = answers.check
# By name: how far off is right still, and what is to be done without.
EXERCISES = {
    "the fit": (1e-6, ()),
    "the condition number": (1e-4, ("cond",)),
    "ridge by stacking": (1e-6, ()),
    "λ by leave-one-out": (1e-6, ()),
    "a smoother": (1e-6, ()),
}
PROFILE = least_squares.hills().height[40] + torch.linspace(0, 3, 100).double().sin()


def test_what_is_done_without_and_how_exactly_stays_as_it_is():
    assert not any(q.varies or q.words for q in CHECK.predictions.values())
    set_ = {name: (q.tolerance, q.without) for name, q in CHECK.exercises.items()}
    assert set_ == EXERCISES
    assert {q.seconds for q in CHECK.exercises.values()} == {5.0}
    assert not any(q.afterwards() for q in CHECK.exercises.values())


def arguments(name: str) -> list[tuple]:
    exercise = CHECK.exercises[name]
    return list(exercise.inputs_from(**({"profile": PROFILE} if exercise.needs() else {})))


def by_leaving_out(X, y, penalties):
    """Fit to all rows but one, one after the other, by NumPy."""

    def error(penalty):
        squares = 0.0
        for row in range(len(y)):
            table, targets = np.delete(X, row, 0), np.delete(y, row)
            gram = table.T @ table + penalty * np.eye(X.shape[1])
            squares += (y[row] - X[row] @ np.linalg.solve(gram, table.T @ targets)) ** 2
        return squares

    return min(penalties, key=error)


def stacked(X, y, penalty):
    rows = np.vstack([X, penalty**0.5 * np.eye(X.shape[1])])
    return np.linalg.lstsq(rows, np.append(y, np.zeros(X.shape[1])))[0]


def smoothed(y, penalty):
    bends = np.diff(np.eye(len(y)), n=2, axis=0)
    return np.linalg.solve(np.eye(len(y)) + penalty * bends.T @ bends, y)


ORACLES = {
    "the fit": lambda X, y: np.linalg.lstsq(X, y)[0],
    "the condition number": np.linalg.cond,
    "ridge by stacking": stacked,
    "λ by leave-one-out": by_leaving_out,
    "a smoother": smoothed,
}


@pytest.mark.parametrize("name", ORACLES)
def test_an_exercise_knows_what_numpy_finds(name):
    found = arguments(name)
    assert len(found) >= 3
    for given in found:
        plain = [part.numpy() if isinstance(part, torch.Tensor) else part for part in given]
        right = CHECK.exercises[name](*given)
        np.testing.assert_allclose(right, ORACLES[name](*plain), rtol=1e-7, atol=1e-9)
        tensors = [part for part in given if isinstance(part, torch.Tensor)]
        assert all(part.dtype is torch.float64 for part in tensors)


def test_no_one_answer_fits_all_inputs():
    """So that none known by heart is right, and sizes differ where they can."""
    for name in ("the fit", "the condition number", "ridge by stacking", "a smoother"):
        shapes = [tuple(given[0].shape) for given in arguments(name)]
        assert len(set(shapes)) == len(shapes), name
    for name in ("the condition number", "λ by leave-one-out"):
        rights = [float(CHECK.exercises[name](*given)) for given in arguments(name)]
        assert len(set(rights)) > 1, name


def test_the_tables_show_what_they_are_for():
    sizes = [(*X.shape, round(np.linalg.cond(X), 6)) for X, _ in arguments("the fit")]
    assert sizes == [(12, 2, 5), (12, 1, 1), (12, 4, 5)]
    kappas = [(*X.shape, round(np.linalg.cond(X), 6)) for (X,) in arguments("the condition number")]
    assert kappas == [(9, 5, 201.5), (9, 3, 120.9), (9, 2, 80.6)]
    noisy = [round(np.linalg.cond(X), 6) for X, *_ in arguments("λ by leave-one-out")]
    assert noisy == [10, 100, 10]
    for X, y in arguments("the fit"):
        few = np.linalg.lstsq(X[:6].numpy(), y[:6].numpy())[0]
        assert np.abs(few - CHECK.exercises["the fit"](X, y).numpy()).max() > 0.01, "with noise"
    for (X,) in arguments("the condition number"):
        sigma = np.linalg.svd(X.numpy(), compute_uv=False)
        assert sigma[0] > 5 and abs(sigma[0] / sigma[-1] % 1 - 0.5) < 0.49
        assert X.shape[0] == 9
    singular, wide, usual, steep = arguments("ridge by stacking")
    assert np.linalg.matrix_rank(singular[0]) == 1 < singular[0].shape[1]
    assert wide[0].shape[0] < wide[0].shape[1] and usual[0].shape == (25, 2)
    assert np.linalg.cond(steep[0]) == pytest.approx(1e7, rel=1e-3)
    assert [given[2] for given in (singular, wide, usual, steep)] == [10.0, 0.5, 3.0, 1e-14]
    for X, _, penalties in arguments("λ by leave-one-out"):
        assert X.shape == (30, 8) and penalties == pytest.approx(np.logspace(-6, 4, 21).tolist())
    smooth = [(len(y), penalty) for y, penalty in arguments("a smoother")]
    assert smooth == [(12, 1.0), (30, 50.0), (100, 7.0)]
