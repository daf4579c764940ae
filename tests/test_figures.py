"""Every figure carries alt text, and drawing twice gives the same picture."""

import io

import matplotlib
import matplotlib.image
import pytest
import torch
from notebook_rules import ALT_TEXT_LENGTHS

from helpers import figures, least_squares
from helpers.training import Evaluation, History

CLASSES = ("coat", "shoe", "bag")
IMAGES = torch.arange(12 * 28 * 28).reshape(12, 28, 28).remainder(256).to(torch.uint8)
LABELS = torch.arange(12) % 3
EVALUATION = Evaluation(1.0, 0.0, LABELS, (LABELS + 1) % 3, torch.linspace(0.5, 1, 12))
HISTORY = History([1.0, 0.5], [0.6, 0.8], [0.9, 0.6], [0.7, 0.75])
LINE = torch.linspace(0, 1, 5)

DRAWINGS = {
    "slope_errors": lambda: figures.slope_errors([0.1, 0.01], {"central": [0.5, 0.0]}),
    "garments_by_class": lambda: figures.garments_by_class(IMAGES, LABELS, CLASSES, each=4),
    "class_probabilities": lambda: figures.class_probabilities(
        IMAGES[0], torch.tensor([0.2, 0.7, 0.1]), 1, CLASSES
    ),
    "training_curves": lambda: figures.training_curves(HISTORY),
    "confusion": lambda: figures.confusion(EVALUATION.confusion_matrix(3), CLASSES),
    "accuracy_by_class": lambda: figures.accuracy_by_class(
        torch.tensor([[3, 1, 0], [0, 4, 0], [2, 0, 2]]), CLASSES
    ),
    "confident_mistakes": lambda: figures.confident_mistakes(IMAGES, EVALUATION, CLASSES),
    "first_layer_weights": lambda: figures.first_layer_weights(
        torch.linspace(-1, 1, 32 * 784).reshape(32, 784)
    ),
    "convex_or_not": lambda: figures.convex_or_not(LINE, LINE**2, LINE - LINE**2),
}


# Notebook 02: small data in place of the notebook's.
LAND = least_squares.hills()
SPOTS = least_squares.spot_heights(LAND, 9, seed=0)
PENALTIES = [0.1, 1.0, 10.0]
PENALTY_ERRORS = (torch.tensor([50.0, 60.0, 70.0]), torch.tensor([90.0, 70.0, 80.0]))
CONDITIONS = [1.0, 10.0, 1e3, 1e6, 1e9]
ERRORS = torch.tensor(CONDITIONS, dtype=torch.float64) * 1e-16
WEIGHTS = torch.tensor([1.0, 2.0], dtype=torch.float64)

DRAWINGS |= {
    "line_and_bowl": lambda: figures.line_and_bowl(
        *least_squares.line_problem(9, seed=0), WEIGHTS / 2
    ),
    "projection": lambda: figures.projection(
        torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]),
        torch.tensor([0.0, 2.5, 2.0]),
        torch.tensor([0.5, 1.5, 2.5]),
    ),
    "silent_failure": lambda: figures.silent_failure(
        {"inv": LINE + 2, "lstsq": LINE / 9 + 0.01}, {"inv": LINE + 1, "lstsq": LINE / 99 + 0.01}
    ),
    "valley": lambda: figures.valley(
        torch.stack([WEIGHTS, 2 * WEIGHTS]), 5 * WEIGHTS, WEIGHTS, WEIGHTS.flip(0) / 5**0.5
    ),
    "solver_errors": lambda: figures.solver_errors(
        CONDITIONS,
        {
            ("float32", "solve"): ERRORS * 1e9,
            ("float32", "qr"): ERRORS * 1e9,
            ("float64", "solve"): ERRORS**2 * 1e16,
            ("float64", "qr"): ERRORS,
        },
    ),
    "eigenvalues_moved": lambda: figures.eigenvalues_moved(
        torch.tensor([0.0, 70.0]), [-70.0, 0.0, 10.0]
    ),
    "three_objectives": lambda: figures.three_objectives(
        torch.stack([WEIGHTS, 2 * WEIGHTS]), 5 * WEIGHTS, 10.0, WEIGHTS
    ),
    "towards_the_shortest": lambda: figures.towards_the_shortest(
        PENALTIES[::-1], {"one way": [3.0, 0.3, 0.2], "another way": [3.0, 0.3, 0.03]}
    ),
    "shrinkage": lambda: figures.shrinkage(
        PENALTIES, torch.tensor([[0.9, 0.8], [0.8, 0.5], [0.5, 0.1]]), WEIGHTS.flip(0)
    ),
    "weight_paths": lambda: figures.weight_paths(
        PENALTIES, torch.tensor([[0.9, -0.8], [0.5, 0.2], [0.1, 0.1]]), ("tape A", "tape B")
    ),
    "hills_and_spots": lambda: figures.hills_and_spots(LAND, SPOTS, SPOTS),
    "map_at_penalty": lambda: figures.map_at_penalty(
        LAND, LAND.height + 25, 1.0, PENALTIES, PENALTY_ERRORS
    ),
    "error_curves": lambda: figures.error_curves(PENALTIES, PENALTY_ERRORS, [90.0, 80.0, 85.0]),
    "closed_form_cost": lambda: figures.closed_form_cost([8, 16, 32], [0.1, 0.3, 1.0], 50),
    "smoothed_profile": lambda: figures.smoothed_profile(LINE, LINE**2, LINE),
    "no_smoothed_profile": lambda: figures.smoothed_profile(LINE, LINE**2, None),
}


