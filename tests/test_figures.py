"""Every figure carries alt text, drawing twice gives the same picture, and the expected one."""

import html
import io
import re
from pathlib import Path

import matplotlib
import matplotlib.image
import nbformat
import notebook_pictures
import pytest
import torch
from notebook_rules import ALT_TEXT_LENGTHS

from helpers import descent, figures, least_squares
from helpers.clinic import Chart, Symptom
from helpers.training import Evaluation, History

ROOT = Path(__file__).resolve().parents[1]
# By the drawing's name, how it has to look. A change that is meant is brought here from the folder
# where the failing test leaves it.
EXPECTED = ROOT / "tests" / "pictures"

CLASSES = ("coat", "shoe", "bag")
IMAGES = torch.arange(12 * 28 * 28).reshape(12, 28, 28).remainder(256).to(torch.uint8)
LABELS = torch.arange(12) % 3
EVALUATION = Evaluation(1.0, 0.0, LABELS, (LABELS + 1) % 3, torch.linspace(0.5, 1, 12))
HISTORY = History([1.0, 0.5], [0.6, 0.8], [0.9, 0.6], [0.7, 0.75])
LINE = torch.linspace(0, 1, 5)

# --- Notebook 03 ---
VALLEY = descent.bowl([1.0, 10.0], tilt=30)
CURVATURES = torch.tensor([1.0, 10.0], dtype=torch.float64)
ORIGIN = torch.zeros(2, dtype=torch.float64)
HERE = torch.tensor([2.6, 1.2], dtype=torch.float64)
SHORT, LONG = (descent.run(VALLEY, HERE, lr=lr, steps=20) for lr in (0.05, 0.15))
BLOWN = descent.run(VALLEY, HERE, lr=3.0, steps=400)
SPHERE = torch.nn.functional.normalize(
    torch.cartesian_prod(*[torch.linspace(-1, 1, 4, dtype=torch.float64)] * 3)
)
TILT = torch.tensor([1.0, -2.0, 2.0], dtype=torch.float64)
DEGREES = torch.arange(0, 360, 30, dtype=torch.float64)
COSINES = torch.cos(torch.deg2rad(DEGREES))
STARTS = torch.stack(torch.meshgrid(LINE.double(), LINE.double(), indexing="xy"), dim=2)
ENDS = torch.tensor([0] * 10 + [1] * 5 + [2] * 10).reshape(5, 5)
WAYS = {"descent": torch.stack([LINE, -LINE], dim=1), "ridge": torch.stack([LINE] * 2, dim=1)}
ERRORS = {"descent": (LINE - 0.25).abs(), "ridge": (LINE - 0.5).abs()}
SIZES = torch.full((20,), 0.25, dtype=torch.float64)
BOUNDS = torch.tensor([0.5] * 15 + [0.125] * 5, dtype=torch.float64)

