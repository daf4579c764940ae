"""A case has the fault that its name says and no other, and its repairs mend it."""

import copy

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


def test_a_case_is_of_the_network_the_rates_and_the_sizes_that_the_notebook_tells(garments):
    case = cases.admit(faults.HEALTHY, garments)
    kinds = [nn.Flatten, nn.Linear, nn.ReLU, nn.Linear, nn.LogSoftmax]
    assert [type(layer) for layer in case.network] == kinds and case.network.training
    shapes = {name: tuple(w.shape) for name, w in case.network.named_parameters()}
    assert shapes == {"1.weight": (128, 784), "3.weight": (10, 128)}
    assert case.network[-1].dim == 1 and type(case.loss_function) is nn.NLLLoss
    assert case.loss_function.reduction == "mean"
    rates = {key: case.optimizer.param_groups[0][key] for key in ("lr", "momentum")}
    assert type(case.optimizer) is torch.optim.SGD and rates == {"lr": 0.15, "momentum": 0.8}
    rest = ("weight_decay", "nesterov", "dampening", "maximize")
    assert not any(case.optimizer.param_groups[0][key] for key in rest)
    assert case.step is steps.by_the_book and case.make_step is None and case.updates == 150
    sizes = [len(labels) for _, labels in case.batches]
    assert sizes == [128] * 50  # 6,400 images
    for part in (case.test, case.fresh):
        assert [len(labels) for _, labels in part] == [128] * 7 + [104]  # 1,000
    images = next(iter(case.batches))[0]
    assert images.dtype == torch.float32 and images.max() <= 1
    mixed = cases.admit(faults.MIXED_PARTS, garments)
    assert sum(len(labels) for _, labels in mixed.batches) == 500 and mixed.updates == 400
    assert sum(len(labels) for _, labels in mixed.test) == 250
    assert cases.admit(faults.MIXED_PARTS, garments, healthy=True).updates == 400
    dropping = cases.admit(faults.EVAL_MODE, garments, healthy=True, images=2)
    assert [type(layer) for layer in dropping.network] == [*kinds[:3], nn.Dropout, *kinds[3:]]
    assert dropping.network[3].p == 0.5 and dropping.network.training


STEPS = {
    faults.NO_STEP: steps.without_step,
    faults.CLEARED_EARLY: steps.clearing_too_early,
    faults.NEVER_CLEARED: steps.never_clearing,
    faults.FORWARD_BY_NAME: steps.calling_forward,
}
ENDS = {
    faults.LOSS_SUMMED: ("LogSoftmax(dim=1)", "NLLLoss", "sum"),
    faults.SOFTMAX_TWICE: ("Softmax(dim=1)", "CrossEntropyLoss", "mean"),
    faults.OVER_DIM_0: ("LogSoftmax(dim=0)", "NLLLoss", "mean"),
    faults.RAW_SCORES: ("Identity()", "NLLLoss", "mean"),
}


def bits(tensor):
    return tensor.detach().numpy().tobytes()


def seen(case):
    weights = list(case.network.parameters())
    held = [id(w) for group in case.optimizer.param_groups for w in group["params"]]
    last = case.network[-1], type(case.loss_function).__name__, case.loss_function.reduction
    return {
        "step": case.step,
        "end": (repr(last[0]), *last[1:]),
        "held": [name for name, w in case.network.named_parameters() if id(w) in held],
        "rate": case.optimizer.param_groups[0]["lr"],
        "training": case.network.training,
        "weights": [bits(weight) for weight in weights],
        "images": [bits(images) for images, _ in case.copy().batches],
        "labels": [labels.tolist() for _, labels in case.copy().batches],
        "test": [[*map(bits, pair)] for pair in case.test],
        "fresh": [[*map(bits, pair)] for pair in case.fresh],
    }


@pytest.mark.parametrize("fault", cases.FAULTS)
def test_a_patient_differs_from_its_twin_in_its_fault_alone(fault, garments):
    ill, sound = (cases.admit(fault, garments, seed=1, healthy=h, images=40) for h in (False, True))

    patient, twin = seen(ill), seen(sound)
    others = {name for name in twin if patient[name] != twin[name]}
    if fault in STEPS or fault == faults.KEPT_GRAPH:
        assert others == {"step"} and ill.step is STEPS.get(fault, ill.step)
        assert ill.make_step is (None if fault in STEPS else steps.adding_up)
    elif fault in ENDS:
        assert others == {"end"} and patient["end"] == ENDS[fault]
    else:
        assert (
            others
            == {
                faults.LEFT_OUT: {"held"},
                faults.RATE_TOO_HIGH: {"rate"},
                faults.EVAL_MODE: {"training"},
                faults.WRONG_LABELS: {"images", "labels"},
                faults.NOT_SCALED: {"images", "test", "fresh"},
                faults.MIXED_PARTS: {"images", "labels"},
            }[fault]
        )
    assert twin["rate"] == 0.15 and twin["end"] == ("LogSoftmax(dim=1)", "NLLLoss", "mean")
    if fault == faults.LEFT_OUT:
        assert patient["held"] == [twin["held"][-1]] == ["3.weight"]
    if fault == faults.RATE_TOO_HIGH:
        assert patient["rate"] == pytest.approx(15)
    if fault == faults.NOT_SCALED:
        for one, other in zip(ill.copy().batches, sound.copy().batches, strict=True):
            assert torch.allclose(one[0], 255 * other[0]) and one[0].dtype == torch.float32


def test_two_cases_share_no_layer_and_no_loss(garments):
    for fault in (faults.OVER_DIM_0, faults.LOSS_SUMMED):
        one, other = (cases.admit(fault, garments, images=2) for _ in range(2))
        assert one.network[-1] is not other.network[-1]
        assert one.loss_function is not other.loss_function


def test_a_copy_of_a_case_trains_apart_from_it_with_a_step_of_its_own(garments):
    case = cases.admit(faults.KEPT_GRAPH, garments, images=128)
    before = copy.deepcopy(case.network.state_dict())
    first, again = case.copy(), case.copy()
    assert len({id(each.step) for each in (case, first, again)}) == 3
    held = first.optimizer.param_groups[0]["params"]
    assert all(one is other for one, other in zip(held, first.network.parameters(), strict=True))
    found = [losses_of_an_epoch(each, each.step) for each in (first, again)]
    assert found[0] == found[1]
    assert all(torch.equal(before[name], w) for name, w in case.network.state_dict().items())


def test_a_ward_is_of_its_letters_ill_or_healthy(garments):
    for number, letters in enumerate(("ABCD", "EFG", "HIJ", "KLMN", "O"), start=1):
        assert "".join(cases.ward(number, garments)) == letters
    assert cases.ward(2, garments)["F"].optimizer.param_groups[0]["lr"] == pytest.approx(15)
    twin = cases.ward(2, garments, healthy=True)["F"]
    assert twin.optimizer.param_groups[0]["lr"] == 0.15
    for number in (0, 6):
        with pytest.raises(ValueError, match="number"):
            cases.ward(number, garments)
    with pytest.raises(ValueError, match="^images is 1: give at least 2"):
        cases.admit(faults.HEALTHY, garments, images=1)
    assert sum(len(labels) for _, labels in cases.admit("no step", garments, images=2).batches) == 2
