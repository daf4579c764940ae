"""The clinic's faults show their symptoms, its tests measure what they say, its errors are true."""

import copy
import math
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.debugging_clinic import clinic, figures

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
    common = clinic.observe(clinic.admit(clinic.HEALTHY, garments, seed=7))
    charts, twins = {}, {}
    for fault in clinic.FAULTS:
        updates = None if fault in TAKES_TIME else 20
        charts[fault] = clinic.observe(clinic.admit(fault, garments, seed=7), updates=updates)
        twins[fault] = common
        if fault in CHANGES_THE_TWIN:
            twins[fault] = clinic.observe(clinic.admit(fault, garments, seed=7, healthy=True))
    return charts, twins


@pytest.mark.proof
def test_each_bound_lies_between_the_patient_and_the_healthy_run(seen):
    charts, twins = seen
    assert [symptom.fault for symptom in clinic.SYMPTOMS] == list(clinic.FAULTS)
    for symptom in clinic.SYMPTOMS:
        patient = symptom.measure(charts[symptom.fault])
        healthy = symptom.measure(twins[symptom.fault])
        apart = patient > symptom.bound > healthy or patient < symptom.bound < healthy
        assert apart, (symptom.fault, patient, symptom.bound, healthy)
        assert symptom.shown_by(charts[symptom.fault])
        assert not symptom.shown_by(twins[symptom.fault])
        assert str(symptom).endswith(f"{symptom.bound:g} → {symptom.fault}")


def test_no_healthy_run_shows_any_symptom(seen):
    _, twins = seen
    for symptom in clinic.SYMPTOMS:
        for twin in twins.values():
            assert not symptom.shown_by(twin), symptom.fault


def test_a_chart_says_what_the_run_did(garments):
    case = clinic.admit(clinic.HEALTHY, garments, seed=1, images=300)
    chart = clinic.observe(case, updates=4)
    # The same four updates, written out: three batches an epoch, then a new order.
    again = clinic.admit(clinic.HEALTHY, garments, seed=1, images=300)
    first, last = (weight.detach().clone() for weight in again.network.parameters())
    start, velocity = (first, last), [torch.zeros_like(first), torch.zeros_like(last)]
    batches = [*again.batches, *again.batches][:4]
    for n, (images, labels) in enumerate(batches):
        weights = [first.requires_grad_(), last.requires_grad_()]
        scores = F.linear(F.linear(images.flatten(1), first).relu(), last)
        loss = F.cross_entropy(scores, labels)
        new = torch.autograd.grad(loss, weights)
        assert chart.loss[n] == pytest.approx(loss.item(), rel=1e-5)
        assert chart.correct[n] == (scores.argmax(1) == labels).sum()
        assert chart.samples[n] == len(labels)
        length = math.hypot(*(g.norm().item() for g in new))
        assert chart.arrived[n] == pytest.approx(length, rel=1e-4)
        velocity = [0.8 * v + g for v, g in zip(velocity, new, strict=True)]
        first, last = ((w - 0.15 * v).detach() for w, v in zip(weights, velocity, strict=True))
        pairs = zip((first, last), start, strict=True)
        moved = [((now - then).norm() / then.norm()).item() for now, then in pairs]
        assert [way[n] for way in chart.moved.values()] == pytest.approx(moved, rel=1e-4)
        assert chart.moved_most[n] == max(w[n] for w in chart.moved.values())
        assert chart.moved_least[n] == min(w[n] for w in chart.moved.values())
    assert chart.epoch == 3 and chart.hooks == [1, 2, 3, 4] and chart.functions == [0] * 4
    assert chart.piled_up == pytest.approx([1] * 4, rel=1e-5)


def test_piled_up_gradients_are_the_sum_of_all_before(garments):
    case = clinic.admit("gradients never cleared", garments, seed=1, images=384)
    chart = clinic.observe(case, updates=2)
    network = copy.deepcopy(case.network)
    for images, labels in list(case.copy().batches)[:1]:
        F.nll_loss(network(images), labels).backward()
    assert chart.gradient[0] == pytest.approx(
        math.hypot(*(w.grad.norm().item() for w in network.parameters())), rel=1e-5
    )
    assert chart.piled_up[0] == pytest.approx(1) and chart.piled_up[1] > 1.2


def test_the_graph_of_a_sum_holds_all_graphs(garments):
    case = clinic.admit("a graph kept from step to step", garments, images=128)
    # Flatten, two linear layers (a transpose and a product each), ReLU, log-softmax, loss, sum;
    # both weights' accumulators and the first sum's constant are counted once.
    few = clinic.observe(case, updates=3).functions
    assert few[1] - few[0] == few[2] - few[1] > 5


