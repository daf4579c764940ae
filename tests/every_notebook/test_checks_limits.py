"""How far an answer may be off, which other ways are right, and which wrong ones have no hint.

The numbers stand here once more, by hand: what a check takes as right is not asked of the check.
"""

import pytest

from every_notebook.test_checks import _WINGS, every
from helpers.common import judging, running

# By notebook and prediction: the word, or the least and the largest number that is right.
RIGHT: dict[str, dict[str, str | tuple[float, float]]] = {
    "computation_graph": {
        "who has a grad_fn": (2, 2),
        "boxes that say y": (0, 0),
        "a change in place": "error",
        "leaves among six": (4, 4),
        "what requires a gradient": (2, 2),
        "z.backward()": (108, 108),
        "a fork": (64, 64),
        "values on the walk": (7, 7),
        "two walks, one grad": (6, 6),
        "a new x": "result",
        "weights for a vector": (531, 531),
        "a tiny step": "worse",
        "leaves of a network": (2, 2),
        "the price of a walk": (0.5, 1.5),
    },
    "ols_and_ridge": {
        "twice as far": (3.999, 4.001),
        "sum of the residuals": (-0.001, 0.001),
        "inverse with an exact copy": "numbers",
        "predictions of wild weights": "good",
        "along the valley": (-1e-6, 1e-6),
        "condition of XᵀX": (999_999, 1_000_001),
        "digits that solve leaves": (0, 1),
        "a λ below zero": (-70.000001, -69.999999),
        "luck of a weight": "over five times as much",
        "what λ takes away": "weak",
        "ridge beside least squares": "nearly all",
        "metres for centimetres": "ridge",
        "training error over λ": "smallest",
        "which gradient is affine": "squared",
    },
    "gradient_descent": {
        "angle at which the loss is level": (90, 90),
        "good random directions": (0.23, 0.27),
        "steps once standardised": (1, 1),
        "which well": "neither",
        "largest step size": (0.199, 0.201),
        "slower direction": "steep",
        "steps that raise the loss": (0, 0),
        "ten times narrower": (9, 11),
        "twice the bound in a bent valley": "rattle",
        "step length with momentum": (4.95, 5.05),
        "which momentum arrives first": (0.639999, 0.640001),
        "narrower, with momentum": (1.7, 2.3),
        "16 times the batch": (3.5, 4.5),
        "noise with momentum": (1.7, 2.3),
        "Newton steps to least squares": (1, 1),
        "where descent from zero ends": (0.999, 1.001),
    },
    "fashion_mnist_pipeline": {
        "number of updates": (1955, 1955),
        "number of weights": (101_632, 101_632),
        "loss at the start": (2.22, 2.38),
        "loss after a step": "lower",
        "hardest garments": "tops",
        "loss half way": "higher",
        "a linear baseline": (0.7, 0.9),
        "best learning rate": (0.049, 0.051),
        "how sure, how right": "too sure",
        "garments as negatives": (0.0, 0.2),
        "cost of the usual loader": (10, 10),
        "edges in place of pixels": "better",
    },
    "debugging_clinic": {
        "errors in one run": (1, 1),
        "a misspelt init": "the optimiser",
        "patient A": "left out",
        "patient B": "cleared early",
        "a summed loss": (120, 136),
        "one update": (0.00995, 0.01005),
        "the floor under H": (1.44, 1.48),
        "one at a time": (8, 12),
        "images that it reaches": (128, 128),
        "32 images by heart": "yes",
        "a sum with its graphs": (902, 1502),
        "fifteen by heart": (6, 8),
        "a check before take-off": (15, 15),
    },
    "beyond_one_process": {
        "an all-reduce": (3, 3),
        "bytes on the wire": (813_056, 813_056),
        "mean of the parts": "the same",
        "batch norm in parts": "different",
        "a small part": (4.99, 5.01),
        "the sampler's second walk": "the same",
        "steps with four": (98, 98),
        "Amdahl's ceiling": (4.99, 5.01),
        "messages of a step": (1, 1),
        "steps made twice": (3, 3),
        "weights alone": "different",
    },
    "speedrun": {
        "seeds for a mean": (25, 25),
        "steps of a quick run": (466, 470),
        "no square root": "worse",
        "a rate that stays": (2, 2),
        "batches of 1,024": "worse",
        "in the mirror": "worse",
        "one and a little": (1.0, 1.0),
        "the last layer at once": "no",
        "a vote or longer": "longer",
        "eight GPUs": (0.9, 1.1),
    },
}


