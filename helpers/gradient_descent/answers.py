"""What notebook 03 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import functools
import math
import weakref

import torch
from torch.func import grad

from helpers.common.questions import Questions
from helpers.gradient_descent import descent, landscapes, theory
from helpers.ols_and_ridge import least_squares

check = Questions()


# --- Which way? (1 to 4) ---

check.prediction("angle at which the loss is level", right=90, hints={
    0: "Along the gradient the loss rises fastest.",
    180: "Against the gradient the loss falls fastest: that is the way down.",
    45: "At 45° it still rises: cos 45° is about 0.7, not 0.",
})  # fmt: skip


@check.exercise("change of a short step", inputs=[
    (2.0, 180.0, 0.1), (3.0, 90.0, 0.2), (1.5, 60.0, 0.5), (4.0, 0.0, 0.01),
])  # fmt: skip
def change(gradient_length, degrees, length):
    angle = math.radians(degrees)
    direction = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    slope = torch.tensor([gradient_length, 0.0], dtype=torch.float64)
    return float(slope @ (length * direction))


@change.hint("Angles are in degrees here: math.cos wants radians.")
def degrees_for_radians(gradient_length, degrees, length):
    return gradient_length * math.cos(degrees) * length


@change.hint("That is the change per unit of length: multiply by the length.")
def per_unit(gradient_length, degrees, length):
    return change(gradient_length, degrees, 1.0)


@change.hint("Which function is 1 along the gradient and 0 at right angles?")
def sine_for_cosine(gradient_length, degrees, length):
    return gradient_length * math.sin(math.radians(degrees)) * length


@change.hint("What sign does the change have when you go along the gradient?")
def downhill_for_uphill(gradient_length, degrees, length):
    return -change(gradient_length, degrees, length)


@change.hint("That is true straight downhill only. Where is the angle?")
def straight_downhill(gradient_length, degrees, length):
    return -gradient_length * length


@change.hint("A steeper slope changes more: where is the length of the gradient?")
def without_the_gradient(gradient_length, degrees, length):
    return change(1.0, degrees, length)


@change.hint("That is the change straight along the gradient. Where is the angle?")
def without_the_angle(gradient_length, degrees, length):
    return gradient_length * length


check.prediction("good random directions", right=0.25, tolerance=0.02, hints={
    0.33: "That is the circle, 120° of 360°. The cap of a sphere is smaller.",
    0.5: "Half of all directions fall at all; fewer fall at least half as fast.",
})  # fmt: skip

check.prediction("steps once standardised", right=1, hints={
    73: "Look at the shape of the right-hand bowl.",  # as many as without
})  # fmt: skip

check.prediction("which well", right="neither", hints={
    "deep": "It would get there, but the ground is so flat that it hardly moves.",
    "shallow": "The deep well is nearer and pulls harder. But how hard, so far out?",
})  # fmt: skip


# --- How far? (5 to 8) ---

check.prediction("largest step size", right=0.2, tolerance=0.001, hints={
    0.1: "That is 1/L, the last that never overshoots. A little overshoot is harmless.",
    1.0: "Right for the flat direction, with curvature 1. The steep one objects.",
    2.0: "That is 2/μ, the flat direction's bound. The steep one breaks first.",
})  # fmt: skip

check.prediction("slower direction", right="steep", hints={
    "flat": "So it is with short steps. Compare |1 − lr μ| with |1 − lr L| for this long one.",
}, words=("both", "neither"))  # fmt: skip


@check.exercise("factor of a step", without=("helpers",), tolerance=1e-3, inputs=[
    (0.05, 1.0, 10.0), (0.19, 1.0, 10.0), (0.25, 2.0, 4.0), (0.6, 0.5, 4.0), (1.5, 1.0, 1.2),
])  # fmt: skip
def factor(lr, mu, L):
    corner = torch.ones(2, dtype=torch.float64)
    path = descent.run(landscapes.bowl([mu, L]), corner, lr=lr, steps=300)
    return theory.measured_rate(path.distances())


@factor.hint("The size of a factor counts, not its sign: take abs first.")
def without_abs(lr, mu, L):
    return max(1 - lr * mu, 1 - lr * L)


@factor.hint("That is the factor of the best step size only.")
def at_the_best_step(lr, mu, L):
    return (L - mu) / (L + mu)


@factor.hint("That is the steep direction. Sometimes the flat one is the slower.")
def steep_alone(lr, mu, L):
    return abs(1 - lr * L)


@factor.hint("That is the flat direction. The steep one may be slower: take abs first, then max.")
def flat_alone(lr, mu, L):
    return abs(1 - lr * mu)


@factor.hint("A distance has no sign, so neither has its factor. And there are two directions.")
def steep_with_its_sign(lr, mu, L):
    return 1 - lr * L


@factor.hint("That much of an error one step takes away. What is left of it?")
def what_goes(lr, mu, L):
    return lr * L


@factor.hint("The slower direction decides, not the faster one.")
def the_faster(lr, mu, L):
    return min(steep_alone(lr, mu, L), flat_alone(lr, mu, L))


check.prediction("steps that raise the loss", right=0, hints={
    200: "It jumps to the other wall each time. Does it land higher or lower there?",
    100: "Odd and even steps are alike, only mirrored.",
})  # fmt: skip

check.prediction("ten times narrower", right=10, tolerance=1, hints={
    1: "The step is the best one for each bowl, but the best is not equally good.",
    100: "That would be κ squared.",
})  # fmt: skip


@check.exercise("steps needed", inputs=[
    (5.0, 1e-3), (10.0, 1e-6), (40.0, 1e-2), (100.0, 1e-4),
])  # fmt: skip
def steps(condition, fraction):
    corner = torch.ones(2, dtype=torch.float64)
    valley, lr = landscapes.bowl([1.0, condition]), 2 / (1 + condition)
    path = descent.run(valley, corner, lr=lr, steps=600)
    return descent.steps_until(path.distances(), fraction)


def _exactly(condition, fraction):
    return math.log(fraction) / math.log((condition - 1) / (condition + 1))


@steps.hint("That is the factor for lr = 1/L. The best step size does better.")
def with_one_over_L(condition, fraction):
    return math.ceil(math.log(fraction) / math.log(1 - 1 / condition))


@steps.hint("Only whole steps count, and the last one must be taken too: round up.")
def not_rounded(condition, fraction):
    return _exactly(condition, fraction)


@steps.hint("Round up, not down: the last step must be taken too.")
def rounded_down(condition, fraction):
    return math.floor(_exactly(condition, fraction))


@steps.hint("Round up, not to the nearest: the last step must be taken too.")
def to_the_nearest(condition, fraction):
    return round(_exactly(condition, fraction))


@steps.hint("That is 1 each time. What you need is log(fraction) divided by log(factor).")
def upside_down(condition, fraction):
    return math.ceil(1 / _exactly(condition, fraction))


@steps.hint("One too many: when the fraction is reached, you are there.")
def one_too_many(condition, fraction):
    return steps(condition, fraction) + 1


@steps.hint("Your factor is above 1: with it the distance would grow. Turn it over.")
def factor_above_1(condition, fraction):
    return math.ceil(-_exactly(condition, fraction))


@steps.hint("That is the number of steps with momentum: here it is κ, not its root.")
def with_the_root(condition, fraction):
    return math.ceil(_exactly(math.sqrt(condition), fraction))


check.prediction("twice the bound in a bent valley", right="rattle", hints={
    "explode": "On a bowl, yes. Here the bound is wider elsewhere, and there the step is safe.",
    "settle": "It comes near the lowest point, but there it is above the bound.",
})  # fmt: skip


# --- Momentum (9) ---

check.prediction("step length with momentum", right=5, tolerance=0.05, hints={
    1.8: "That is the second step. The sum goes on: 1 + 0.8 + 0.8² + …",
    0.8: "A memory of the same direction makes steps longer, not shorter.",
    1.0: "That would be so with (1 - γ) before the gradient. PyTorch has no such factor.",
})  # fmt: skip

check.prediction("which momentum arrives first", right=0.64, tolerance=1e-6, hints={
    0.3: "Too little memory: it creeps.",
    0.94: "It is the first at the goal, but it runs past it again and again.",
})  # fmt: skip

check.prediction("narrower, with momentum", right=2, tolerance=0.3, hints={
    4: "That is plain descent. Take the square root.",
    1: "Better, but not for nothing.",
})  # fmt: skip


@check.exercise("a step with momentum", without=("sgd",), inputs=[
    (1.0, 0.0, 2.0, 0.1, 0.8), (0.5, -1.0, 0.3, 0.2, 0.5), (-2.0, 0.4, -1.0, 0.05, 0.9),
])  # fmt: skip
def momentum(w, v, g, lr, gamma):
    weights = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=lr, momentum=gamma)
    optimizer.state[weights]["momentum_buffer"] = torch.tensor(v, dtype=torch.float64)
    weights.grad = torch.tensor(g, dtype=torch.float64)
    optimizer.step()
    return weights.item(), optimizer.state[weights]["momentum_buffer"].item()


@momentum.hint("Here lr belongs to the second line, not inside the velocity.")
def lr_in_the_velocity(w, v, g, lr, gamma):
    v = gamma * v + lr * g
    return w - v, v


@momentum.hint("PyTorch adds the whole gradient, without 1 - γ.")
def part_of_the_gradient(w, v, g, lr, gamma):
    return momentum(w, v, (1 - gamma) * g, lr, gamma)


@momentum.hint("Use the new velocity for the weights, not the old one.")
def with_the_old_velocity(w, v, g, lr, gamma):
    return w - lr * v, gamma * v + g


@momentum.hint("Go against the velocity: gradients point up.")
def uphill(w, v, g, lr, gamma):
    v = gamma * v + g
    return w + lr * v, v


@momentum.hint("The weights go along the new velocity, not along the gradient alone.")
def along_the_gradient(w, v, g, lr, gamma):
    return w - lr * g, gamma * v + g


@momentum.hint("γ shrinks the old velocity alone; the gradient comes in whole.")
def gamma_for_both(w, v, g, lr, gamma):
    v = gamma * (v + g)
    return w - lr * v, v


@momentum.hint("First the weights, then the velocity.")
def in_the_other_order(w, v, g, lr, gamma):
    w, v = momentum(w, v, g, lr, gamma)
    return v, w


@momentum.hint("That velocity is a step, with lr and minus in it. PyTorch's adds gradients up.")
def velocity_as_a_step(w, v, g, lr, gamma):
    v = gamma * v - lr * g
    return w + v, v


@momentum.hint("Your velocity points downhill. PyTorch's adds gradients up, and w goes against it.")
def velocity_downhill(w, v, g, lr, gamma):
    v = gamma * v - g
    return w + lr * v, v


@momentum.hint("lr counts once: it belongs to the second line alone.")
def lr_twice(w, v, g, lr, gamma):
    v = gamma * v + lr * g
    return w - lr * v, v


@momentum.hint("The step is lr times the velocity: where is lr?")
def without_lr(w, v, g, lr, gamma):
    v = gamma * v + g
    return w - v, v


@momentum.hint("That is Nesterov's step. The usual one goes along the new velocity.")
def nesterov(w, v, g, lr, gamma):
    return w - lr * (g + gamma * (gamma * v + g)), gamma * v + g


@momentum.hint("Return two numbers, the weights and the velocity.")
def weights_alone(w, v, g, lr, gamma):
    return momentum(w, v, g, lr, gamma)[0]


@momentum.hint("That is a step without momentum. Where is the memory?")
def without_memory(w, v, g, lr, gamma):
    return w - lr * g, g


# --- Batches, ridge, and a curvature from gradients alone (10, 11 and "Your turn") ---

check.prediction("16 times the batch", right=4, tolerance=0.5, hints={
    16: "The mean of 16 times as many rows is only √16 times as exact.",
})  # fmt: skip

check.prediction("noise with momentum", right=2, tolerance=0.3, hints={
    1: "Each step remembers the noise of those before it as well.",
    4: "Steady steps become four times as long: 1/(1 − γ). Noise grows like the root of that.",
    0.5: "Momentum smooths the direction, but it makes each step longer.",
})  # fmt: skip

check.prediction("Newton steps to least squares", right=1, hints={
    2: "Put the gradient and the Hessian of a quadratic loss into the rule. What is left?",
    1000: "Newton's step has no fixed length: it divides by the curvature.",
})  # fmt: skip

check.prediction("where descent from zero ends", right=1, tolerance=0.001, hints={
    3.111: "That is the end of the other start. Where you start matters.",
    0: "Zero weights leave an error, and descent goes where it is least.",
})  # fmt: skip


def _bowl_of_five(*curvatures):
    return landscapes.bowl(curvatures), torch.linspace(-1, 2, 5, dtype=torch.float64)


def _tailor():
    """Return the loss of the tailor's 14 coats, as the notebook makes it, and its start."""
    X, y = least_squares.tailor_problem(414, seed=0)
    Z = ((X - X[:14].mean(0)) / X[:14].std(0, correction=0))[:14]
    targets = (y - y[:14].mean())[:14]
    return lambda w: ((Z @ w - targets) ** 2).mean(), torch.zeros(5, dtype=torch.float64)


