"""What the figures of notebook 05 find in their data."""

import copy
import dataclasses
import math

import pytest

from debugging_clinic.drawings import CHARTS, DRAWINGS, FAULTS, HEALTHY, ILL, PASSED, SIGNS, TWINS
from helpers.debugging_clinic import figures
from helpers.debugging_clinic.symptoms import Symptom


def test_patients_are_drawn_beside_the_healthy_and_a_guess():
    above, _, below, _ = DRAWINGS["patients"]().axes
    healthy, patient, guess = (list(line.get_ydata()) for line in below.lines)
    assert healthy == HEALTHY.accuracy and patient == ILL.accuracy and guess == [0.1, 0.1]
    healthy, patient, guess, cut = (list(line.get_ydata()) for line in above.lines)
    # A loss of 20 is drawn at the edge of what is shown, and marked.
    assert healthy == HEALTHY.loss and patient == [12.0, *ILL.loss[1:]]
    assert guess == pytest.approx([2.302585] * 2) and cut == [12.0]
    assert list(above.lines[3].get_xdata()) == [1]


def test_the_figures_say_what_they_show():
    names = {"X": ILL, "Y": HEALTHY}
    assert figures.patients(names, names).alt.endswith("First loss near ln 10: Y.")
    # What D and E measure is beyond the bound for the healthy run as well.
    assert "In 3 of them" in figures.symptoms(SIGNS, CHARTS, TWINS).alt
    assert "In 0 of them" in figures.symptoms(SIGNS, TWINS, TWINS).alt
    said = figures.patients(names | {"Z": HEALTHY}, dict.fromkeys("XYZ", HEALTHY)).alt
    assert "healthy run. Y and Z learn; X does not." in said
    alone = {seed: [0.8, 0.7] for seed in (128, 1)}
    falls = figures.in_batches_of({"a": alone, "b": alone | {1: [0.1, 0.1]}})
    assert falls.alt.endswith("It falls to a guess for: b.")
    assert "does not lag behind" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.7]).alt
    assert "lags behind from" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.55]).alt


def test_the_table_counts_whom_a_test_catches_and_whom_none_does():
    table = figures.who_fails_what(PASSED, FAULTS)
    assert (
        "No test catches more than 3 of 4 patients; together they catch all, and accuse none"
        in (table.alt)
    )
    fails, passes = (collection.get_offsets().tolist() for collection in table.axes[0].collections)
    # What catches many comes first, then each test where it meets its first patient.
    assert fails == [[0, 0], [2, 0], [3, 0], [1, 1], [3, 2]]
    assert len(fails) + len(passes) == 15
    blind = PASSED | {"a test for B": dict.fromkeys("ABCD", True) | {"healthy": False}}
    assert "together they catch 3, and accuse 1" in figures.who_fails_what(blind, FAULTS).alt


@pytest.mark.parametrize(
    ("learns", "drawn", "told"),
    [
        ("A", "A learns", "A learns."),
        ("AB", "A and B learn", "A and B learn."),
        ("a", "a does not learn", "a does not learn."),
        ("abc", "a, b and c do not learn", "a, b and c do not learn."),
        ("Aa", "A learns; a does not", "A learns; a does not."),
        ("ABab", "A and B learn; a and b do not", "A and B learn; a and b do not."),
        ("ABCa", "A, B and C learn; a does not", "A, B and C learn; a does not."),
    ],
)
def test_who_learns_is_said_in_the_title_and_in_words(learns, drawn, told):
    half = dataclasses.replace(HEALTHY, correct=[5] * 40)  # No more than half right.
    charts = {name: HEALTHY if name.isupper() else half for name in learns}
    figure = figures.patients(charts, dict.fromkeys(learns, HEALTHY))
    assert figure.get_suptitle() == drawn and told in figure.alt
    assert f"below of {len(learns)} patients" in figure.alt
    assert [axes.get_title("left") for axes in figure.axes[: len(learns)]] == [
        f"patient {name}" for name in learns
    ]


@pytest.mark.parametrize(
    ("loss", "near"), [(2.49, "A"), (2.51, "none"), (2.12, "A"), (2.1, "none")]
)
def test_a_first_loss_is_near_that_of_a_guess_within_a_fifth(loss, near):
    chart = dataclasses.replace(HEALTHY, loss=[loss, *HEALTHY.loss[1:]])
    said = figures.patients({"A": chart}, {"A": HEALTHY}).alt
    assert said.endswith(f"First loss near ln 10: {near}.")


@pytest.mark.parametrize(
    ("losses", "lowest", "highest"),
    [
        ([2.0] * 40, -0.2, 2.6),
        ([8.0] * 40, -0.2, 8.24),
        ([-1.0] * 40, -1.2, 2.6),
        ([-9.0] * 40, -4.2, 2.6),
        ([99.0] * 40, -0.2, 12.36),
        ([2.0, *[math.nan] * 39], -0.2, 2.6),
        ([2.0, *[math.inf] * 39], -0.2, 12.36),
    ],
)
def test_the_axis_of_losses_holds_all_that_is_drawn_and_zero(losses, lowest, highest):
    chart = dataclasses.replace(HEALTHY, loss=losses)
    above, below = figures.patients({"A": chart}, {"A": HEALTHY}).axes
    assert above.get_ylim() == pytest.approx((lowest, highest)) and below.get_ylim() == (0, 1)


