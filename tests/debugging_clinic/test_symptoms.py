"""Each symptom is shown by its patient and by no healthy run."""

import pytest

from helpers.debugging_clinic import cases, charts, faults, symptoms

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
