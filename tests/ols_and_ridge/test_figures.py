"""What the figures of notebook 02 find in their data."""

from ols_and_ridge.drawings import DRAWINGS


def test_notebook_02_says_what_its_data_say():
    """Alt texts name what was found in these data, not what was found in the notebook's."""
    expected = {
        "silent_failure": ("50 % on most tables: inv.", "10 % on most: inv."),
        "solver_errors": ("solve 2, qr 1",),
        "eigenvalues_moved": ("Of the 3 drawn only λ = 10 puts all",),
        "towards_the_shortest": ("falls 10-fold", "is another way."),
        "shrinkage": ("At λ = 1 it is 0.80", "0.50 for the weakest"),
        "weight_paths": ("at λ = 0.1: 0.9 and -0.8", "at λ = 10: 0.1 and 0.1"),
        "hills_and_spots": ("15 by 18 km", "heights at 9 spots"),
        "map_at_penalty": ("off by 25 m",),
        "error_curves": ("training λ = 0.1, held-out λ = 1, leave-one-out λ = 1.",),
    }
    for name, findings in expected.items():
        alt = DRAWINGS[name]().alt
        assert all(finding in alt for finding in findings), alt
