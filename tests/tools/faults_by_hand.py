"""Faults for `planted.py`, made by hand.

They are the mistakes that people make in such code: a sign, an index one off, the other `dim`,
swapped arguments, a step left out, a λ that is not scaled, another norm; and a notebook that no
longer shows what its cells do.
"""

from collections.abc import Callable, Iterator

import nbformat
from nbformat import NotebookNode

from every_notebook.series import NOTEBOOKS

# In which file, in which function, what is written there, and what is planted in its place.
IN_HELPERS: list[tuple[str, str, str, str]] = [
    # Signs
    (
        "helpers/gradient_descent/descent.py",
        "run",
        "return w - size * direction",
        "return w + size * direction",
    ),
    ("helpers/gradient_descent/descent.py", "run", "+ weight_decay * w", "- weight_decay * w"),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "MomentumSGD.step",
        'weight.sub_(velocity, alpha=group["lr"])',
        'weight.add_(velocity, alpha=group["lr"])',
    ),
    # One off
    ("helpers/gradient_descent/descent.py", "run", "size = lr(taken)", "size = lr(taken + 1)"),
    ("helpers/gradient_descent/descent.py", "record", "range(1, steps + 1)", "range(1, steps)"),
    (
        "helpers/fashion_mnist_pipeline/fashion.py",
        "Batches._fetch",
        ".float().div_(255)",
        ".float().div_(256)",
    ),
    # The other dimension
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_Walk.see",
        "scores.argmax(dim=1) == labels",
        "scores.argmax(dim=0) == labels",
    ),
    (
        "helpers/debugging_clinic/cases.py",
        "admit",
        "faults.OVER_DIM_0: (nn.LogSoftmax(dim=0)",
        "faults.OVER_DIM_0: (nn.LogSoftmax(dim=1)",
    ),
    # Swapped arguments
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "MomentumSGD.step",
        "torch.add(weight.grad, velocity, alpha",
        "torch.add(velocity, weight.grad, alpha",
    ),
    # Something left out
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_Walk.take_step",
        "_call(step, why",
        "dict(why",
    ),
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_Walk.fill_gradients",
        "_call(self._optimizer.zero_grad, ",
        "_call(lambda: None, ",
    ),
    (
        "helpers/debugging_clinic/steps.py",
        "clearing_too_early",
        "loss.backward()\n    optimizer.zero_grad()\n    optimizer.step()",
        "optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()",
    ),
    # Not scaled
    (
        "helpers/fashion_mnist_pipeline/training.py",
        "_Walk.see",
        "self._loss += loss * images",
        "self._loss += loss",
    ),
    (
        "helpers/gradient_descent/descent.py",
        "run",
        "momentum * velocity + direction\n",
        "momentum * velocity + (1 - momentum) * direction\n",
    ),
    (
        "helpers/beyond_one_process/parallel.py",
        "_backward",
        "loss * (size / whole)",
        "loss * (1 / whole)",
    ),
    # Another norm
    (
        "helpers/gradient_descent/descent.py",
        "Path.distances",
        "vector_norm(self.points - goal, dim=-1)",
        "vector_norm(self.points - goal, ord=1, dim=-1)",
    ),
    # What judges the readers, and the first two notebooks
    ("helpers/common/judging.py", "_bare", "value.casefold()", "value"),
    ("helpers/common/judging.py", "_is_made", "nan_is_nan=True", "nan_is_nan=False"),
    (
        "helpers/common/questions.py",
        "Prediction.judge",
        "guess, answer, self",
        "answer, guess, self",
    ),
    ("helpers/computation_graph/backtrack.py", "_saved_in_words", "-= 2**64", "+= 2**64"),
    ("helpers/ols_and_ridge/least_squares.py", "conditioned_problem", " / weights.norm()", ""),
    ("helpers/ols_and_ridge/trials.py", "leave_one_out_by_refitting", "!= row", "== row"),
    ("helpers/ols_and_ridge/trials.py", "ridge_by_stacking", "penalty**0.5", "penalty"),
]

