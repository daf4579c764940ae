"""What notebook 05 asks: which guesses have a hint, and on what code is tried."""

import pytest
import torch

from helpers.debugging_clinic import answers, cases, faults

CHECK = answers.check
# By name: the guesses that have a hint.
HINTS = {
    "errors in one run": [0, 2, 3, 6, 7],
    "a misspelt init": ["the class", "the loss"],
    "patient A": ["no step", "cleared early", "never cleared"],
    "patient B": ["no step", "never cleared", "left out"],
    "a summed loss": [1, 10],
    "one update": [1, 0.0001, 0.1, 0.001, 0.0],
    "the floor under H": [0.0, 2.3, 1.0],
    "one at a time": [80, 84, 88, 92, 70, 100, 0],
    "images that it reaches": [1, 127, 10, 0],
    "32 images by heart": ["no"],
    "a sum with its graphs": [10],
    "fifteen by heart": [15, 1, 4],
    "a check before take-off": [0, 7, 14],
}
# By name: what is to be done without, and on how many inputs it is tried.
EXERCISES = {
    "the line to read": ((), 4),
    "an epoch that learns": ((), 2),
    "a head the right way round": (("log_softmax", "softmax", "cross_entropy"), 3),
    "honest books": ((), 3),
    "your own check": ((), 12),
}


def inputs_of(name, garments=None):
    exercise = CHECK.exercises[name]
    return exercise.inputs_from(**({"garments": garments} if exercise.needs() else {}))


def test_which_guesses_have_a_hint_and_what_code_is_tried_on_stay_as_they_are():
    assert {n: [*q.hints] for n, q in CHECK.predictions.items()} == HINTS
    assert not any(q.varies or q.words for q in CHECK.predictions.values())
    set_ = {n: (q.without, len(inputs_of(n))) for n, q in CHECK.exercises.items()}
    assert set_ == EXERCISES
    assert {(q.tolerance, q.seconds) for q in CHECK.exercises.values()} == {(1e-6, 5.0)}


def test_the_line_to_read_is_the_last_of_ones_own_from_nought():
    assert [CHECK.exercises["the line to read"](*each) for each in inputs_of("the line to read")] \
        == [1, 2, 0, 0]  # fmt: skip


def test_scores_are_of_as_many_images_as_a_batch_may_have_and_normal():
    found = [scores for (scores,) in inputs_of("a head the right way round")]
    assert [tuple(scores.shape) for scores in found] == [(3, 10), (8, 10), (128, 10)]
    assert all(scores.dtype is torch.float64 and scores.min() < 0 for scores in found)
    for scores in found:
        right = scores - scores.exp().sum(1, keepdim=True).log()
        assert CHECK.exercises["a head the right way round"](scores).allclose(right)


def test_honest_books_divide_the_sums_of_three_epochs_of_unequal_batches():
    for (right, samples, epoch), size in zip(inputs_of("honest books"), (3, 4, 7), strict=True):
        assert epoch == size and samples == ([128] * (epoch - 1) + [40]) * 3
        assert all(0 < some < all_ for some, all_ in zip(right, samples, strict=True))
        assert len(set(right)) > 3
        starts = range(0, 3 * epoch, epoch)
        fractions = [sum(right[n : n + epoch]) / sum(samples[n : n + epoch]) for n in starts]
        assert CHECK.exercises["honest books"](right, samples, epoch) == pytest.approx(fractions)


def test_ones_own_check_is_tried_on_six_batches_of_128_with_two_seeds(garments):
    found = [make() for make in inputs_of("your own check", garments)]
    # Loss, inputs, sound, batch, and scores of two kinds: numbered as the notebook does.
    assert [CHECK.exercises["your own check"](*given) for given in found] == [3, 4, 0, 1, 2, 2] * 2
    assert {len(labels) for _, _, labels, _ in found} == {128}
    one, other = (found[n][0][1].weight for n in (2, 8))
    assert not torch.equal(one, other), "of another seed"
    assert torch.equal(found[0][0][1].weight, one)


def test_an_epoch_is_of_ten_batches_of_patient_b_in_double_with_two_seeds(garments):
    cases_ = [make()[0] for make in inputs_of("an epoch that learns", garments)]
    for case in cases_:
        batches = [*case.batches]
        assert [len(labels) for _, labels in batches] == [128] * 10
        dtypes = {images.dtype for images, _ in batches} | {
            w.dtype for w in case.network.parameters()
        }
        assert dtypes == {torch.float64}
        assert case.step is cases._STEPS[faults.CLEARED_EARLY]
    first, second = (case.network[1].weight for case in cases_)
    assert not torch.equal(first, second)


def test_a_case_in_double_leaves_the_other_as_it_was(garments):
    case = cases.admit(faults.HEALTHY, garments, images=128)
    double = answers.in_double(case)
    assert {w.dtype for w in double.network.parameters()} == {torch.float64}
    assert {w.dtype for w in case.network.parameters()} == {torch.float32}
    assert next(iter(case.batches))[0].dtype is torch.float32