@every("predictions")
def test_a_guess_is_right_as_far_as_it_may_be_off_and_no_further(wing, name):
    question, right = wing.check.predictions[name], RIGHT[wing.name][name]
    if isinstance(right, str):
        assert question.right == right and question.judge(right).right
        words = {*question.words, *question.hints} - {right}
        assert words and not any(question.judge(word).right for word in words)
        return
    least, largest = right
    # Nothing stands between what is taken and what is not, but a hundredth of the way.
    beyond = (largest - least) / 100 or 1e-6 * max(1, abs(least))
    for guess in (least, (least + largest) / 2, largest):
        assert question.judge(guess).right, guess
    for guess in (least - beyond, largest + beyond):
        assert not question.judge(guess).right, guess


def test_only_what_a_clock_decides_may_differ_from_run_to_run():
    varying = {
        name
        for wing in _WINGS.values()
        for name, question in wing.check.predictions.items()
        if question.varies
    }
    assert varying <= {"cost of the usual loader"}


# --- How far a result may be off ---

# As a fraction, where it is not one millionth.
TOLERANCES = {
    "the condition number": 1e-4,
    "factor of a step": 1e-3,
    "the largest curvature": 1e-3,
}
# Seconds for one input, where it is not five.
SECONDS = {"beat the reference": 20}


def moved(value, share: float):
    """Return a result with each of its numbers off by a share of its size, and of 1."""
    if isinstance(value, list | tuple):
        return type(value)(moved(entry, share) for entry in value)
    return value * (1 + share) + share


@every("exercises")
def test_a_result_may_be_off_by_its_tolerance_and_no_more(wing, name):
    exercise, tolerance = wing.check.exercises[name], TOLERANCES.get(name, 1e-6)
    inputs = exercise.inputs_from(**wing.data(name, wing.names_before(name)))
    answers = [exercise(*running.own(arguments)) for arguments in inputs]
    for share, right in ((0.4 * tolerance, True), (4 * tolerance, False)):
        off = iter([moved(answer, share) for answer in answers])
        verdict = judging.exercise(
            lambda *_, off=off: next(off), lambda: answers, inputs, (), exercise.tolerance
        )
        assert verdict.right == right, share
    assert exercise.seconds == SECONDS.get(name, 5)


# --- Other ways that are right ---

CURVATURE = """
q = torch.ones_like(w) + torch.arange(len(w)) / len(w)
for _ in range({rounds}):
    q = q / q.norm()
    q = (gradient(w + 1e-3 * q) - gradient(w - 1e-3 * q)) / 2e-3
{rest}
return q.norm()
"""

CHECK = """
with torch.no_grad():
    z = network(images)
    if abs(network(images[3:4])[0] - z[3]).max() > 0.01:
        return BATCH
    if {wrong}:
        return SCORES
    once, both = loss_function(z, labels), 0
    for part in (slice(64), slice(64, None)):
        both += loss_function(z[part], labels[part])
    if both < 1.5 * once:
        return LOSS
    return INPUTS if once > 4.6 else SOUND
"""

