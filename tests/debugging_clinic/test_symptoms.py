"""Each symptom is shown by its patient and by no healthy run."""

import math

import pytest

from helpers.debugging_clinic import cases, charts, faults, figures, symptoms

CHANGES_THE_TWIN = (faults.EVAL_MODE, faults.MIXED_PARTS)
# What these show takes a whole run; all others show it within the first updates.
TAKES_TIME = (faults.SOFTMAX_TWICE, faults.OVER_DIM_0, faults.WRONG_LABELS, faults.MIXED_PARTS)


@pytest.fixture(scope="module")
def seen(garments):
    """Each patient's chart beside its twin's, one seed; `measure_clinic.py` takes three."""
    common = charts.observe(cases.admit(faults.HEALTHY, garments, seed=7))
    ill, sound = {}, {}
    for fault in cases.FAULTS:
        case = cases.admit(fault, garments, seed=7)
        if fault not in TAKES_TIME:
            case.updates = 20
        ill[fault], sound[fault] = charts.observe(case), common
        if fault in CHANGES_THE_TWIN:
            sound[fault] = charts.observe(cases.admit(fault, garments, seed=7, healthy=True))
    return ill, sound


@pytest.mark.proof
def test_each_bound_lies_between_the_patient_and_every_healthy_run(seen):
    ill, sound = seen
    assert {symptom.fault for symptom in symptoms.SYMPTOMS} == set(cases.FAULTS)
    for symptom in symptoms.SYMPTOMS:
        patient, healthy = ill[symptom.fault], sound[symptom.fault]
        low, high = sorted([symptom.measure(patient), symptom.measure(healthy)])
        assert low < symptom.bound < high, (symptom.fault, low, symptom.bound, high)
        assert symptom.shown_by(patient) and not any(map(symptom.shown_by, sound.values()))
        assert str(symptom).endswith(f"{symptom.bound:g} → {symptom.fault}")


# A run that was not, each of its numbers another one.
CHART = charts.Chart(
    loss=[4.0, -2.0, 24.0, *[3.0] * 17, *[0.5, 1.5] * 5],
    correct=[9] * 10 + [3] * 20,
    samples=[10] * 30,
    gradient=[2.0, 8.0, *[1.0] * 8, 90.0, *[1.0] * 18, 0.25],
    arrived=[2.0] * 30,
    moved_most=[5.0, *[6.0] * 28, 7.0],
    moved_least=[0.5, *[0.25] * 28, 0.125],
    functions=[*range(29), 77],
    hooks=[*range(29), 66],
    apart=[0.5, 0.75, *[0.25] * 28],
    in_batches_of={128: 0.875, 8: 0.5, 1: 0.0625},
    reported=0.75,
    honest=0.5,
)
# By the fault: what is measured of it, the number in the chart above, the bound and its side, how
# many updates are drawn, and beside what.
MEASURED = {
    faults.NO_STEP: ("farthest any weight matrix moved", 7, "<", 1e-6, 30,
                     "largest move ÷ length"),
    faults.CLEARED_EARLY: ("gradient left by the step", 90, "<", 1e-6, 30, ""),
    faults.NEVER_CLEARED: (".grad ÷ the batch's own gradient", 4, ">", 1.5, 12,
                           ".grad ÷ the batch's own"),
    faults.LEFT_OUT: ("least any weight matrix moved", 0.125, "<", 1e-6, 30,
                      "smallest move ÷ length"),
    faults.RATE_TOO_HIGH: ("highest loss ÷ first loss", 6, ">", 5, 12, "loss ÷ first loss"),
    faults.LOSS_SUMMED: ("first loss", 4, ">", 100, 12, "loss (nats)"),
    faults.NOT_SCALED: ("first loss", 4, ">", 8, 12, "loss (nats)"),
    faults.SOFTMAX_TWICE: ("loss of the last ten batches", 1, ">", 1.46, 30, "loss (nats)"),
    faults.OVER_DIM_0: ("right, one image at a time", 0.0625, "<", 0.2, 3, "fraction right"),
    faults.RAW_SCORES: ("lowest loss", -2, "<", 0, 12, "loss (nats)"),
    faults.EVAL_MODE: ("two passes of one batch differ by", 0.75, "<", 1e-6, 30,
                       "two passes differ by"),
    faults.WRONG_LABELS: ("right, of the last 20 batches", 0.3, "<", 0.2, 30,
                          "right, last 20 batches"),
    faults.MIXED_PARTS: ("accuracy on test images − on fresh images", 0.25, ">", 0.08, 1,
                         "right: test − fresh images"),
    faults.KEPT_GRAPH: ("functions in the graph of the sum", 77, ">", 100, 30,
                        "functions in the graph"),
    faults.FORWARD_BY_NAME: ("calls of a hook", 66, "<", 1, 30, ""),
}  # fmt: skip