@functools.cache
def _losses():
    many = landscapes.bowl([*torch.linspace(1, 9, 400).tolist()[:-1], 20.0])
    tilted = landscapes.bowl([1.0, 10.0], tilt=30), torch.tensor([2.6, 1.2], dtype=torch.float64)
    losses = [(many, torch.ones(400, dtype=torch.float64)), tilted, _tailor()]
    losses += [_bowl_of_five(1, 2, 3, 4, 8), _bowl_of_five(0.1, 0.2, 0.5, 0.7, 6)]
    return [(*case, theory.curvatures(*case)) for case in losses]


# By the gradient that the reader is given, which does not show it.
_curvatures: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _gradient_and_start(case):
    """Return the gradient of a loss, good for 300 answers, and the weights to start from."""
    loss, start, curvatures = _losses()[case]
    asked = []

    def gradient(at):
        asked.append(at)
        if len(asked) > 300:
            raise RuntimeError("the gradient was asked for more than 300 times")
        return grad(loss)(torch.as_tensor(at).detach())

    _curvatures[gradient] = curvatures
    return gradient, start.clone()


@check.exercise(
    "the largest curvature",
    inputs=[functools.partial(_gradient_and_start, case) for case in range(5)],
    tolerance=1e-3,
)
def largest(gradient, w):
    return float(_curvatures[gradient][-1])