def test_cuts_are_marked_on_their_side_and_no_two_side_by_side():
    losses = [1.0] * 60
    for place in (3, 5, 8, 40):
        losses[place] = 30.0
    losses[20] = -30.0
    above = figures.patients(
        {"A": dataclasses.replace(HEALTHY, loss=losses, correct=[1] * 60, samples=[1] * 60)},
        {"A": HEALTHY},
    ).axes[0]
    marks = {line.get_label(): line for line in above.lines[3:]}
    assert list(marks) == ["cut off: above 12", "cut off: below −4"]
    high, low = marks.values()
    # The fourth and the sixth are nearer than a fifteenth of all; the ninth is farther.
    assert (list(high.get_xdata()), list(low.get_xdata())) == ([4, 9, 41], [21])
    assert (set(high.get_ydata()), set(low.get_ydata())) == ({12.0}, {-4.0})
    assert (high.get_marker(), low.get_marker()) == ("^", "v")


def told_by(bound, series, **options):
    return Symptom("a fault", "ln 10", "number", lambda _: series, max, ">", bound, **options)


@pytest.mark.parametrize(
    ("bound", "series", "scale"),
    [
        (1.0, [0.0, 50.0] * 10, "linear"),
        (1.0, [0.0, 51.0] * 10, "symlog"),
        (1.0, [-1.0, 51.0] * 10, "linear"),
        (1e-6, [0.0, 0.5] * 10, "symlog"),
        (1e-3, [0.0, 0.5] * 10, "linear"),
    ],
)
def test_an_axis_is_logarithmic_where_only_that_shows_both_curves(bound, series, scale):
    axes = figures.symptoms({"A": told_by(bound, series)}, {"A": ILL}, {"A": HEALTHY}).axes[0]
    assert axes.get_yscale() == scale
    if bound == 1e-6:
        assert axes.get_ylim() == pytest.approx((-3e-8, 2.5))
        assert list(axes.get_yticks()) == [0, 1e-6, 1e-3, 1]
    assert axes.get_title("left") == "A: ln\N{NO-BREAK SPACE}10\n→ a fault"


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 2, 1), (3, 3, 1), (4, 2, 2), (5, 2, 3)])
def test_panels_of_symptoms_stand_in_rows_and_the_headline_counts_them(count, columns, rows):
    signs = {name: told_by(0.5, [1.0] * 20) for name in "ABCDE"[:count]}
    twin = copy.deepcopy(HEALTHY)
    figure = figures.symptoms(signs, dict.fromkeys(signs, ILL), dict.fromkeys(signs, twin))
    grid = figure.axes[0].get_gridspec()
    assert (grid.ncols, grid.nrows) == (columns, rows)
    assert [axes.axison for axes in figure.axes] == [n < count for n in range(columns * rows)]
    assert figure.get_size_inches().tolist() == [7, 2.5 * rows + 0.5]
    # The same number on both sides tells nobody apart.
    assert (
        figure.get_suptitle() == f"A bound parts 0 of {count} of the patients from the healthy run"
    )
    signs = {name: Symptom("", "", "", lambda c: c.loss, max, ">", 9.0) for name in signs}
    figure = figures.symptoms(signs, dict.fromkeys(signs, ILL), dict.fromkeys(signs, twin))
    assert figure.get_suptitle() == "A bound parts each of the patients from the healthy run"
    assert f"{count} symptoms" in figure.alt and f"In {count} of them" in figure.alt


@pytest.mark.parametrize(
    ("alone", "title"),
    [(0.41, "All are steady"), (0.39, "b: right in a batch, a guess when alone")],
)
def test_a_network_falls_that_is_less_than_half_as_good_alone(alone, title):
    by_size = {128: [0.7, 0.9], 8: [0.6, 0.6], 1: [alone, alone]}
    figure = figures.in_batches_of({"a": dict.fromkeys((128, 8, 1), [0.8]), "b": by_size})
    assert figure.get_suptitle() == title
    assert figure.alt.endswith("for: none." if alone > 0.4 else "for: b.")
    (axes,) = figure.axes
    said = [text.get_text() for text in axes.texts]
    assert said == ["80%", "80%", "80%", "80%", "60%", f"{alone:.0%}"]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "128 at once", "8 at once", "1 at once"
    ]  # fmt: skip


def test_three_networks_have_three_colours_and_three_hatches():
    figure = figures.in_batches_of(dict.fromkeys("abc", {8: [0.5], 1: [0.5]}))
    bars = [container[0] for container in figure.axes[0].containers]
    assert len({bar.get_facecolor() for bar in bars}) == 3
    assert [bar.get_hatch() or "" for bar in bars] == ["", "//", ".."]


@pytest.mark.parametrize(
    ("reported", "lags"),
    [([0.5, 0.6, 0.7], True), ([0.5, 0.7, 0.7], False), ([0.5, 0.6, 0.8], False)],
)
def test_counters_lag_if_they_are_lower_in_each_epoch_but_the_first(reported, lags):
    figure = figures.accuracy_reported([0.5, 0.7, 0.8], reported)
    verdict = "lags behind from the second epoch on" if lags else "does not lag behind"
    assert figure.axes[0].get_title("left") == f"Counters never set back: accuracy {verdict}"
    assert figure.alt == (
        "Two curves of the accuracy over 3 epochs. "
        f"The one whose counters are never set back {verdict}."
    )


def test_the_headline_of_the_table_counts_patients_and_not_the_healthy():
    letters = {name: "a fault" for name in "ABCDE"}
    passed = {
        "first": dict.fromkeys("ABCD", False) | {"E": True, "twin": False},
        "second": dict.fromkeys("ABCD", True) | {"E": True, "twin": False},
    }
    table = figures.who_fails_what(passed, letters)
    assert table.get_suptitle() == (
        "No test catches more than 4 of 5 patients; together they catch 4"
    )
    assert "together they catch 4, and accuse 1 of the healthy" in table.alt
    table = figures.who_fails_what(PASSED, FAULTS)
    assert table.get_suptitle() == (
        "No test catches more than 3 of 4 patients; together they catch all"
    )