Change = Callable[[NotebookNode], object]

# In which notebook, in which cell, what is written there, and what is planted in its place.
_IN_CELLS: list[tuple[str, str, str, str]] = [
    ("01", "a-leaf-changed-under-no-grad", "x -= 0.1 * x.grad", "x += 0.1 * x.grad"),
    ("02", "ridge", "X.T @ X + penalty * identity", "X.T @ X"),
    ("02", "fit-intercept", "    on_each[0] = 0.0\n", ""),
    ("02", "leave-one-out", "(1 - hat.diagonal())", "(1 + hat.diagonal())"),
    ("02", "tailors-plain-fit", "measured.std(dim=0)", "measured.std()"),
    ("03", "five-steps-in-two-lines", "return w - lr * g", "return w + lr * g"),
    ("03", "our-lines-beside-sgd", "    optimizer.zero_grad()\n", ""),
    ("03", "changes-on-a-sphere", "norm(dim=1, keep", "norm(dim=0, keep"),
    ("03", "early-stopping-beside-ridge", "14 / (2 * times)", "1 / (2 * times)"),
    ("04", "network", "self.scores(x), dim=1", "self.scores(x), dim=0"),
    ("04", "an-epoch-by-hand", "    sgd.zero_grad()  # 6.5 clear\n", ""),
    ("04", "an-epoch-by-hand", "    sgd.step()  # 6.4 update\n", ""),
    ("05", "seven-repairs", '    ("batch_data", "batchdata"),\n', ""),
    ("06", "a-part-of-80-and-one-of-16", "(80 * of_80 + 16 * of_16)", "(16 * of_80 + 80 * of_16)"),
    ("06", "train-or-die", "checkpoint.restore(found, network, sgd)", "pass"),
]


def in_notebooks() -> Iterator[tuple[str, str, str, Callable[[str], str]]]:
    """Yield (path, cell, what, change of the file's text) of each fault in a notebook."""
    paths = {path.stem[:2]: f"notebooks/{path.name}" for path in NOTEBOOKS}
    faults = [
        (number, cell, f"{old.strip()} → {new.strip()}", _rewrite(cell, old, new))
        for number, cell, old, new in _IN_CELLS
    ]
    for number, cell, what, change in [*faults, *_OF_A_FILE]:
        if number in paths:  # A fork may have dropped the notebook.
            yield paths[number], cell, what, _in_text(change)


def _in_text(change: Change) -> Callable[[str], str]:
    def plant(text: str) -> str:
        notebook = nbformat.reads(text, as_version=4)
        change(notebook)
        return nbformat.writes(notebook)

    return plant


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def _rewrite(name: str, old: str, new: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        cell = _cell(notebook, name)
        if cell.source.count(old) != 1:
            raise ValueError(f"{old!r} stands in {name} {cell.source.count(old)} times, not once")
        cell.source = cell.source.replace(old, new)

    return change


def _uncount(name: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        _cell(notebook, name).execution_count = None

    return change


def _stale(name: str) -> Change:
    """Add one to the last digit that the cell has printed."""

    def change(notebook: NotebookNode) -> None:
        output = _cell(notebook, name).outputs[0]
        place = max(place for place, sign in enumerate(output.text) if sign.isdigit())
        digit = (int(output.text[place]) + 1) % 10
        output.text = f"{output.text[:place]}{digit}{output.text[place + 1 :]}"

    return change


def _clear(name: str) -> Change:
    def change(notebook: NotebookNode) -> None:
        _cell(notebook, name).outputs = []

    return change


# Faults of a notebook's file: number, cell, what is wrong with it, and the change.
_OF_A_FILE: list[tuple[str, str, str, Change]] = [
    ("01", "fresh-x-y-and-z", "its number taken away", _uncount("fresh-x-y-and-z")),
    ("02", "best-weights", "another digit stored", _stale("best-weights")),
    ("03", "slopes-of-both-lines", "its output cleared", _clear("slopes-of-both-lines")),
]
