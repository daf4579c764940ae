"""What notebook 02 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import torch

from helpers.common.questions import Questions
from helpers.ols_and_ridge import least_squares

check = Questions()


# --- Which weights fit best? ---

check.prediction("twice as far", right=4, tolerance=1e-3, hints={
    1: "The loss climbs on: no two points on the way out have the same loss.",
    2: "That would hold on an even slope. At ŵ the slope is zero: the square of the step is left.",
    3: "From the first step to the second it rises three times as much; count from ŵ.",
    8: "That would be a cube; the loss is a sum of squares.",
})  # fmt: skip


@check.exercise(
    "the fit",
    # With noise, because without it any few of the rows give the same weights as all.
    inputs=[
        least_squares.conditioned_problem(12, d, 5.0, seed=d, noise=0.3)[:2] for d in (2, 1, 4)
    ],
)
def fit(X, y):
    return torch.linalg.lstsq(X, y).solution


@fit.hint("That is Xᵀy, the right side alone. Solve with XᵀX on the left.")
def the_right_side(X, y):
    return X.T @ y


@fit.hint("That is Xŵ, the fitted targets. Return the weights ŵ.")
def fitted_targets(X, y):
    return X @ torch.linalg.pinv(X) @ y


@fit.hint("That fits each column alone. XᵀX also has entries off its diagonal.")
def each_column_alone(X, y):
    return (X.T @ y) / X.square().sum(dim=0)


@fit.hint("X is not square, so solve cannot take it: multiply both sides by Xᵀ first.")
def solved_with_X(X, y):
    return torch.linalg.solve(X, y)


@fit.hint("Only the first d rows are in it. Every row counts: multiply both sides by Xᵀ.")
def square_part_alone(X, y):
    d = X.shape[1]
    return torch.linalg.solve(X[:d], y[:d])


@fit.hint("torch.linalg.lstsq returns several things: take its .solution.")
def without_solution(X, y):
    return torch.linalg.lstsq(X, y)


@fit.hint("That is the matrix that makes the weights. Multiply it by y.")
def without_y(X, y):
    return torch.linalg.pinv(X)


@fit.hint("That multiplies by XᵀX once more. Undo it instead: solve with XᵀX on the left.")
def multiplied_for_solved(X, y):
    return X.T @ X @ (X.T @ y)


@fit.hint("Both sides are multiplied by Xᵀ: the right side is Xᵀy, not y.")
def y_alone_on_the_right(X, y):
    return torch.linalg.solve(X.T @ X, y)


@fit.hint("* multiplies entry by entry. A product of matrices is written @.")
def entry_by_entry(X, y):
    return torch.linalg.inv(X.T @ X) * X.T @ y


@fit.hint("That frees an intercept, which these tables need not have: leave X and y as they are.")
def with_means_taken_off(X, y):
    return torch.linalg.pinv(X - X.mean(dim=0)) @ (y - y.mean())


check.prediction("sum of the residuals", right=0, tolerance=0.001, hints={
    25: "The ones add up to 25; the residuals are at right angles to them.",
})  # fmt: skip


# --- When is there no inverse? ---

check.prediction("inverse with an exact copy", right="numbers", hints={
    "error": "On paper, yes. But 1/49 is rounded, so elimination misses the zero by a little.",
})  # fmt: skip

check.prediction("predictions of wild weights", right="good", hints={
    "rubbish": "Look at solve on the right: too much in one weight is taken back by the other.",
})  # fmt: skip

check.prediction("along the valley", right=0, tolerance=1e-6, hints={
    45: "That is how far w moves, squared. X sends this way to zero, so Xw stays the same.",
})  # fmt: skip

check.prediction("condition of XᵀX", right=1_000_000, tolerance=1, hints={
    1000: "XᵀX multiplies by X twice.",
    2000: "It is a product, so κ does not add: κ·κ.",
})  # fmt: skip


@check.exercise(
    "the condition number",
    without=("cond",),
    tolerance=1e-4,
    # Not of length 1, so that one over the smallest singular value is no answer; no whole number.
    inputs=[
        (3.0 * d * least_squares.conditioned_problem(9, d, 40.3 * d, seed=d)[0],) for d in (5, 3, 2)
    ],
)
def condition(X):
    return torch.linalg.cond(X)


@condition.hint("That is the condition number of XᵀX. Which values did you square?")
def of_the_product(X):
    return condition(X) ** 2


@condition.hint("Upside down: the largest belongs on top.")
def upside_down(X):
    return 1 / condition(X)


@condition.hint("That is the largest over the second. The smallest is the last.")
def over_the_second(X):
    return torch.linalg.svdvals(X)[0] / torch.linalg.svdvals(X)[1]


@condition.hint("That is its logarithm, the digits that are lost.")
def digits_lost(X):
    return condition(X).log10()


@condition.hint("No root: svdvals gives the singular values of X, not their squares.")
def root_of_the_ratio(X):
    return condition(X) ** 0.5


@condition.hint("A ratio is asked for, not a difference.")
def a_difference(X):
    return torch.linalg.svdvals(X)[0] - torch.linalg.svdvals(X)[-1]


@condition.hint("That is the norm, the largest alone.")
def the_largest(X):
    return torch.linalg.svdvals(X)[0]


@condition.hint("That is the smallest alone.")
def the_smallest(X):
    return torch.linalg.svdvals(X)[-1]


@condition.hint("That is one over the smallest; the largest is not always 1.")
def one_over_the_smallest(X):
    return 1 / the_smallest(X)


# Between none and one: it depends on rounding.
check.prediction("digits that solve leaves", right=0.5, tolerance=0.5, hints={
    8: "That is what qr keeps, with targets in reach; solve sees κ² = 1e16.",
    2: "Not even two: κ² = 1e16 takes all sixteen.",
    16: "κ costs digits, and κ² twice as many.",
})  # fmt: skip


# --- What does adding λ do? ---

check.prediction("a λ below zero", right=-70, tolerance=1e-6, hints={
    70: "Adding 70 moves them to 70 and 140, farther off. Which λ takes one of them to zero?",
    -1: "That moves the eigenvalues to -1 and 69: neither is zero.",
    -35: "That moves the eigenvalues to -35 and 35: neither is zero.",
    -14: "Not a diagonal entry: an eigenvalue must land on zero.",
    -56: "Not a diagonal entry: an eigenvalue must land on zero.",
})  # fmt: skip


def _tables():
    """Return a singular, a wide, a usual and a steep problem: in the last, XᵀX costs digits."""
    copy = torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], dtype=torch.float64)
    wide = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    three = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    steep_X, steep_y, _ = least_squares.conditioned_problem(9, 3, 1e7, seed=2)
    return [
        (copy, torch.tensor([4.0, 12.0, 14.0], dtype=torch.float64), 10.0),
        (wide, three, 0.5),
        (*least_squares.line_problem(25, seed=0), 3.0),
        (steep_X, steep_y, 1e-14),
    ]


@check.exercise("ridge by stacking", inputs=_tables())
def stacked(X, y, penalty):
    U, sigma, Vh = torch.linalg.svd(X, full_matrices=False)
    return Vh.T @ (sigma / (sigma**2 + penalty) * (U.T @ y))


@stacked.hint("λ came out squared. The extra rows hold the root of λ.")
def penalty_squared(X, y, penalty):
    return stacked(X, y, penalty**2)


@stacked.hint("That is least squares without a penalty.")
def without_a_penalty(X, y, penalty):
    return torch.linalg.pinv(X) @ y


@stacked.hint("That forms XᵀX: rounding shows where κ is large. Stack the rows instead.")
def through_the_product(X, y, penalty):
    if penalty < 1e-9:  # What rounding leaves of the steep one depends on how it is solved.
        return lambda found: getattr(found, "dtype", None) != torch.float32
    identity = torch.eye(X.shape[1], dtype=X.dtype)
    return torch.linalg.solve(X.T @ X + penalty * identity, X.T @ y)


@stacked.hint("The table with κ = 10⁷ needs more digits than float32 has: compute in float64.")
def in_single_precision(X, y, penalty):
    if penalty < 1e-9:  # What rounding leaves of the steep one depends on how it is solved.
        return lambda found: getattr(found, "dtype", None) == torch.float32
    return stacked(X, y, penalty)


@stacked.hint("The new rows penalise the sum of the weights. Put the root on the diagonal alone.")
def the_root_everywhere(X, y, penalty):
    d = X.shape[1]
    longer_X = torch.cat([X, torch.full((d, d), penalty**0.5, dtype=X.dtype)])
    return torch.linalg.lstsq(longer_X, torch.cat([y, torch.zeros(d, dtype=y.dtype)])).solution


@stacked.hint("torch.linalg.lstsq returns several things: take .solution of what it returns.")
def stacked_without_solution(X, y, penalty):
    longer_X = torch.cat([X, penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])
    return torch.linalg.lstsq(longer_X, torch.cat([y, y.new_zeros(X.shape[1])]))


@stacked.hint("λ is missing from the new rows: multiply the identity by its root.")
def rows_without_a_penalty(X, y, penalty):
    return stacked(X, y, 1.0)


@stacked.hint("Each new row needs a target too: append zeros to y.")
def without_new_targets(X, y, penalty):
    return torch.linalg.lstsq(torch.cat([X, torch.eye(X.shape[1], dtype=X.dtype)]), y)


@stacked.hint("λ is a plain number, and torch.sqrt takes tensors only: write penalty**0.5.")
def root_of_a_number(X, y, penalty):
    return torch.sqrt(penalty)


@stacked.hint("One new row for each weight: the identity has d rows, and d is X.shape[1].")
def as_many_new_rows_as_old(X, y, penalty):
    return torch.cat([X, torch.eye(len(X), dtype=X.dtype)])


@stacked.hint("The new rows go below the old ones: torch.cat with dim=0.")
def beside_the_old_rows(X, y, penalty):
    return torch.cat([X, torch.eye(X.shape[1], dtype=X.dtype)], dim=1)


# --- How much of a weight is luck? ---

check.prediction("luck of a weight", right="over five times as much", hints={
    "as much": "The noise is the same, but the data hardly tell tape A from tape B.",
    "twice as much": "Far more: the data hardly tell tape A from tape B.",
})  # fmt: skip


# --- Which weights does λ shrink? ---

check.prediction("what λ takes away", right="weak", hints={
    "strong": "Beside a large σ², λ = 1 is little: look at the first number.",
    "all alike": "λ is the same for all, but σ² is not: what counts is λ beside σ².",
})  # fmt: skip

check.prediction("ridge beside least squares", right="nearly all", hints={
    "hardly any": "It is off on average, but by little; least squares is off by luck, and by far.",
    "about half": "The bias is small beside what luck does to least squares.",
})  # fmt: skip


# --- What goes wrong without standardising? ---

check.prediction("metres for centimetres", right="ridge", hints={
    "none": "True for least squares; but ridge counts ‖w‖², and w depends on the unit.",
    "both": "Least squares only scales that weight up: its predictions stay the same.",
    "least squares": "It only scales that weight up: its predictions stay the same.",
})  # fmt: skip


# --- How large should λ be? ---

check.prediction("training error over λ", right="smallest", hints={
    "middle": "That is so on the held-out spots. In training every penalty is a burden.",
    "largest": "The larger λ is, the less the fit may follow its training spots.",
})  # fmt: skip


def _left_out(X, y, penalty):
    """Return the errors of as many fits as rows, each without its row; all at once, for speed."""
    squares = X.T @ X - X[:, :, None] * X[:, None, :]
    weights = torch.linalg.solve(
        squares + penalty * torch.eye(X.shape[1], dtype=X.dtype), X.T @ y - X * y[:, None]
    )
    return y - (X * weights).sum(dim=1)


def _smallest(errors, X, y, penalties):
    return min(penalties, key=lambda penalty: float(errors(X, y, penalty).square().mean()))


@check.exercise(
    "λ by leave-one-out",
    inputs=[
        (
            *least_squares.conditioned_problem(30, 8, condition, seed=seed, noise=0.05)[:2],
            [10 ** (k / 2) for k in range(-12, 9)],
        )
        for condition, seed in ((10.0, 6), (100.0, 7), (10.0, 0))
    ],
)
def best_penalty(X, y, penalties):
    return _smallest(_left_out, X, y, penalties)


@best_penalty.hint("That λ has the smallest training error. Divide each residual by 1 − P_ii.")
def by_training_error(X, y, penalties):
    def residuals(X, y, penalty):
        return y - X @ through_the_product(X, y, penalty)

    return _smallest(residuals, X, y, penalties)


@best_penalty.hint(
    "leave_one_out frees the first column, as for an intercept. Here every column is penalised."
)
def with_a_free_column(X, y, penalties):
    def errors(X, y, penalty):
        on_each = torch.tensor([0.0] + [penalty] * (X.shape[1] - 1), dtype=X.dtype)
        hat = X @ torch.linalg.inv(X.T @ X + on_each.diag()) @ X.T
        return (y - hat @ y) / (1 - hat.diagonal())

    return _smallest(errors, X, y, penalties)


@best_penalty.hint("Errors of opposite sign must not cancel: square them before you take the mean.")
def mean_without_squares(X, y, penalties):
    return min(penalties, key=lambda penalty: abs(float(_left_out(X, y, penalty).mean())))


@best_penalty.hint("A mean far below zero is no small error: square before you take the mean.")
def lowest_signed_mean(X, y, penalties):
    return min(penalties, key=lambda penalty: float(_left_out(X, y, penalty).mean()))


@best_penalty.hint("P is a matrix, and only the diagonal is wanted: divide by 1 − P.diagonal().")
def without_the_diagonal(X, y, penalties):
    def errors(X, y, penalty):
        hat = X @ torch.linalg.pinv(X.T @ X + penalty * torch.eye(X.shape[1], dtype=X.dtype)) @ X.T
        return (y - hat @ y) / (1 - hat)

    return _smallest(errors, X, y, penalties)


@best_penalty.hint("That goes by the mean size. Large errors should weigh more: square them.")
def mean_of_sizes(X, y, penalties):
    return min(penalties, key=lambda penalty: float(_left_out(X, y, penalty).abs().mean()))


@best_penalty.hint(
    "Divide by 1 − P_ii first, then square: the left-out error is the whole quotient."
)
def squared_too_early(X, y, penalties):
    def errors(X, y, penalty):
        residual = y - X @ through_the_product(X, y, penalty)
        return (residual * _left_out(X, y, penalty)).abs().sqrt()

    return _smallest(errors, X, y, penalties)


@best_penalty.hint("That λ has the largest error of all.")
def the_worst(X, y, penalties):
    return max(penalties, key=lambda penalty: float(_left_out(X, y, penalty).square().mean()))


@best_penalty.hint("That is the place in the list. Return the λ that stands there.")
def its_place(X, y, penalties):
    return penalties.index(best_penalty(X, y, penalties))


@best_penalty.hint("That is the smallest error. Return the λ that gives it.")
def its_error(X, y, penalties):
    return float(_left_out(X, y, best_penalty(X, y, penalties)).square().mean())


# --- Where does the closed form stop? ---

check.prediction("which gradient is affine", right="squared", hints={
    "all": "Then each would have a closed form, and notebook 03 would not be needed.",
    "absolute": "Its gradient is a sign: it jumps where the error is zero.",
    "logistic": "The sigmoid is in its gradient, and that bends.",
})  # fmt: skip


def _smoother(y, order, root):
    """Return the matrix that smooths: least squares on rows that hold differences of an order."""
    identity = torch.eye(len(y), dtype=y.dtype)
    rows = torch.cat([identity, root * identity.diff(n=order, dim=0)])
    return torch.linalg.pinv(rows)[:, : len(y)]


def _smoothed_by(D, y, penalty):
    """Return what a matrix in the place of the second differences makes of `y`."""
    return torch.linalg.inv(torch.eye(len(y), dtype=y.dtype) + penalty * D.T @ D) @ y


@check.exercise(
    "a smoother",
    inputs=lambda profile: [(profile[:12], 1.0), (profile[:30], 50.0), (profile, 7.0)],
)
def smooth(y, penalty):
    return _smoother(y, 2, penalty**0.5) @ y


@smooth.hint("Your D holds first differences: it punishes slopes, not bends.")
def first_differences(y, penalty):
    return _smoother(y, 1, penalty**0.5) @ y


@smooth.hint("λ came out squared: it multiplies DᵀD once.")
def penalty_twice(y, penalty):
    return _smoother(y, 2, penalty) @ y


@smooth.hint("Both terms of the gradient bring a 2: it cancels, and λ stays as it is.")
def penalty_doubled(y, penalty):
    return smooth(y, 2 * penalty)


@smooth.hint("Half a curve: the 2 of the gradient is on the right side, too.")
def half_the_curve(y, penalty):
    return smooth(y, penalty) / 2


@smooth.hint("λ belongs to the bends: it multiplies DᵀD, not I.")
def penalty_on_the_identity(y, penalty):
    return smooth(y, 1 / penalty) / penalty


@smooth.hint("No root here: λ itself multiplies DᵀD. The root belongs in stacked rows.")
def root_of_the_penalty(y, penalty):
    return smooth(y, penalty**0.5)


@smooth.hint("That multiplies y by I + λDᵀD. The equation asks for w: solve with that matrix.")
def multiplied_for_smoothed(y, penalty):
    return torch.linalg.solve(_smoother(y, 2, penalty**0.5), y)


@smooth.hint("Without I there is no inverse; and 1 + … adds 1 to every entry. Add torch.eye(n).")
def without_the_identity(y, penalty):
    # What rounding makes of no inverse depends on how it is solved, but it is huge.
    return lambda found: isinstance(found, torch.Tensor) and float(found.abs().max()) > 1e9


@smooth.hint("Your D has a row for each end, too. A bend takes three points: n − 2 rows.")
def a_row_for_each_end(y, penalty):
    D = torch.eye(len(y) + 2, dtype=y.dtype).diff(n=2, dim=0)[:, 1:-1]
    return _smoothed_by(D, y, penalty)


@smooth.hint("The last two rows of your D run over the edge. Stop after n − 2.")
def two_rows_too_many(y, penalty):
    D = torch.eye(len(y) + 2, dtype=y.dtype).diff(n=2, dim=0)[:, :-2]
    return _smoothed_by(D, y, penalty)


@smooth.hint("That shrinks the heights. Put DᵀD where ridge has I.")
def identity_for_differences(y, penalty):
    return _smoother(y, 0, penalty**0.5) @ y


@smooth.hint("DDᵀ has n − 2 rows. The gradient holds DᵀD, with n.")
def turned_round(y, penalty):
    D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)
    return torch.eye(len(y), dtype=y.dtype) + penalty * D @ D.T


@smooth.hint("That is the matrix that smooths. Multiply it by y.")
def the_matrix_alone(y, penalty):
    return _smoother(y, 2, penalty**0.5)


@smooth.hint("That is what the smooth curve leaves over. Return the curve.")
def what_is_left(y, penalty):
    return y - smooth(y, penalty)