@pytest.mark.parametrize("fault", ["gradients never cleared", "a graph kept from step to step"])
def test_observing_and_ordering_tests_leave_a_case_alone(fault, garments):
    case = clinic.admit(fault, garments, images=256)
    weights = copy.deepcopy(case.network.state_dict())
    chance = torch.get_rng_state()
    first = clinic.observe(case, updates=3)
    clinic.gradients(case), clinic.weight_change(case), clinic.outputs(case)
    clinic.trained_by_hand(case)
    assert clinic.observe(case, updates=3) == first
    assert torch.equal(torch.get_rng_state(), chance)
    for name, weight in case.network.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert all(weight.grad is None for weight in case.network.parameters())


def test_gradients_are_those_that_step_sees(garments):
    case = clinic.admit(clinic.HEALTHY, garments, images=256)
    network = copy.deepcopy(case.network)
    images, labels = next(iter(case.copy().batches))
    F.nll_loss(network(images), labels).backward()
    expected = {name: weight.grad.norm().item() for name, weight in network.named_parameters()}
    assert clinic.gradients(case) == pytest.approx(expected, rel=1e-5)
    early = clinic.gradients(clinic.admit("cleared before the step", garments, images=256))
    assert early == {"1.weight": 0, "3.weight": 0}
    assert clinic.gradients(clinic.admit("no step", garments, images=256)) == {}


def test_weight_change_tells_which_matrix_stays(garments):
    left_out = clinic.admit("parameters not handed to the optimiser", garments, images=256)
    change = clinic.weight_change(left_out)
    assert change["1.weight"] == 0 and change["3.weight"] > 0.01


def test_the_accuracy_of_a_chart_is_that_of_the_last_twenty_batches():
    # One image each: wrong, then nineteen right, then one wrong and one right.
    correct = [0] + [1] * 19 + [0, 1]
    chart = clinic.Chart(loss=[0.0] * 22, correct=correct, samples=[1] * 22)
    assert chart.accuracy[:2] == [0.0, 0.5]
    assert chart.accuracy[19:] == [0.95, 0.95, 0.95]
    twice = clinic.Chart(loss=[0.0] * 22, correct=correct, samples=[2] * 22)
    assert twice.accuracy[-1] == 0.475


def test_accuracy_depends_on_the_batch_only_over_dim_0(garments):
    for fault, depends in ((clinic.HEALTHY, False), ("log_softmax over dim=0", True)):
        case = clinic.admit(fault, garments, images=128)
        images, labels = next(iter(case.fresh))
        few = [(images[:20], labels[:20])]
        with torch.no_grad():
            alone = [case.network(image[None]).argmax().item() for image in images[:20]]
            together = case.network(images[:20]).argmax(dim=1).tolist()
        for size, said in ((1, alone), (20, together)):
            right = sum(a == b for a, b in zip(said, labels[:20].tolist(), strict=True)) / 20
            assert clinic.accuracy(case.network, few, in_batches_of=size) == pytest.approx(right)
        assert (alone != together) == depends


def losses_of_an_epoch(case, step):
    return [
        float(step(case.network, images, labels, case.loss_function, case.optimizer))
        for images, labels in case.batches
    ]


def test_a_repaired_step_trains_as_the_formula_does(garments):
    for fault in ("no step", "cleared before the step", "gradients never cleared"):
        case = clinic.in_double(clinic.admit(fault, garments, seed=2, images=700))
        by_formula = clinic.trained_by_hand(case)
        repaired = losses_of_an_epoch(case.copy(), clinic.by_the_book)
        assert len(by_formula) == 6 and repaired == pytest.approx(by_formula, rel=1e-9)
        assert losses_of_an_epoch(case.copy(), case.step) != pytest.approx(by_formula, rel=1e-3)


def test_another_head_takes_the_place_of_the_last_layer(garments):
    over_images = clinic.admit("log_softmax over dim=0", garments, seed=2, images=256)
    mended = clinic.with_head(over_images, lambda z: z.log_softmax(dim=1))
    healthy = clinic.admit(clinic.HEALTHY, garments, seed=2, images=256)
    assert torch.equal(clinic.outputs(mended)[0], clinic.outputs(healthy)[0])
    assert isinstance(over_images.network[-1], nn.LogSoftmax)


