"""What people type into the blanks of notebook 02, by the name of the mistake that it must meet.

Typed as a reader would type it, independently of what stands in ``answers.py``.
"""

# What the lines lean on: cells of the notebook, by exercise.
CELLS = {
    "λ by leave-one-out": ("ridge", "leave-one-out"),
    "a smoother": ("hills-and-spots", "noisy-profile"),
}

# Lines that several people began with.
LEFT_OUT = """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return ((y - H @ y) / (1 - H.diagonal())).square().mean()
"""
CURVED = """
D = torch.eye(len(y), dtype=y.dtype).diff(n=2, dim=0)
identity = torch.eye(len(y), dtype=y.dtype)
"""

TYPED = {
    "the fit": {
        "the_right_side": "return X.T @ y",
        "fitted_targets": "return X @ torch.linalg.solve(X.T @ X, X.T @ y)",
        "each_column_alone": "return torch.stack([c @ y / (c @ c) for c in X.T])",
        "solved_with_X": "return torch.linalg.solve(X, y)",
        "square_part_alone": "d = X.shape[1]\nreturn torch.linalg.inv(X[:d]) @ y[:d]",
        "with_means_taken_off": """
X, y = X - X.mean(dim=0), y - y.mean()
return torch.linalg.solve(X.T @ X, X.T @ y)
""",
        "without_solution": "return torch.linalg.lstsq(X, y)",
        "without_y": "return torch.linalg.inv(X.T @ X) @ X.T",
        "multiplied_for_solved": "return X.T @ X @ (X.T @ y)",
        "y_alone_on_the_right": "return torch.linalg.solve(X.T @ X, y)",
        "entry_by_entry": "return torch.linalg.inv(X.T @ X) * X.T @ y",
    },
    "the condition number": {
        "of_the_product": """
values = torch.linalg.svdvals(X.T @ X)
return values[0] / values[-1]
""",
        "upside_down": """
values = torch.linalg.svdvals(X)
return values[-1] / values[0]
""",
        "over_the_second": """
values = torch.linalg.svdvals(X)
return values[0] / values[1]
""",
        "digits_lost": """
values = torch.linalg.svdvals(X)
return torch.log10(values[0] / values[-1])
""",
        "a_difference": """
values = torch.linalg.svdvals(X)
return values[0] - values[-1]
""",
        "the_largest": "return max(torch.linalg.svdvals(X))",
        "the_smallest": "return min(torch.linalg.svdvals(X))",
        "root_of_the_ratio": """
values = torch.linalg.svdvals(X)
return (values[0] / values[-1]).sqrt()
""",
        "one_over_the_smallest": "return 1 / torch.linalg.svdvals(X).min()",
    },
    "ridge by stacking": {
        "in_single_precision": """
X, y, d = X.float(), y.float(), X.shape[1]
longer_X = torch.cat([X, penalty**0.5 * torch.eye(d)])
return torch.linalg.lstsq(longer_X, torch.cat([y, torch.zeros(d)])).solution
""",
        "penalty_squared": """
d = X.shape[1]
rows = torch.cat([X, penalty * torch.eye(d, dtype=X.dtype)])
targets = torch.cat([y, torch.zeros(d, dtype=y.dtype)])
return torch.linalg.lstsq(rows, targets).solution
""",
        "without_a_penalty": "return torch.linalg.lstsq(X, y, driver='gelsd').solution",
        "through_the_product": """
A = X.T @ X + penalty * torch.eye(X.shape[1], dtype=X.dtype)
return torch.linalg.solve(A, X.T @ y)
""",
        "the_root_everywhere": """
d = X.shape[1]
rows = torch.cat([X, torch.full((d, d), penalty**0.5, dtype=X.dtype)])
targets = torch.cat([y, torch.zeros(d, dtype=y.dtype)])
return torch.linalg.lstsq(rows, targets).solution
""",
        "stacked_without_solution": """
rows = torch.cat([X, penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])
targets = torch.cat([y, torch.zeros(X.shape[1], dtype=y.dtype)])
return torch.linalg.lstsq(rows, targets)
""",
        "without_new_targets": """
rows = torch.cat([X, penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)])
return torch.linalg.lstsq(rows, y).solution
""",
        "rows_without_a_penalty": """
d = X.shape[1]
rows = torch.cat([X, torch.eye(d, dtype=X.dtype)])
return torch.linalg.lstsq(rows, torch.cat([y, torch.zeros(d, dtype=y.dtype)])).solution
""",
        "root_of_a_number": """
more = torch.sqrt(penalty) * torch.eye(X.shape[1], dtype=X.dtype)
return torch.linalg.lstsq(torch.cat([X, more]), torch.cat([y, y.new_zeros(X.shape[1])])).solution
""",
        "as_many_new_rows_as_old": """
n = len(X)
more = penalty**0.5 * torch.eye(n, dtype=X.dtype)
return torch.linalg.lstsq(torch.cat([X, more]), torch.cat([y, torch.zeros(n)])).solution
""",
        "beside_the_old_rows": """
more = penalty**0.5 * torch.eye(X.shape[1], dtype=X.dtype)
return torch.linalg.lstsq(torch.cat([X, more], dim=1), y).solution
""",
    },
    "λ by leave-one-out": {
        "by_training_error": """
errors = [float((y - X @ ridge(X, y, p)).square().mean()) for p in penalties]
return penalties[errors.index(min(errors))]
""",
        "with_a_free_column": """
errors = [float(leave_one_out(X, y, p).square().mean()) for p in penalties]
return penalties[errors.index(min(errors))]
""",
        "mean_without_squares": """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return float(((y - H @ y) / (1 - H.diagonal())).mean().abs())
return min(penalties, key=error)
""",
        "lowest_signed_mean": """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return float(((y - H @ y) / (1 - H.diagonal())).mean())
return min(penalties, key=error)
""",
        "without_the_diagonal": """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return float(((y - H @ y) / (1 - H)).square().mean())
return min(penalties, key=error)
""",
        "mean_of_sizes": """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return float(((y - H @ y) / (1 - H.diagonal())).abs().mean())
return min(penalties, key=error)
""",
        "squared_too_early": """
def error(p):
    H = X @ torch.linalg.inv(X.T @ X + p * torch.eye(X.shape[1]).double()) @ X.T
    return float(((y - H @ y).square() / (1 - H.diagonal())).mean())
return min(penalties, key=error)
""",
        "the_worst": LEFT_OUT + "return max(penalties, key=error)",
        "its_place": LEFT_OUT + "return torch.stack([error(p) for p in penalties]).argmin()",
        "its_error": LEFT_OUT + "return min(error(p) for p in penalties)",
    },
    "a smoother": {
        "first_differences": """
n = len(y)
D = torch.zeros(n - 1, n, dtype=y.dtype)
for i in range(n - 1):
    D[i, i], D[i, i + 1] = -1, 1
return torch.linalg.solve(torch.eye(n).double() + penalty * D.T @ D, y)
""",
        "penalty_twice": CURVED + "return torch.linalg.solve(identity + penalty**2 * D.T @ D, y)",
        "penalty_doubled": CURVED
        + "return torch.linalg.solve(identity + 2 * penalty * D.T @ D, y)",
        "half_the_curve": CURVED
        + "return torch.linalg.solve(2 * identity + 2 * penalty * D.T @ D, y)",
        "penalty_on_the_identity": CURVED
        + "return torch.linalg.solve(penalty * identity + D.T @ D, y)",
        "root_of_the_penalty": CURVED
        + "return torch.linalg.solve(identity + penalty**0.5 * D.T @ D, y)",
        "multiplied_for_smoothed": CURVED + "return (identity + penalty * D.T @ D) @ y",
        "without_the_identity": CURVED + "return torch.linalg.solve(1 + penalty * D.T @ D, y)",
        "a_row_for_each_end": """
n = len(y)
D = -2 * torch.eye(n) + torch.diag(torch.ones(n - 1), 1) + torch.diag(torch.ones(n - 1), -1)
D = D.double()
return torch.linalg.solve(torch.eye(n).double() + penalty * D.T @ D, y)
""",
        "two_rows_too_many": """
n = len(y)
D = torch.zeros(n, n, dtype=y.dtype)
for i in range(n):
    for place, value in enumerate((1, -2, 1)):
        if i + place < n:
            D[i, i + place] = value
return torch.linalg.solve(torch.eye(n).double() + penalty * D.T @ D, y)
""",
        "identity_for_differences": "return y / (1 + penalty)",
        "turned_round": CURVED + "return torch.linalg.solve(identity + penalty * D @ D.T, y)",
        "the_matrix_alone": CURVED + "return torch.linalg.inv(identity + penalty * D.T @ D)",
        "what_is_left": CURVED + "return y - torch.linalg.inv(identity + penalty * D.T @ D) @ y",
    },
}