@largest.hint("That is 2/L, the bound. The exercise asks for L.")
def the_bound(gradient, w):
    return 2 / largest(gradient, w)


@largest.hint("That is the smallest curvature.")
def the_smallest(gradient, w):
    return float(_curvatures[gradient][0])


@largest.hint("The start has zeros in it, and what is missing there never comes.")
def along_the_first_axis(gradient, w):
    # On the bowls that are not tilted it is the curvature of that axis, the smallest.
    straight = w.any() and len(w) != 2
    return the_smallest(gradient, w) if straight else largest(gradient, w)


@largest.hint("That is half of it: the two gradients are 2ε apart.")
def half_of_it(gradient, w):
    return largest(gradient, w) / 2


@largest.hint("That is twice as much: the two gradients are 2ε apart.")
def twice_as_much(gradient, w):
    return largest(gradient, w) * 2


@largest.hint("Take the length before you make it 1.")
def length_of_a_unit(gradient, w):
    return 1.0


@largest.hint("It grows with every round: make the vector length 1 before each product.")
def never_length_1(gradient, w):
    # How far it has grown depends on the start and on the rounds.
    return lambda found: not float(found) <= 10 * largest(gradient, w)


@largest.hint("All zero: the gradients come without a graph. Take differences of them.")
def without_a_graph(gradient, w):
    return 0.0


@largest.hint("That asks for more than 300 gradients. A hundred rounds of two are plenty.")
def beyond_300(gradient, w):
    for _ in range(301):
        gradient(w)