def test_mixed_parts_and_shuffled_labels_are_what_they_say(garments):
    def rows(batches):
        return {row.numpy().tobytes() for images, _ in batches for row in images}

    mixed = clinic.admit("test images among the training images", garments)
    sound = clinic.admit("test images among the training images", garments, healthy=True)
    assert rows(mixed.test) <= rows(mixed.batches)
    assert not rows(sound.test) & rows(sound.batches)
    assert not rows(mixed.fresh) & (rows(mixed.batches) | rows(mixed.test))

    def labelled(case):
        pairs = [(x.numpy().tobytes(), int(y)) for images, labels in case.batches
                 for x, y in zip(images, labels, strict=True)]  # fmt: skip
        return dict(pairs), sorted(label for _, label in pairs)

    fault = "labels not those of the images"
    shuffled, counts = labelled(clinic.admit(fault, garments, images=1_000))
    truth, true_counts = labelled(clinic.admit(fault, garments, images=1_000, healthy=True))
    assert shuffled.keys() == truth.keys() and counts == true_counts
    assert sum(shuffled[key] == truth[key] for key in truth) < 0.2 * len(truth)


# --- Loud faults ----------------------------------------------------------------------------------

LOUD = {
    "def f(x)\n    return x\n": 1,
    "x = 1\ny = (x + 1\n": 2,
    "x = 1\n\nprint(missing)\n": 3,
    "def f():\n    return 1 / 0\n\nf()\n": 2,
    "import json\n\ntext = '{'\njson.loads(text)\n": 4,
}


@pytest.mark.parametrize("listing", LOUD)
def test_the_first_error_is_the_one_that_python_reports(listing, tmp_path):
    file = tmp_path / "listing.py"
    file.write_text(listing)
    said = subprocess.run([sys.executable, str(file)], capture_output=True, text=True).stderr
    complaint = clinic.first_error(listing)
    assert said.splitlines()[-1].endswith(f"{complaint.kind}: {complaint.message}")
    lines = [line for line in said.splitlines() if f'"{file}", line' in line]
    assert complaint.line == LOUD[listing] == int(lines[-1].split("line ")[1].split(",")[0])
    assert complaint.source == listing.splitlines()[complaint.line - 1].strip()
    assert (complaint.frames_below > 0) == ("json" in listing)
    assert str(complaint).endswith(f"your line {complaint.line}: {complaint.source}")


def test_a_listing_finds_the_names_it_is_given_and_leaves_none_behind():
    given = []
    assert clinic.first_error("given.append(len('abc'))\nleft = 1\n", given=given) is None
    assert given == [3]
    assert clinic.first_error("left").kind == "NameError"


# --- What is refused ------------------------------------------------------------------------------


def test_a_wrong_name_is_answered_with_what_there_is(garments):
    with pytest.raises(ValueError, match="fault is 'flu': give one of clinic.FAULTS"):
        clinic.admit("flu", garments)
    with pytest.raises(ValueError, match="number is 6: give at most 5"):
        clinic.ward(6, garments)
    with pytest.raises(ValueError, match="letter is 'Z': give one of A, B, "):
        clinic.diagnosis("Z")


def test_every_fault_has_its_patient(garments):
    patients = {k: v for number in range(1, 6) for k, v in clinic.ward(number, garments).items()}
    assert "".join(patients) == "ABCDEFGHIJKLMNO"
    assert {clinic.diagnosis(letter) for letter in patients} == set(clinic.FAULTS)
    assert {letter: s.fault for letter, s in clinic.symptoms_of("BA").items()} == {
        "B": clinic.diagnosis("B"),
        "A": clinic.diagnosis("A"),
    }


# --- Figures --------------------------------------------------------------------------------------


def test_the_figures_say_what_they_show(seen):
    charts, twins = seen
    by_name = {"X": charts["loss summed"], "Y": charts["no step"]}
    same = {"X": twins["loss summed"], "Y": twins["no step"]}
    assert figures.patients(by_name, same).alt.endswith("Their first loss is near ln 10: Y.")
    signs = dict(zip("XY", [clinic.SYMPTOMS[5], clinic.SYMPTOMS[0]], strict=True))
    assert signs["X"].fault == "loss summed"
    assert "In 2 of them" in figures.symptoms(signs, by_name, same).alt
    assert "In 0 of them" in figures.symptoms(signs, same, same).alt
    assert "15 of 15 patients" in figures.who_shows_what(clinic.SYMPTOMS, charts).alt
    falls = figures.in_batches_of({"a": {128: 0.8, 1: 0.8}, "b": {128: 0.8, 1: 0.1}})
    assert falls.alt.endswith("It falls to a guess for: b.")
    assert "does not lag behind" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.7]).alt
    assert "lags behind from" in figures.accuracy_reported([0.5, 0.6], [0.5, 0.55]).alt