@pytest.fixture(params=DRAWINGS)
def draw(request):
    return DRAWINGS[request.param]


@pytest.fixture
def figure(draw):
    return draw()


def test_alt_text_is_there_and_reaches_the_page(figure):
    assert len(figure.alt) in ALT_TEXT_LENGTHS
    bundle = figure._repr_mimebundle_()
    assert f'alt="{figure.alt}"' in bundle["text/html"]
    assert bundle["text/plain"] == figure.alt
    assert set(bundle) == {"text/html", "image/png", "text/plain"}


def test_every_panel_says_what_it_shows(figure):
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    assert any(titles) or figure.get_suptitle()
    for axes in figure.axes:
        if axes.axison and len(axes.get_xticks()):
            assert axes.get_xlabel(), "an axis without a name"


def test_drawing_leaves_no_setting_behind_and_repeats_itself(draw):
    before = dict(matplotlib.rcParams)
    assert draw().png() == draw().png()
    assert dict(matplotlib.rcParams) == before


def test_a_figure_is_wide_enough_to_be_sharp_at_700_pixels(figure):
    pixels = matplotlib.image.imread(io.BytesIO(figure.png()))
    assert pixels.shape[1] >= 900
    assert (pixels[0, 0, :3] == 1).all(), "the background is white, on a dark page as well"


def test_alt_text_is_escaped():
    figure = figures.Figure(alt='a < b & "c"')
    assert 'alt="a &lt; b &amp; &quot;c&quot;"' in figure.html()


def test_the_curves_do_without_a_validation_part():
    alone = figures.training_curves(History([1.0, 0.5], [0.6, 0.8]))
    assert "Training accuracy ends at 80.0%" in alone.axes[1].get_title("left")


def test_convexity_is_seen_and_not_supposed():
    drawn = figures.convex_or_not(LINE, LINE - LINE**2, LINE**2)
    assert "in the scores it rises above" in drawn.alt
    assert "in the weights it sags below" in drawn.alt


def test_the_curves_name_a_loss_that_does_not_fall():
    rising = History([0.5, 1.0], [0.8, 0.6], [0.6, 0.9], [0.75, 0.7])
    assert "does not fall" in figures.training_curves(rising).alt


def test_mistakes_are_the_surest_first():
    drawn = figures.confident_mistakes(IMAGES, EVALUATION, CLASSES, count=6)
    sure = [axes.get_title("left").split("\n")[1] for axes in drawn.axes]
    assert sure == [
        "100.0% sure",
        "95.5% sure",
        "90.9% sure",
        "86.4% sure",
        "81.8% sure",
        "77.3% sure",
    ]


def test_the_most_frequent_mistake_is_named():
    matrix = torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]])
    assert "shoe taken for coat" in figures.confusion(matrix, CLASSES).axes[0].get_title("left")


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