@pytest.mark.parametrize("symptom", symptoms.SYMPTOMS, ids=lambda symptom: symptom.fault)
def test_a_symptom_measures_what_it_says_and_speaks_beyond_its_bound_alone(symptom):
    quantity, number, relation, bound, drawn, axis = MEASURED[symptom.fault]
    assert symptom.measure(CHART) == pytest.approx(number, rel=1e-12)
    assert (symptom.relation, symptom.bound, symptom.axis) == (relation, bound, axis)
    assert str(symptom) == f"{quantity} {relation} {bound:g} → {symptom.fault}"
    assert symptom.shown_by(CHART) == (number > bound if relation == ">" else number < bound)
    assert len(list(symptom.series(CHART))[: symptom.drawn]) == drawn
    for value, speaks in ((bound - 1e-9, relation == "<"), (bound, False),
                          (bound + 1e-9, relation == ">")):  # fmt: skip
        at = symptoms.Symptom("", "", "", lambda _, v=value: [v], max, relation, bound)
        assert at.shown_by(CHART) == speaks


@pytest.mark.parametrize("end", [math.nan, math.inf])
def test_a_loss_that_is_no_number_any_more_is_beyond_every_bound(end):
    (symptom,) = [s for s in symptoms.SYMPTOMS if s.fault == faults.RATE_TOO_HIGH]
    for loss in ([2.0, end, 3.0], [2.0, 3.0, end]):
        assert symptom.measure(charts.Chart(loss=loss)) == math.inf


def test_each_symptom_is_of_a_fault_of_its_own_and_says_what_one_sees():
    assert [symptom.fault for symptom in symptoms.SYMPTOMS] == list(MEASURED)
    signs = {symptom.fault: symptom.sign for symptom in symptoms.SYMPTOMS}
    assert signs == {
        faults.NO_STEP: "gradients, but no weight moves",
        faults.CLEARED_EARLY: "step() finds no gradient",
        faults.NEVER_CLEARED: ".grad is not this batch's",
        faults.LEFT_OUT: "one layer stays put",
        faults.RATE_TOO_HIGH: "starts at ln 10, then explodes",
        faults.LOSS_SUMMED: "starts at 128 times ln 10",
        faults.NOT_SCALED: "starts far above ln 10",
        faults.SOFTMAX_TWICE: "the loss stays above 1.46",
        faults.OVER_DIM_0: "one image at a time is a guess",
        faults.RAW_SCORES: "the loss falls below zero",
        faults.EVAL_MODE: "dropout drops nothing",
        faults.WRONG_LABELS: "weights move, accuracy does not",
        faults.MIXED_PARTS: "the test flatters",
        faults.KEPT_GRAPH: "the graph grows",
        faults.FORWARD_BY_NAME: "a hook hears nothing",
    }


def test_symptoms_of_letters_come_in_their_order():
    found = symptoms.symptoms_of("OAK")
    assert list(found) == ["O", "A", "K"]
    assert [s.fault for s in found.values()] == [cases.diagnosis(letter) for letter in "OAK"]


def test_a_figure_names_the_axis_or_else_the_quantity():
    for letters in ("AB", "O"):
        signs = symptoms.symptoms_of(letters)
        runs = dict.fromkeys(letters, CHART)
        named = [axes.get_ylabel() for axes in figures.symptoms(signs, runs, runs).axes]
        assert named[: len(signs)] == [s.axis or s.quantity for s in signs.values()]