WAYS: dict[tuple[str, str], list[str]] = {
    ("computation_graph", "leaves that learn"): [
        "return len([t for t in tensors if t.grad_fn is None and t.requires_grad])",
    ],
    ("computation_graph", "the chain rule"): ["return 18 * x + 6"],
    ("computation_graph", "a gradient in parts"): [
        "for part in parts:\n    mean_loss(w, part).backward()\nw.grad /= len(parts)",
    ],
    ("computation_graph", "the whole Jacobian"): [
        "rows = []\nfor i in range(len(function(x))):\n    x.grad = None\n"
        "    function(x)[i].backward()\n    rows.append(x.grad)\nreturn torch.stack(rows)",
        "x, columns = x.detach(), []\nfor one in 1e-4 * torch.eye(len(x)).double():\n"
        "    columns.append((function(x + one) - function(x - one)) / 2e-4)\n"
        "return torch.stack(columns, dim=1)",
    ],
    ("ols_and_ridge", "the fit"): [
        "return torch.linalg.lstsq(X, y).solution",
        "return torch.linalg.pinv(X) @ y",
        "Q, R = torch.linalg.qr(X)\nreturn torch.linalg.solve(R, Q.T @ y).tolist()",
    ],
    ("ols_and_ridge", "the condition number"): [
        "values = torch.linalg.eigvalsh(X.T @ X)\nreturn (values[-1] / values[0]).sqrt()",
        "return torch.linalg.matrix_norm(X, 2) * torch.linalg.matrix_norm(torch.linalg.pinv(X), 2)",
    ],
    ("ols_and_ridge", "ridge by stacking"): [
        "d = X.shape[1]\nrows = torch.cat([X, penalty**0.5 * torch.eye(d).double()])\n"
        "Q, R = torch.linalg.qr(rows)\n"
        "return torch.linalg.solve_triangular(R, Q[: len(X)].T @ y[:, None], upper=True)[:, 0]",
    ],
    ("ols_and_ridge", "λ by leave-one-out"): [
        "def error(p):\n    total = 0\n    for i in range(len(X)):\n"
        "        rows = [j for j in range(len(X)) if j != i]\n"
        "        Z = X[rows]\n        A = Z.T @ Z + p * torch.eye(X.shape[1]).double()\n"
        "        total += (y[i] - X[i] @ torch.linalg.solve(A, Z.T @ y[rows])) ** 2\n"
        "    return total\nreturn min(penalties, key=error)",
    ],
    ("ols_and_ridge", "a smoother"): [
        "n = len(y)\nD = torch.eye(n).double().diff(n=2, dim=0)\n"
        "rows = torch.cat([torch.eye(n).double(), penalty**0.5 * D])\n"
        "return torch.linalg.lstsq(rows, torch.cat([y, torch.zeros(n - 2).double()])).solution",
    ],
    ("gradient_descent", "change of a short step"): [
        "return step_length * gradient_length * math.sin(math.pi / 2 "
        "- degrees_from_gradient * math.pi / 180)",
    ],
    ("gradient_descent", "factor of a step"): [
        # A flat direction that is overshot is overshot less than the steep one.
        "return max(1 - lr * mu, lr * L - 1)",
    ],
    ("gradient_descent", "steps needed"): [
        "count, left = 0, 1.0\nwhile left > fraction:\n"
        "    count, left = count + 1, left * (condition - 1) / (condition + 1)\nreturn count",
    ],
    ("gradient_descent", "a step with momentum"): [
        "v = gamma * v + g\nreturn [torch.tensor(w - lr * v).double(), v]",
    ],
    ("gradient_descent", "the largest curvature"): [
        CURVATURE.format(rounds=150, rest=""),  # Which are the 300 that are allowed.
    ],
    ("fashion_mnist_pipeline", "batches in an epoch"): [
        "return -(-images // batch_size)",
        "return len(range(0, images, batch_size))",
        "return (images + batch_size - 1) // batch_size",
    ],
    ("fashion_mnist_pipeline", "the loss by hand"): [
        "return -(F.one_hot(labels, 10) * log_probabilities).sum() / len(labels)",
        "return -log_probabilities.gather(1, labels[:, None]).mean().item()",
        "return sum(-row[label] for row, label in zip(log_probabilities, labels)) / len(labels)",
    ],
    ("fashion_mnist_pipeline", "accuracy"): [
        "right = sum(int(row.argmax()) == label for row, label in zip(scores, labels))\n"
        "return right / len(labels)",
        "return (scores.max(dim=1).indices == labels).double().mean()",
    ],
    ("fashion_mnist_pipeline", "a gradient without autograd"): [
        "p = torch.softmax(X @ W, dim=1)\np[range(len(X)), labels] -= 1\nreturn X.T @ p / len(X)",
        "e = (X @ W).exp()\np = e / e.sum(dim=1, keepdim=True)\n"
        "truth = torch.eye(10).double()[labels]\n"
        "return torch.einsum('nf,nc->fc', X, p - truth) / X.shape[0]",
    ],
    ("debugging_clinic", "the line to read"): [
        "return max(n for n, file in enumerate(files) if file == mine)",
        "for n in reversed(range(len(files))):\n    if files[n] == mine:\n        return n",
    ],
    ("debugging_clinic", "an epoch that learns"): [
        "found = []\nfor images, labels in case.batches:\n"
        "    loss = F.cross_entropy(case.network[:-1](images), labels)\n"
        "    loss.backward()\n    case.optimizer.step()\n    case.optimizer.zero_grad()\n"
        "    found.append(loss.detach())\nreturn found",
    ],
    ("debugging_clinic", "a head the right way round"): [
        "return scores - scores.exp().sum(dim=1, keepdim=True).log()",
        "return torch.stack([row - row.logsumexp(0) for row in scores])",
    ],
    ("debugging_clinic", "honest books"): [
        "result, right, seen = [], 0, 0\nfor i, (c, s) in enumerate(zip(correct, samples), 1):\n"
        "    right, seen = right + c, seen + s\n    if i % epoch == 0:\n"
        "        result.append(right / seen)\n        right = seen = 0\nreturn result",
    ],
    ("debugging_clinic", "your own check"): [
        CHECK.format(wrong="abs(z.logsumexp(dim=1)).max() > 0.01"),
    ],
    ("beyond_one_process", "the gradient of the whole"): [
        "n = torch.tensor(sizes).double()\nreturn n @ torch.stack(gradients) / n.sum()",
        "total = 0\nfor g, n in zip(gradients, sizes):\n    total = total + g * n / sum(sizes)\n"
        "return total",
    ],
    ("beyond_one_process", "a rate with a warm-up"): [
        "if step >= warm_up:\n    return base * processes\n"
        "share = step / warm_up\nreturn base * (1 - share) + base * processes * share",
    ],
    ("beyond_one_process", "the fraction that stays"): [
        "return (processes * shared / alone - 1) / (processes - 1)",
    ],
    ("beyond_one_process", "an all-reduce of your own"): [
        "N = len(parts)\nfor k in range(N - 1):\n"
        "    got = pass_on(torch.stack([parts[r, (r - k) % N] for r in range(N)]))\n"
        "    for r in range(N):\n        parts[r, (r - 1 - k) % N] += got[r]\n"
        "for k in range(N - 1):\n"
        "    got = pass_on(torch.stack([parts[r, (r + 1 - k) % N] for r in range(N)]))\n"
        "    for r in range(N):\n        parts[r, (r - k) % N] = got[r]\nreturn parts",
    ],
    ("speedrun", "the error of a mean"): [
        "a = torch.tensor(accuracies).double()\nreturn a.std() / len(a) ** 0.5",
    ],
    ("speedrun", "the rate's schedule"): [
        "if done <= warm_up:\n    return highest * done / warm_up\n"
        "return highest - highest * (done - warm_up) / (1 - warm_up)",
    ],
    ("speedrun", "products of a step"): [
        "return 2 * batch * hidden * (2 * features + 3 * classes)",
    ],
}


