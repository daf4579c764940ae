"""A case has the fault that its name says and no other, and its repairs mend it."""

import pytest
import torch
from torch import nn

from helpers.debugging_clinic import answers, cases, charts, faults, steps, symptoms


def losses_of_an_epoch(case, step):
    rest = (case.loss_function, case.optimizer)
    return [float(step(case.network, *batch, *rest)) for batch in case.batches]


def test_a_repaired_step_trains_as_the_formula_does(garments):
    for fault in ("no step", "cleared before the step", "gradients never cleared"):
        case = answers.in_double(cases.admit(fault, garments, seed=2, images=700))
        by_formula = answers.losses(case)
        repaired = losses_of_an_epoch(case.copy(), steps.by_the_book)
        assert len(by_formula) == 6 and repaired == pytest.approx(by_formula, rel=1e-9)
        assert losses_of_an_epoch(case.copy(), case.step) != pytest.approx(by_formula, rel=1e-3)


def test_another_head_takes_the_place_of_the_last_layer(garments):
    over_images = cases.admit("log_softmax over dim=0", garments, seed=2, images=256)
    mended = cases.with_head(over_images, lambda z: z.log_softmax(dim=1))
    healthy = cases.admit(faults.HEALTHY, garments, seed=2, images=256)
    assert torch.equal(charts.outputs(mended)[0], charts.outputs(healthy)[0])
    assert isinstance(over_images.network[-1], nn.LogSoftmax)


def test_mixed_parts_and_shuffled_labels_are_what_they_say(garments):
    def rows(batches):
        return {row.numpy().tobytes() for images, _ in batches for row in images}

    mixed = cases.admit("test images among the training images", garments)
    sound = cases.admit("test images among the training images", garments, healthy=True)
    assert rows(mixed.test) <= rows(mixed.batches)
    assert not rows(sound.test) & rows(sound.batches)
    assert not rows(mixed.fresh) & (rows(mixed.batches) | rows(mixed.test))

    def labelled(case):
        pairs = [(x.numpy().tobytes(), int(y)) for images, labels in case.batches
                 for x, y in zip(images, labels, strict=True)]  # fmt: skip
        return dict(pairs), sorted(label for _, label in pairs)

    fault = "labels not those of the images"
    shuffled, counts = labelled(cases.admit(fault, garments, images=1_000))
    truth, true_counts = labelled(cases.admit(fault, garments, images=1_000, healthy=True))
    assert shuffled.keys() == truth.keys() and counts == true_counts
    assert sum(shuffled[key] == truth[key] for key in truth) < 0.2 * len(truth)


def test_a_patient_is_of_the_same_size_as_its_twin(garments):
    def sizes(case):
        walks = (case.batches, case.test, case.fresh)
        return [[len(labels) for _, labels in walk] for walk in walks], case.updates

    for number in range(1, 6):
        wards = (cases.ward(number, garments, healthy=healthy) for healthy in (False, True))
        for patient, twin in zip(*map(dict.values, wards), strict=True):
            assert sizes(patient) == sizes(twin)


def test_a_wrong_name_is_answered_with_what_there_is(garments):
    with pytest.raises(ValueError, match="fault is 'flu': give one of cases.FAULTS"):
        cases.admit("flu", garments)
    with pytest.raises(ValueError, match="number is 6: give at most 5"):
        cases.ward(6, garments)


def test_every_fault_has_its_patient(garments):
    patients = {k: v for number in range(1, 6) for k, v in cases.ward(number, garments).items()}
    assert "".join(patients) == "ABCDEFGHIJKLMNO"
    assert {cases.diagnosis(letter) for letter in patients} == set(cases.FAULTS)
    fault_of = {letter: symptom.fault for letter, symptom in symptoms.symptoms_of("BA").items()}
    assert fault_of == {letter: cases.diagnosis(letter) for letter in "AB"}


def test_every_fault_has_a_sentence_that_says_what_is_wrong_and_then_the_cure():
    for fault, sentence in faults.SENTENCES.items():
        assert sentence.count(";") >= 1 and not sentence.endswith("."), fault
    assert set(cases.FAULTS) < set(faults.SENTENCES)
    assert faults.HEALTHY not in faults.SENTENCES


def test_a_seed_decides_all_that_a_case_draws(garments):
    def drawn(fault: str, seed: int, chance: int) -> list[torch.Tensor]:
        torch.manual_seed(chance)
        before = torch.get_rng_state()
        case = cases.admit(fault, garments, seed=seed, images=300)
        assert torch.equal(torch.get_rng_state(), before)
        walks = [pair for part in (case.batches, case.test, case.fresh) for pair in part]
        return [*case.network.parameters(), *(part for pair in walks for part in pair)]

    for fault in (faults.HEALTHY, faults.MIXED_PARTS, faults.WRONG_LABELS):
        first, again, other = (drawn(fault, *how) for how in ((3, 0), (3, 1), (4, 0)))
        assert all(map(torch.equal, first, again))
        assert not any(map(torch.equal, first, other))
