"""Each symptom is shown by its patient and by no healthy run."""

import pytest

from helpers.debugging_clinic import cases, charts, faults, symptoms

CHANGES_THE_TWIN = ("model left in eval mode", "test images among the training images")
# What these show takes a whole run; all others show it within the first updates.
TAKES_TIME = (
    "softmax before cross-entropy",
    "log_softmax over dim=0",
    "labels not those of the images",
    "test images among the training images",
)


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
def test_each_bound_lies_between_the_patient_and_the_healthy_run(seen):
    ill, sound = seen
    assert {symptom.fault for symptom in symptoms.SYMPTOMS} == set(cases.FAULTS)
    for symptom in symptoms.SYMPTOMS:
        patient = symptom.measure(ill[symptom.fault])
        healthy = symptom.measure(sound[symptom.fault])
        apart = patient > symptom.bound > healthy or patient < symptom.bound < healthy
        assert apart, (symptom.fault, patient, symptom.bound, healthy)
        assert symptom.shown_by(ill[symptom.fault])
        assert not symptom.shown_by(sound[symptom.fault])
        assert str(symptom).endswith(f"{symptom.bound:g} → {symptom.fault}")


@pytest.mark.proof
def test_no_healthy_run_shows_any_symptom(seen):
    _, sound = seen
    for symptom in symptoms.SYMPTOMS:
        for twin in sound.values():
            assert not symptom.shown_by(twin), symptom.fault