def each(table: dict[tuple[str, str], list[str]]):
    """Ask a test for one case of a table after the other; a fork may have dropped a notebook."""
    cases = [
        (*where, lines) for where, some in table.items() if where[0] in _WINGS for lines in some
    ]
    return pytest.mark.parametrize(("wing", "name", "lines"), cases)


def said_to(wing: str, name: str, lines: str) -> str:
    return _WINGS[wing].judge(name, _WINGS[wing].with_lines(name, lines)).line


@each(WAYS)
def test_another_way_is_right_too(wing, name, lines):
    assert said_to(wing, name, lines) == "Right."


# --- Answers that are right now and then ---

NEARLY: dict[tuple[str, str], list[str]] = {
    ("computation_graph", "the chain rule"): ["return abs(18 * x + 6)"],
    ("computation_graph", "a gradient in parts"): [
        "for part in parts:\n    (mean_loss(w, part) / 3).backward()",
    ],
    ("computation_graph", "the whole Jacobian"): [
        "y = function(x)\nrows = [torch.autograd.grad(y[i], x, retain_graph=True)[0]"
        f" for i in range({count})]\nreturn torch.stack(rows)"
        for count in ("3", "len(x)")
    ],
    ("gradient_descent", "change of a short step"): [
        "return abs(gradient_length * math.cos(math.radians(degrees_from_gradient)) * step_length)",
    ],
    ("gradient_descent", "the largest curvature"): [
        CURVATURE.format(rounds=3, rest=""),  # It is not there yet.
        CURVATURE.format(rounds=100, rest="q = 5 * q"),  # No more than a mistake.
    ],
    ("fashion_mnist_pipeline", "batches in an epoch"): [
        "return round(images / batch_size + 0.5)",
        "return images // batch_size + (images % batch_size > 1)",
    ],
    ("fashion_mnist_pipeline", "accuracy"): ["return labels.nothing_of_that_name"],
    ("fashion_mnist_pipeline", "a gradient without autograd"): [
        "p = torch.softmax(X @ W, dim=1)\nreturn X.T @ (p - F.one_hot(labels)) / len(X)",
    ],
    ("debugging_clinic", "the line to read"): ["return files.count(mine) - 1"],
    ("debugging_clinic", "your own check"): [
        # Of the two faults whose scores are wrong, each sees one.
        CHECK.format(wrong="(z >= 0).all()"),
        CHECK.format(wrong="z.min() < 0 < z.max()"),
    ],
    ("ols_and_ridge", "a smoother"): ["return 1e5 * y"],
    ("ols_and_ridge", "ridge by stacking"): ["return 2 * torch.linalg.pinv(X) @ y"],
    ("speedrun", "the rate's schedule"): [
        f"return highest * min(done / {up}, (1 - done) / (1 - {up}))" for up in (0.15, 0.25)
    ],
    ("beyond_one_process", "a rate with a warm-up"): [
        "return base * processes if step > warm_up else base + step / 10 * base * (processes - 1)",
    ],
    ("beyond_one_process", "the gradient of the whole"): [
        "(n, m), (g, h) = sizes[:2], gradients[:2]\nreturn (n * g + m * h) / (n + m)",
    ],
}


@each(NEARLY)
def test_what_is_right_now_and_then_is_wrong_and_is_no_mistake_with_a_hint(wing, name, lines):
    said = said_to(wing, name, lines)
    assert said.startswith("Not yet.")
    hints = [mistake.hint for mistake in _WINGS[wing].check.exercises[name].mistakes.values()]
    assert not any(hint in said for hint in hints), said