# --- Notebook 05 ---
HEALTHY = Chart(
    loss=[2.3 * 0.95**update for update in range(40)],
    correct=[1 + update // 5 for update in range(40)],
    samples=[10] * 40,
    in_batches_of={128: 0.8, 8: 0.8, 1: 0.8},
    honest=0.8,
)
ILL = Chart(
    loss=[20.0, *[2.3 + 0.2 * (-1) ** update for update in range(39)]],
    correct=[3] * 40,
    samples=[10] * 40,
    in_batches_of={128: 0.7, 8: 0.3, 1: 0.1},
    honest=0.4,
)
SIGNS = {
    "A": Symptom("a fault", "the loss stays", "loss", lambda c: c.loss, min, above=2.0),
    "B": Symptom(
        "another fault", "one alone is a guess", "fraction right",
        lambda c: list(c.in_batches_of.values()), min, below=0.5,
    ),
    "C": Symptom("a third fault", "right too seldom", "hit", lambda c: [c.honest], min, below=0.6),
    "D": Symptom("a fourth", "it explodes", "cube", lambda c: [v**3 for v in c.loss], max, above=9),
    "E": Symptom(
        "a fifth", "what cannot be below 0 is", "the lowest", lambda c: [1 - v for v in c.loss],
        min, below=0, drawn=25, axis="one minus the loss",
    ),
}  # fmt: skip
CHARTS, TWINS = dict.fromkeys(SIGNS, ILL), dict.fromkeys(SIGNS, HEALTHY)
BY_FAULT = {sign.fault: HEALTHY if sign.fault == "a fourth" else ILL for sign in SIGNS.values()}

DRAWINGS = {
    "slope_errors": lambda: figures.slope_errors([0.1, 0.01], {"central": [0.5, 0.0]}),
    "direction_fan": lambda: figures.direction_fan(VALLEY, HERE, ORIGIN, names=("a", "b")),
    "change_by_angle": lambda: figures.change_by_angle(
        DEGREES, {0.1: COSINES, 0.5: COSINES + 0.2}, 1.0
    ),
    "change_on_sphere": lambda: figures.change_on_sphere(SPHERE, SPHERE @ TILT, TILT),
    "zigzag": lambda: figures.zigzag(
        {"left": (VALLEY, SHORT, ORIGIN, 3.0), "right": (VALLEY, LONG, ORIGIN, 3.0)},
        names=[("a", "b"), ("c", "d")],
        alt="Two paths over the level lines of one bowl, side by side.",
    ),
    "basins": lambda: figures.basins(
        VALLEY,
        STARTS,
        ENDS,
        {"here": (0.2, 0.2), "there": (0.5, 0.5), "nowhere": (0.8, 0.8)},
        {"pass": ORIGIN},
    ),
    "five_regimes": lambda: figures.five_regimes(
        VALLEY, {"short: glides": SHORT, "long: rings": LONG}, reach=3.0
    ),
    "rate_against_step": lambda: figures.rate_against_step(LINE / 5, 1 - LINE / 5, CURVATURES),
    "descent_report": lambda: figures.descent_report(
        VALLEY, SHORT, 0.95, 0.951, setting="lr 0.05", word="glides along the valley"
    ),
    "loss_curves": lambda: figures.loss_curves(
        {"short": SHORT, "blown": BLOWN},
        title="Two fates",
        alt="One descent comes down, the other leaves the page at once.",
    ),
    "chosen_steps": lambda: figures.chosen_steps(VALLEY, SHORT, SIZES, BOUNDS),
    "damping": lambda: figures.damping({"creeps": 1 - LINE / 2, "rings": torch.cos(7 * LINE)}),
    "rate_map": lambda: figures.rate_map(
        LINE[1:] / 4,
        LINE[:3],
        torch.linspace(0.55, 1.2, 12).reshape(3, 4),
        descent.best_settings(CURVATURES),
        10.0,
    ),
    "steps_against_condition": lambda: figures.steps_against_condition(
        [10.0, 1000.0],
        {"plain": [70, 7000], "momentum": [30, 300]},
        {"plain": 1.0, "momentum": 0.5},
    ),
    "snapshots": lambda: figures.snapshots(
        VALLEY, {"short": SHORT, "long": LONG}, [1, 20], reach=3.0
    ),
    "noise_ball": lambda: figures.noise_ball(
        VALLEY, ORIGIN, {"4 rows": SHORT.points}, [4, 64], {0.02: [0.4, 0.1], 0.08: [0.8, 0.2]}
    ),
    "early_stopping": lambda: figures.early_stopping(LINE + 0.1, WAYS, ERRORS, ("chest", "waist")),
    # --- Notebook 04 ---
    "garments_by_class": lambda: figures.garments_by_class(IMAGES, LABELS, CLASSES, each=4),
    "class_probabilities": lambda: figures.class_probabilities(
        IMAGES[0], torch.tensor([0.2, 0.7, 0.1]), 1, CLASSES
    ),
    "training_curves": lambda: figures.training_curves(HISTORY),
    "confusion": lambda: figures.confusion(
        torch.tensor([[5, 0, 1], [4, 3, 0], [0, 2, 9]]), CLASSES
    ),
    "accuracy_by_class": lambda: figures.accuracy_by_class(
        torch.tensor([[3, 1, 0], [0, 4, 0], [2, 0, 2]]), CLASSES
    ),
    "confident_mistakes": lambda: figures.confident_mistakes(IMAGES, EVALUATION, CLASSES),
    "first_layer_weights": lambda: figures.first_layer_weights(
        torch.linspace(-1, 1, 32 * 784).reshape(32, 784)
    ),
    "convex_or_not": lambda: figures.convex_or_not(LINE, LINE**2, LINE - LINE**2),
    "time_by_part": lambda: figures.time_by_part({"fetch": 0.1, "forward": 0.3, "step": 0.0}),
    "ladder": lambda: figures.ladder({"usual": 2.5, "in memory": 0.3, "floor": 0.15}),
    "cost_growth": lambda: figures.cost_growth(
        {8: 1.0, 128: 0.2},
        {8: 0.1, 128: 0.2},
        {50_000: 0.2, 500_000: 2.0},
        {5_000: (0.004, 0.016), 500_000: (0.4, 1.6)},
    ),
    "filters_at_work": lambda: figures.filters_at_work(
        IMAGES[0], torch.eye(3).view(1, 1, 3, 3).repeat(3, 1, 1, 1), IMAGES[:3].float()
    ),
    "accuracy_against_seconds": lambda: figures.accuracy_against_seconds(
        {"quick": ([1.0], [0.9]), "by epoch": ([0.5, 1.0], [0.8, 0.85])}, usual_epoch=2.0
    ),
    # --- Notebook 05 ---
    "patients": lambda: figures.patients({"A": ILL, "B": HEALTHY}, {"A": HEALTHY, "B": HEALTHY}),
    "symptoms": lambda: figures.symptoms(SIGNS, CHARTS, TWINS),
    "in_batches_of": lambda: figures.in_batches_of(
        {"sound": {128: 0.8, 8: 0.78, 1: 0.8}, "faulty": {128: 0.8, 8: 0.3, 1: 0.1}}
    ),
    "accuracy_reported": lambda: figures.accuracy_reported([0.5, 0.7, 0.8], [0.5, 0.6, 0.67]),
    "who_shows_what": lambda: figures.who_shows_what(list(SIGNS.values()), BY_FAULT),
    # --- Notebook 06 ---
    "unequal_parts": lambda: figures.unequal_parts([16, 32, 48], [0.4, 0.2, 0.0], [0.0, 0.0, 0.0]),
    "noise_by_batch": lambda: figures.noise_by_batch([16, 64, 256], [0.8, 0.42, 0.2]),
    "growing_batch": lambda: figures.growing_batch(
        [1, 2, 4],
        {"fixed": [0.3, 0.4, 0.6], "scaled": [0.3, 0.31, 0.33]},
        {"a jump": [2.3, 3.0, 1.0], "a warm-up": [2.3, 2.0, 1.5]},
    ),
    "speed_up": lambda: figures.speed_up(
        {
            "large": {"1 process": 20.0, "2 processes": 11.0, "2, unshared": 30.0},
            "small": {"1 process": 0.6, "2 processes": 1.5, "2, unshared": 1.2},
        },
        [0.5, 0.9, 0.95],
    ),
}


# Notebook 02: small data in place of the notebook's.
LAND = least_squares.hills()
SPOTS = least_squares.spot_heights(LAND, 9, seed=0)
PENALTIES = [0.1, 1.0, 10.0]
PENALTY_ERRORS = (torch.tensor([50.0, 60.0, 70.0]), torch.tensor([90.0, 70.0, 80.0]))
CONDITIONS = [1.0, 10.0, 1e3, 1e6, 1e9]
SOLVER_ERRORS = torch.tensor(CONDITIONS, dtype=torch.float64) * 1e-16
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
            ("float32", "solve"): SOLVER_ERRORS * 1e9,
            ("float32", "qr"): SOLVER_ERRORS * 1e9,
            ("float64", "solve"): SOLVER_ERRORS**2 * 1e16,
            ("float64", "qr"): SOLVER_ERRORS,
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


@pytest.fixture(params=DRAWINGS, scope="module")
def draw(request):
    return DRAWINGS[request.param]


@pytest.fixture(scope="module")
def figure(draw):
    return draw()


@pytest.fixture(scope="module")
def png(figure):
    return figure.png()


def test_alt_text_is_there_and_reaches_the_page(figure):
    assert len(figure.alt) in ALT_TEXT_LENGTHS
    bundle = figure._repr_mimebundle_()
    assert f'alt="{html.escape(figure.alt)}"' in bundle["text/html"]
    assert bundle["text/plain"] == figure.alt
    assert set(bundle) == {"text/html", "image/png", "text/plain"}


def explains_its_numbers(axes) -> bool:
    """Say whether the axis across has a name, or words or nothing at its ticks."""
    words = [re.search("[a-z]{3}", label.get_text()) for label in axes.get_xticklabels()]
    return bool(axes.get_xlabel()) or all(words) or not axes.xaxis.get_tick_params()["labelbottom"]


def test_every_panel_says_what_it_shows(figure):
    titles = [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    assert any(titles) or figure.get_suptitle()
    for axes in figure.axes:
        if axes.axison and len(axes.get_xticks()):
            assert explains_its_numbers(axes), "an axis without a name"


def test_drawing_leaves_no_setting_behind_and_repeats_itself(draw, png):
    before = dict(matplotlib.rcParams)
    assert draw().png() == png
    assert dict(matplotlib.rcParams) == before


def test_a_figure_that_is_shown_again_shows_the_same(figure, png):
    assert figure.html(80) == figure.html(80)
    assert figure.png() == png


def test_a_figure_is_wide_enough_to_be_sharp_at_700_pixels(png):
    pixels = matplotlib.image.imread(io.BytesIO(png))
    assert pixels.shape[1] >= 900
    assert (pixels[0, 0, :3] == 1).all(), "the background is white, on a dark page as well"


def drawn_where_no_picture_is_compared() -> set[str]:
    """Return the functions whose pictures in the notebooks are other ones in each run."""
    found = set()
    for notebook, name in notebook_pictures.WOBBLING_PICTURES:
        cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
        source = next(cell.source for cell in cells if cell.id == name)
        found |= set(re.findall(r"\bfigures\.(\w+)", source))
    return found


def test_what_no_notebook_compares_is_compared_here():
    stored = {file.stem for file in EXPECTED.iterdir()}
    assert len(stored) > 15 and drawn_where_no_picture_is_compared() <= stored <= set(DRAWINGS)


@pytest.mark.parametrize("name", sorted(file.stem for file in EXPECTED.glob("*.png")))
def test_a_picture_is_as_expected(name):
    expected = (EXPECTED / f"{name}.png").read_bytes()
    drawn = DRAWINGS[name]().png(dots_per_inch=80)
    if difference := notebook_pictures.disagreement(expected, drawn):
        folder = notebook_pictures.leave_side_by_side(name, expected, drawn)
        pytest.fail(f"{name} {difference}; look at {name}-*.png in {folder}")


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


def test_a_straight_line_on_the_sphere_is_measured():
    assert "all on one line" in figures.change_on_sphere(SPHERE, SPHERE @ TILT, TILT).alt
    bent = figures.change_on_sphere(SPHERE, (SPHERE @ TILT) ** 2, TILT)
    assert "not all on one line" in bent.alt
    assert bent.axes[1].get_title("left").startswith("Not all on one line")


def test_basins_count_their_starts():
    drawn = DRAWINGS["basins"]()
    assert "here 40%, there 20%, nowhere 40%" in drawn.alt
    written = [text.get_text() for text in drawn.axes[0].texts]
    assert "there\n20% of starts" in written


def test_a_descent_that_blew_up_says_where_it_leaves_the_page():
    drawn = DRAWINGS["loss_curves"]()
    bottom, top = drawn.axes[0].get_ylim()
    assert bottom <= float(SHORT.losses.min()) and float(SHORT.losses.max()) <= top
    leaves = next(step for step, height in enumerate(BLOWN.losses.tolist()) if height > top)
    assert drawn.axes[0].texts[0].get_text() == f"↑ off the page at step {leaves}"


def test_chosen_steps_are_compared_with_their_bounds():
    drawn = DRAWINGS["chosen_steps"]()
    # 0.25 beside 0.5 fifteen times, beside 0.125 five times.
    assert "between 0.5 and 2 times the local bound 2/L, 25% of them" in drawn.alt
    chosen, bounds = drawn.axes[1].lines
    assert chosen.get_ydata().tolist() == SIZES.tolist()
    assert bounds.get_ydata().tolist() == BOUNDS.tolist()


def test_damping_counts_the_crossings():
    # The cosine of 0, 1.75, 3.5, 5.25 and 7 is +, -, -, + and +.
    assert "creeps 0 times, rings 2 times" in DRAWINGS["damping"]().alt


def test_steps_are_drawn_against_the_condition_with_their_slopes():
    drawn = DRAWINGS["steps_against_condition"]()
    assert "slopes 1.00 plain and 0.50 momentum" in drawn.alt
    for line, counts in zip(drawn.axes[0].lines, ([70, 7000], [30, 300]), strict=True):
        assert list(line.get_xdata()) == [10.0, 1000.0] and list(line.get_ydata()) == counts


def test_snapshots_name_the_lower_one():
    # Each step multiplies the flat and the steep weight by 0.95 and 0.5 with the short steps, by
    # 0.81 and -0.9 with the long ones: these begin higher, on the steep wall, and end lower.
    bowl, corner = descent.bowl(CURVATURES), torch.ones(2, dtype=torch.float64)
    paths = {
        name: descent.run(bowl, corner, lr=lr, steps=40)
        for name, lr in {"short": 0.05, "long": 0.19}.items()
    }
    drawn = figures.snapshots(bowl, paths, [1, 40], reach=3.0)
    assert "Lowest in loss: after 1 steps short, after 40 steps long." in drawn.alt


def test_the_noise_ball_measures_its_slope():
    assert "slope -0.5 for lr 0.02 and -0.5 for lr 0.08" in DRAWINGS["noise_ball"]().alt


def test_early_stopping_finds_the_lowest_errors():
    drawn = DRAWINGS["early_stopping"]()
    # The errors are lowest at 0.25 and 0.5 of the line, which is drawn 0.1 further on.
    assert "t = 0.35 (descent) and t = 0.6 (ridge) of 1.1" in drawn.alt
    assert [float(line.get_xdata()[0]) for line in drawn.axes[1].lines[1::2]] == pytest.approx(
        [0.35, 0.6]
    )


def test_the_ladder_says_how_far_it_goes_down():
    drawn = figures.ladder({"usual": 3.0, "in memory": 0.3, "floor": 0.15})
    assert drawn.axes[0].get_title("left") == "The floor is 20 times as fast as where we came from"
    labels = [text.get_text().strip() for text in drawn.axes[0].texts]
    assert labels == ["3.00 s, ×1.0", "0.30 s, ×10.0", "0.15 s, ×20.0"]
    assert "many times as long" in drawn.alt
    assert "not many times" in figures.ladder({"usual": 0.3, "floor": 0.15}).alt


def test_the_longest_part_is_named():
    drawn = figures.time_by_part({"fetch": 0.1, "backward": 0.3})
    assert drawn.axes[0].get_title("left") == "Of 400 ms, most goes into backward"
    assert [text.get_text().strip() for text in drawn.axes[0].texts] == ["25%", "75%"]


def test_patients_are_drawn_beside_the_healthy_and_a_guess():
    above, _, below, _ = DRAWINGS["patients"]().axes
    healthy, patient, guess = (list(line.get_ydata()) for line in below.lines)
    assert healthy == HEALTHY.accuracy and patient == ILL.accuracy and guess == [0.1, 0.1]
    healthy, patient, guess = (list(line.get_ydata()) for line in above.lines)
    # A loss of 20 is drawn at the edge of what is shown.
    assert healthy == HEALTHY.loss and patient == [12.0, *ILL.loss[1:]]
    assert guess == pytest.approx([2.302585] * 2)


# --- What random arguments found ---


def test_one_panel_is_enough():
    one = figures.snapshots(VALLEY, {"short": SHORT}, [1], reach=3.0)
    assert [axes.get_title("left") for axes in one.axes] == ["after 1 steps"]
    panels = {"left": (VALLEY, SHORT, ORIGIN, 3.0)}
    alone = figures.zigzag(panels, names=[("a", "b")], alt="One path over its level lines.")
    assert [axes.get_title("left") for axes in alone.axes] == ["left"]


def test_basins_may_be_fewer_than_three():
    ends = (ENDS > 0).long()
    two = {"here": (0.2, 0.2), "there": (0.5, 0.5)}
    assert "here 40%, there 60%." in figures.basins(VALLEY, STARTS, ends, two, {"pass": ORIGIN}).alt


def test_a_descent_may_leave_the_numbers_from_within_the_page():
    jumps = descent.Path(SHORT.points[:1], SHORT.losses[:1], left_at=1)
    drawn = figures.loss_curves({"short": SHORT, "jumps": jumps}, "Two fates", "A descent jumps.")
    assert drawn.axes[0].texts[0].get_text() == "↑ off the page at step 1"
