"""Each symptom is shown by its patient and by no healthy run, and the figures say so."""

import pytest

from helpers.debugging_clinic import cases, charts, faults, figures, symptoms

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
        updates = None if fault in TAKES_TIME else 20
        ill[fault] = charts.observe(cases.admit(fault, garments, seed=7), updates=updates)
        sound[fault] = common
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


def test_no_healthy_run_shows_any_symptom(seen):
    _, sound = seen
    for symptom in symptoms.SYMPTOMS:
        for twin in sound.values():
            assert not symptom.shown_by(twin), symptom.fault


def test_the_figures_say_what_they_show(seen):
    ill, sound = seen
    by_name = {"X": ill["loss summed"], "Y": ill["no step"]}
    same = {"X": sound["loss summed"], "Y": sound["no step"]}
    assert figures.patients(by_name, same).alt.endswith("Their first loss is near ln 10: Y.")
    signs = dict(zip("XY", [symptoms.SYMPTOMS[5], symptoms.SYMPTOMS[0]], strict=True))
    assert signs["X"].fault == "loss summed"
    assert "In 2 of them" in figures.symptoms(signs, by_name, same).alt
    assert "In 0 of them" in figures.symptoms(signs, same, same).alt
    assert "15 of 15 patients" in figures.who_shows_what(symptoms.SYMPTOMS, ill).alt
    falls = figures.in_batches_of({"a": {128: 0.8, 1: 0.8}, "b": {128: 0.8, 1: 0.1}})
    assert falls.alt.endswith("It falls to a guess for: b.")
    assert "does not lag behind" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.7]).alt
    assert "lags behind from" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.55]).alt
