"""What holds for whatever is put in, with input that chance makes up: the same in each run."""

import ast
import contextlib
import io
import math
import tempfile
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
import test_junk
import torch
import torchviz
from junk import MADE_BY_CHANCE
from needed import needed
from torch.nn import functional as F

from helpers import (
    checkpoint,
    clinic,
    descent,
    explore,
    fashion,
    figures,
    graph,
    learning,
    least_squares,
    parallel,
    run,
    standin,
    training,
)

needed("hypothesis")

from hypothesis import given, settings  # noqa: E402  It may not be there.
from hypothesis import strategies as st  # noqa: E402

settings.register_profile(
    "the same in each run", derandomize=True, deadline=None, database=None, max_examples=40
)
settings.load_profile("the same in each run")
few = settings(max_examples=12)

seeds = st.integers(0, 2**32 - 1)
# Far from where float64 overflows or loses digits, which is not the subject.
numbers = st.floats(-100, 100, allow_subnormal=False)
above_zero = st.floats(0.01, 100)


def normal(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


# --- Batches and parts ---


@given(count=st.integers(1, 60), size=st.integers(1, 70), seed=st.none() | seeds)
def test_batches_hold_each_image_once_and_the_last_one_what_is_left(count, size, seed):
    labels = torch.arange(count) % 10
    # Each image carries its number in its first pixel.
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 0, 0] = torch.arange(count)
    chance = None if seed is None else torch.Generator().manual_seed(seed)
    batches = fashion.Batches(images, labels, size, generator=chance)
    for _ in range(2):
        seen = [(x[:, 0, 0, 0].mul(255).round().long(), y) for x, y in batches]
        whole, rest = divmod(count, size)
        assert [len(y) for _, y in seen] == [size] * whole + [rest] * (rest > 0)
        assert len(batches) == len(seen)
        which = torch.cat([x for x, _ in seen])
        assert sorted(which.tolist()) == list(range(count))
        assert torch.equal(torch.cat([y for _, y in seen]), which % 10)
        if seed is None:
            assert which.tolist() == list(range(count))


@given(count=st.integers(0, 40), size=st.integers(1, 12))
def test_the_parts_of_a_batch_are_the_batch_and_nearly_alike(count, size):
    images, labels = torch.arange(2 * count).view(count, 2), torch.arange(count)
    parts = [parallel.share(images, labels, parallel.Group(rank, size)) for rank in range(size)]
    assert torch.equal(torch.cat([x for x, _ in parts]), images)
    assert torch.equal(torch.cat([y for _, y in parts]), labels)
    lengths = [len(y) for _, y in parts]
    assert max(lengths) - min(lengths) <= 1


@few
@given(seed=st.integers(0, 2**30), train=st.integers(1, 45), test=st.integers(1, 25))
def test_a_stand_in_is_written_as_idx_files_are(seed, train, test):
    with tempfile.TemporaryDirectory() as folder:
        standin.write(folder, seed=seed, train=train, test=test)
        for prefix, count in (("train", train), ("t10k", test)):
            raw = Path(folder) / "FashionMNIST" / "raw"
            labels = np.fromfile(raw / f"{prefix}-labels-idx1-ubyte", dtype=np.uint8)
            images = np.fromfile(raw / f"{prefix}-images-idx3-ubyte", dtype=np.uint8)
            sizes = np.frombuffer(images[4:16].tobytes(), dtype=">i4").tolist()
            assert labels[:4].tolist() == [0, 0, 8, 1] and images[:4].tolist() == [0, 0, 8, 3]
            assert sizes == [count, 28, 28] and len(images) == 16 + count * 28 * 28
            assert np.frombuffer(labels[4:8].tobytes(), dtype=">i4").tolist() == [count]
            of_each = np.bincount(labels[8:], minlength=10)
            assert of_each.sum() == count and of_each.max() - of_each.min() <= 1


@few
@given(seed=seeds, labels=st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_drawing_depends_on_seed_and_labels_alone(seed, labels):
    labels = torch.tensor(labels)
    torch.manual_seed(0)
    first = standin.draw(labels, seed=seed)
    torch.manual_seed(1)
    assert torch.equal(standin.draw(labels, seed=seed), first)
    assert first.shape == (len(labels), 28, 28) and first.dtype == torch.uint8
    assert (first.flatten(1).amax(dim=1) > 0).all(), "an empty picture"


# --- Checkpoints ---

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8]
DTYPES += [torch.bool, torch.complex64]


@st.composite
def tensors(draw, dtypes=tuple(DTYPES), largest=3):
    shape = draw(st.lists(st.integers(0, largest), max_size=3))
    values = normal(draw(seeds), *shape).mul(10).to(draw(st.sampled_from(dtypes)))
    if draw(st.booleans()) and values.ndim > 1:
        values = values.transpose(0, -1)  # What is not in one piece in memory.
    return values


plain = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text(max_size=5)
kept = st.recursive(
    plain | tensors(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=8,
)


def alike(one: object, other: object) -> bool:
    """Whether two values are the same, NaN as well, down to the types."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return one == other or (one != one and other != other)


@given(
    model=st.dictionaries(st.text(max_size=3), tensors(), max_size=3),
    rng=st.dictionaries(st.text(max_size=3), kept, max_size=3),
    epoch=st.integers(0, 99),
    more=kept,
)
def test_what_is_kept_comes_back(model, rng, epoch, more):
    contents = {"model": model, "optimizer": {}, "rng": rng, "epoch": epoch, "batch": 0}
    contents["more"] = more
    with tempfile.TemporaryDirectory() as folder:
        checkpoint.save(Path(folder) / "kept", contents)
        assert alike(checkpoint.load(Path(folder) / "kept"), contents)
        assert [file.name for file in Path(folder).iterdir()] == ["kept"]


# --- Descent ---


@st.composite
def bowls(draw):
    steep = draw(st.lists(st.floats(0.1, 20), min_size=1, max_size=4))
    return steep, draw(st.floats(-360, 360)) if len(steep) == 2 else 0.0


@given(bowl=bowls(), seed=seeds)
def test_the_curvatures_of_a_bowl_come_back_from_its_loss(bowl, seed):
    steep, tilt = bowl
    loss = descent.bowl(steep, tilt=tilt)
    at = normal(seed, len(steep))
    torch.testing.assert_close(
        descent.curvatures(loss, at), torch.tensor(steep, dtype=torch.float64).sort().values
    )
    # Euler: the gradient of what is quadratic, times the point, is twice the loss.
    torch.testing.assert_close(descent.gradient(loss, at) @ at, 2 * loss(at))


@given(
    steep=st.floats(0.1, 10),
    start=above_zero | above_zero.map(lambda value: -value),
    lr=st.floats(0.01, 1),
    momentum=st.floats(0, 0.99),
    nesterov=st.booleans(),
    decay=st.floats(0, 1),
    steps=st.integers(1, 30),
)
def test_a_path_is_that_of_the_recursion(steep, start, lr, momentum, nesterov, decay, steps):
    nesterov = nesterov and momentum > 0
    path = descent.run(
        descent.bowl([steep]),
        torch.tensor([start], dtype=torch.float64),
        lr=lr,
        steps=steps,
        momentum=momentum,
        nesterov=nesterov,
        weight_decay=decay,
    )
    w, v, expected = start, 0.0, [start]
    for _ in range(steps):
        slope = steep * w + decay * w
        v = momentum * v + slope
        w -= lr * (slope + momentum * v if nesterov else v)
        expected.append(w)
    np.testing.assert_allclose(path.points[:, 0], expected, rtol=1e-9, atol=1e-9 * abs(start))
    assert path.steps == steps and path.left_at is None
    np.testing.assert_allclose(path.distances(), np.abs(expected), rtol=1e-9, atol=1e-7)
    at = path.points[:, 0].numpy()
    np.testing.assert_allclose(path.losses, steep * at**2 / 2, rtol=1e-12)


@given(
    lr=st.floats(0, 2),
    steep=st.lists(above_zero, min_size=1, max_size=4),
    momentum=st.floats(0, 1.5),
)
def test_the_predicted_rate_is_the_largest_root(lr, steep, momentum):
    roots = [np.roots([1, -(1 + momentum - lr * curvature), momentum]) for curvature in steep]
    expected = np.abs(np.concatenate(roots)).max()
    found = descent.predicted_rate(lr, torch.tensor(steep, dtype=torch.float64), momentum)
    # A double root is only good to half the digits.
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(rate=st.floats(0.05, 1.4), first=above_zero, steps=st.integers(20, 60))
def test_a_geometric_descent_has_its_rate(rate, first, steps):
    distances = first * rate ** torch.arange(steps + 1, dtype=torch.float64)
    assert descent.measured_rate(distances) == pytest.approx(rate, rel=1e-9)


@given(distances=st.lists(st.floats(0, 10), min_size=1, max_size=20), fraction=st.floats(0.001, 2))
def test_steps_until_is_the_first_after_which_none_is_outside(distances, fraction):
    inside = [distance <= fraction * distances[0] for distance in distances]
    fits = [step for step in range(len(distances)) if all(inside[step:])]
    found = descent.steps_until(torch.tensor(distances, dtype=torch.float64), fraction)
    assert found == (fits[0] if fits else None)


@given(steep=st.lists(above_zero, min_size=1, max_size=4), factor=st.floats(0.01, 3))
def test_a_regime_is_what_the_rate_says(steep, factor):
    high, low = max(steep), min(steep)
    lr = factor / high
    word = descent.regime(lr, torch.tensor(steep, dtype=torch.float64))
    rate = max(abs(1 - lr * high), abs(1 - lr * low))
    if word == "diverges":
        assert rate > 1 - 1e-12
    else:
        assert rate < 1 + 1e-12
    if word in ("rings", "crawls", "glides"):
        assert (1 - lr * high < 0) == (word == "rings")
    if word == "is best":
        assert rate == pytest.approx((high - low) / (high + low), abs=3e-3)


# --- Least squares ---


def ridge(X, y, penalty=0.0):
    """By the singular values: another way than the notebook's."""
    U, sigma, Vh = np.linalg.svd(X.numpy(), full_matrices=False)
    return torch.from_numpy(Vh.T @ (sigma / (sigma**2 + penalty) * (U.T @ y.numpy())))


@given(rows=st.integers(3, 12), features=st.integers(1, 3), seed=seeds, penalty=st.floats(0.01, 10))
def test_leaving_one_out_by_refitting_is_the_short_formula(rows, features, seed, penalty):
    X, y = normal(seed, rows, features), normal(seed + 1, rows)
    hat = X @ torch.linalg.inv(X.T @ X + penalty * torch.eye(features)) @ X.T
    expected = (y - hat @ y) / (1 - hat.diagonal())
    found = least_squares.leave_one_out_by_refitting(ridge, X, y, penalty)
    # Where a row nearly decides alone, the formula divides by next to nothing.
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@given(
    rows=st.integers(2, 12),
    features=st.integers(1, 3),
    seed=seeds,
    penalties=st.lists(st.floats(0.01, 10), min_size=1, max_size=4),
)
def test_more_penalty_means_smaller_weights_and_a_larger_error(rows, features, seed, penalties):
    X, y = normal(seed, rows, features), normal(seed + 1, rows)
    penalties = sorted(penalties)
    weights = least_squares.weights_over_penalties(ridge, X, y, penalties)
    assert weights.shape == (len(penalties), features)
    assert (weights.norm(dim=1).diff() <= 1e-12).all()
    fitted, held_out = least_squares.errors_over_penalties(ridge, X, y, penalties, held_out=(X, y))
    assert (fitted.diff() >= -1e-12).all()
    assert torch.equal(fitted, held_out)
    by_numpy = [np.sqrt(np.mean((X.numpy() @ w.numpy() - y.numpy()) ** 2)) for w in weights]
    np.testing.assert_allclose(fitted, by_numpy, rtol=1e-9, atol=1e-14)


@given(rows=st.integers(1, 20), features=st.integers(1, 6), power=st.floats(0, 6), seed=seeds)
def test_a_made_problem_has_its_condition_and_its_weights(rows, features, power, seed):
    features = min(rows, features)
    X, y, weights = least_squares.conditioned_problem(rows, features, 10**power, seed=seed)
    assert float(weights.norm()) == pytest.approx(1)
    np.testing.assert_allclose(X.numpy() @ weights.numpy(), y, rtol=0, atol=1e-12)
    sigma = np.linalg.svd(X.numpy(), compute_uv=False)
    assert sigma[0] == pytest.approx(1)
    if features > 1:
        assert sigma[0] / sigma[-1] == pytest.approx(10**power, rel=1e-6)


LAND = least_squares.hills()


@few
@given(count=st.integers(1, 10_000), seed=seeds)
def test_spots_are_different_places_of_the_map(count, seed):
    positions, heights = least_squares.spot_heights(LAND, count, seed=seed)
    assert len({tuple(place) for place in positions.tolist()}) == count == len(heights)
    east, north = LAND.east.tolist(), LAND.north.tolist()
    for (x, y), height in zip(positions[:20].tolist(), heights[:20].tolist(), strict=True):
        assert height == float(LAND.height[north.index(y), east.index(x)])


# --- Training ---


@st.composite
def scored(draw):
    """Return scores, labels, and the size of batches that hold them all."""
    count, classes = draw(st.integers(1, 20)), draw(st.integers(2, 5))
    scores = normal(draw(seeds), count, classes)
    labels = torch.randint(classes, (count,), generator=torch.Generator().manual_seed(count))
    return scores, labels, draw(st.integers(1, count))


class Says(torch.nn.Module):
    """Gives the scores back that it is shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))

    def forward(self, scores):
        return scores + self.weight


@given(case=scored())
def test_an_evaluation_does_not_depend_on_the_batches(case):
    scores, labels, size = case
    batches = list(zip(scores.split(size), labels.split(size), strict=True))
    found = training.evaluate(Says(), batches, F.cross_entropy)
    exponentials = np.exp(scores.numpy())
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    of_the_truth = probabilities[np.arange(len(labels)), labels.numpy()]
    guesses = probabilities.argmax(axis=1)
    assert found.loss == pytest.approx(-np.log(of_the_truth).mean())
    assert found.accuracy == pytest.approx((guesses == labels.numpy()).mean())
    np.testing.assert_array_equal(found.predictions, guesses)
    np.testing.assert_allclose(found.confidences, probabilities.max(axis=1))
    classes = scores.shape[1]
    matrix = found.confusion_matrix(classes).numpy()
    np.testing.assert_array_equal(matrix.sum(axis=1), np.bincount(labels, minlength=classes))
    np.testing.assert_array_equal(matrix.sum(axis=0), np.bincount(guesses, minlength=classes))
    assert np.trace(matrix) == (guesses == labels.numpy()).sum()


@given(
    seed=seeds,
    lr=st.floats(0.001, 1),
    momentum=st.floats(0, 0.99),
    skipped=st.sets(st.integers(0, 7)),
)
def test_momentum_steps_as_pytorch_does(seed, lr, momentum, skipped):
    ours, theirs = (normal(seed, 3).requires_grad_() for _ in range(2))
    optimizers = (
        training.Momentum([ours], lr=lr, momentum=momentum),
        torch.optim.SGD([theirs], lr=lr, momentum=momentum),
    )
    for step in range(8):
        slope = normal(seed + step, 3)
        for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
            # A weight that got no gradient stays where it is.
            weight.grad = None if step in skipped else slope.clone()
            optimizer.step()
            optimizer.zero_grad()
            assert weight.grad is None
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@few
@given(seed=seeds, size=st.integers(1, 40))
def test_a_sound_networks_accuracy_does_not_depend_on_its_batches(seed, size):
    torch.manual_seed(seed)
    network = torch.nn.Linear(5, 3).double()
    images, labels = normal(seed, 40, 5), torch.arange(40) % 3
    right = float((network(images).argmax(dim=1) == labels).double().mean())
    batches = list(zip(images.split(17), labels.split(17), strict=True))
    assert clinic.accuracy(network, batches, in_batches_of=size) == pytest.approx(right)


# --- Graphs ---


@st.composite
def computations(draw):
    """Return leaves and an output that chance has computed from them."""
    leaves = [normal(draw(seeds), 2).requires_grad_() for _ in range(draw(st.integers(1, 3)))]
    made = list(leaves)
    for _ in range(draw(st.integers(1, 8))):
        one, other = draw(st.sampled_from(made)), draw(st.sampled_from(made))
        made.append(
            draw(st.sampled_from([one + other, one * other, one.exp(), -one, one * 2, one.relu()]))
        )
    return leaves, made[-1].sum()


def used(leaves, output) -> dict[str, torch.Tensor]:
    """Return the leaves that the output depends on, by name."""
    slopes = torch.autograd.grad(output, leaves, allow_unused=True, retain_graph=True)
    return {
        f"leaf {place}": leaf
        for place, (leaf, slope) in enumerate(zip(leaves, slopes, strict=True))
        if slope is not None
    }


@given(computation=computations(), names=st.permutations(["sun", "moon", "star"]))
def test_another_name_changes_the_name_and_nothing_else(computation, names):
    leaves, output = computation
    named = used(leaves, output)
    first = graph.draw(output, **named)
    assert graph.draw(output, **named).dot == first.dot
    other_names = dict(zip(named, names, strict=False))
    renamed = graph.draw(output, **{other_names[name]: leaf for name, leaf in named.items()})
    expected = repr(first)
    for name, other in other_names.items():
        expected = expected.replace(name, other)
    assert repr(renamed) == expected


@given(computation=computations())
def test_the_walk_back_hands_each_leaf_its_gradient(computation):
    leaves, output = computation
    named = used(leaves, output)
    walk = graph.backtrack(output, **named)
    expected = torch.autograd.grad(output, list(named.values()), retain_graph=True)
    arrived = {
        step.inputs[0]: step.leaving[0] for step in walk if step.function == "AccumulateGrad"
    }
    assert sorted(arrived) == sorted(named)
    for name, slope in zip(named, expected, strict=True):
        torch.testing.assert_close(arrived[name], slope)
    assert all(leaf.grad is None for leaf in leaves), "a walk leaves no gradient behind"
    assert str(walk) == str(graph.backtrack(output, **named))


OPTIONS = {"show", "fold", "title", "legend"}


@settings(max_examples=25)
@given(
    title=st.text(max_size=20),
    name=st.text(min_size=1, max_size=20).filter(lambda name: name not in OPTIONS),
)
def test_any_title_and_name_can_be_drawn(title, name):
    leaf = torch.ones(1, requires_grad=True)
    drawn = graph.draw(leaf * 2, title=title, **{name: leaf})
    for picture in (drawn, graph.plain(torchviz.make_dot(leaf * 2), title=title)):
        xml.etree.ElementTree.fromstring(picture.svg())
        assert 40 <= len(picture.alt) <= 300 and "\n" not in picture.alt


# --- Checks of what a reader answers ---


@given(guess=numbers, answer=numbers, tolerance=st.floats(0, 10))
def test_a_guess_is_right_within_the_tolerance_and_told_the_way_beyond(guess, answer, tolerance):
    said = learning.check_prediction(guess, answer, tolerance=tolerance)
    if abs(guess - answer) <= tolerance:
        assert said.endswith(": right.")
    else:
        assert said.endswith("more." if answer > guess else "less.")
    assert "\n" not in said


anything = st.recursive(
    plain | tensors() | st.complex_numbers() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(guess=anything, answer=numbers | st.text(max_size=5) | st.booleans())
def test_whatever_is_guessed_gets_one_line(guess, answer):
    said = learning.check_prediction(guess, answer)
    assert said and "\n" not in said
    if not isinstance(guess, bool | int | float | str | torch.Tensor):
        assert not said.endswith("right.")


@given(result=anything)
def test_whatever_an_attempt_returns_gets_one_line(result):
    said = learning.check_exercise(lambda x: result, lambda x: 1e9 + x, [(1.0,), (2.0,)])
    assert said and "\n" not in said and said != learning.RIGHT


@few
@given(x=st.lists(st.floats(0, 100), min_size=1, max_size=4), off=st.floats(0.01, 1))
def test_an_attempt_is_right_if_it_is_what_the_oracle_says(x, off):
    inputs = [(torch.tensor(x, dtype=torch.float64),)]

    def check(attempt):
        return learning.check_exercise(attempt, lambda x: x.sum(), inputs, tolerance=1e-6)

    assert check(lambda x: math.fsum(x.tolist())) == learning.RIGHT
    assert check(lambda x: x.sum() + off) != learning.RIGHT


# --- Listings, the command, sliders ---

LINES = ["x = 1", "1 / 0", "def f(:", "    y = 2", "if x:", "raise ValueError('a\\nb')", "(", ")"]
LINES += ["", "\x0c", "'", '"""', "\u2028 = 1", "\\", "\tx", "class A:", "x = = 2", "return"]


@settings(max_examples=150)
@given(lines=st.lists(st.sampled_from(LINES), max_size=5), end=st.sampled_from(["", "\n", "\r\n"]))
def test_whatever_stops_a_listing_is_reported_with_its_line(lines, end):
    listing = "\n".join(lines) + end
    found = clinic.first_error(listing)
    try:
        ast.parse(listing)
    except SyntaxError as error:
        assert found.kind == type(error).__name__
    if found is not None:
        assert "\n" not in found.message and found.frames_below >= 0
        assert 0 <= found.line <= len(lines) + 1
        assert found.source in [line.strip() for line in (*lines, "")]


words = st.text(max_size=4) | st.sampled_from(
    ["--epochs", "--lr", "--momentum", "--network", "--json", "--limit", "--checkpoint", "-x", "--"]
)


@given(before=st.lists(words, max_size=5))
def test_a_command_line_that_makes_no_sense_gets_one_line(before):
    heard = io.StringIO()
    with contextlib.redirect_stderr(heard), contextlib.redirect_stdout(io.StringIO()):
        # Whatever stands before it, this one is wrong, and no run is begun.
        assert run.main([*before, "--seed", "-1"]) == 2
    assert heard.getvalue().count("\n") == 1 and heard.getvalue().startswith("helpers.run: ")


@few
@given(choices=st.lists(numbers, min_size=1, max_size=6), place=st.integers(0, 5))
def test_a_slider_shows_the_setting_under_the_handle(choices, place):
    def draw(setting):
        return figures.Figure(figsize=(1, 1), alt=f"At {setting!r}.")

    box = explore.slider(draw, choices, label="setting", start=choices[-1])
    control, picture = box.children
    control.index = min(place, len(choices) - 1)
    assert f"At {choices[control.index]!r}." in picture.value


# --- Junk that chance makes up ---

# No letter that leads out of a folder, and no count that would take for ever.
letters = st.text("ab é\n'\"{}%\\", max_size=4)
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([10**12, -(10**12), 10**40])
    | st.floats()
    | letters
    | tensors(largest=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(letters | st.integers(0, 2), inner, max_size=2)
    ),
    max_leaves=4,
)
# With these, words or code that make sense are carried out.
CARRIED_OUT = {"run.main", "clinic.first_error"}


@pytest.fixture(scope="module")
def aside():
    """Where junk may be written, once for all examples."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        test_junk.set_aside(patched)
        yield


@settings(max_examples=1_500)
@given(data=st.data())
def test_junk_made_by_chance_is_named_in_one_line(aside, data):
    name = data.draw(st.sampled_from(sorted(set(test_junk.CASES) - CARRIED_OUT)))
    case = test_junk.CASES[name]
    argument = data.draw(st.sampled_from(sorted(case.arguments)))
    found = case.complaint(argument, MADE_BY_CHANCE, data.draw(junk))
    # Chance also makes up what is good enough.
    assert found in ("", "passes"), f"{name}, {argument}: {found}"
