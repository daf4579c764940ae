"""What notebook 01 asks, what is right, and what to say to those who write something else.

To mend a sentence, look for it here: each stands above, or beside, the mistake that it is for.
"""

import functools
import weakref
from collections.abc import Callable

import torch

from helpers.common.questions import Questions
from helpers.computation_graph.memory import small_memory

check = Questions()


# --- What the exercises are tried on, made anew each time: a tensor in a graph cannot be copied ---


def leaf(number: float) -> torch.Tensor:
    """Return a leaf that learns."""
    return torch.tensor(number, dtype=torch.float64, requires_grad=True)


# By a graph's `call`, which does not show it: who is given that finds no answer.
_answers: weakref.WeakKeyDictionary[Callable, torch.Tensor] = weakref.WeakKeyDictionary()

_SOME = ("given given leaf leaf result result", "leaf result", "given cut result", "leaf cut leaf")


def _tensors(kinds: str) -> list[torch.Tensor]:
    """Return one new tensor for each word."""
    tensors = []  # A "cut" one was computed from one that does not require a gradient.
    for kind in kinds.split():
        tensor = torch.ones(2, dtype=torch.float64, requires_grad=kind in ("leaf", "result"))
        tensor = tensor * 2 if kind in ("result", "cut") else tensor
        tensors.append(tensor)
    return tensors


def tensors() -> list[Callable]:
    """Return makers of a few tensors: given ones, leaves that learn, and results."""
    return [functools.partial(_tensors, kinds) for kinds in _SOME]


def parts() -> list[Callable]:
    """Return makers of a loss with a small memory, of a start, and of parts of four entries."""
    # At 0.2 the gradient of two parts is zero, and any share of it would be right.
    three = torch.arange(12, dtype=torch.float64).split(4)

    def new(start, count):
        return small_memory(), start, [part.clone() for part in three[:count]]

    return [functools.partial(new, *case) for case in [(1.0, 3), (-0.5, 3), (0.7, 2)]]


def _chain():
    x = leaf(3.0)
    return 3 * (x**2) ** 2, [x]


def _meeting(short_way_first):
    a, b = leaf(3.0), leaf(2.0)
    s = a.sin()
    return (s + s * b, [b, a]) if short_way_first else (s * b + s, [a, b])


def _doubled():
    x = leaf(1.5)
    y = x.sin()
    for _ in range(60):  # 2^60 paths: who follows each of them does not come back.
        y = y + y
    return y, [x]


def _refuse(gradient):
    raise RuntimeError("that was PyTorch's walk: make your own")


def _graph(build, call):
    """Return a new graph's output and leaves, and a `call` that works once for each function."""
    output, leaves = build()
    seen = set()

    def call_once(function, gradient):
        if hasattr(function, "variable"):
            raise RuntimeError("an AccumulateGrad is not called")
        if function in seen:
            raise RuntimeError(f"{type(function).__name__} was called a second time")
        seen.add(function)
        return call(function, gradient)

    _answers[call_once] = torch.stack(torch.autograd.grad(output, leaves, retain_graph=True))
    # From here on, PyTorch's own walk is refused.
    for one in leaves:
        one.register_hook(_refuse)
    return output, leaves, call_once


def graphs(call: Callable) -> list[Callable]:
    """Return makers of an output, its leaves, and a `call` that refuses to repeat itself.

    `call` is the notebook's own; `_answers` holds the leaves' gradients by the new one.
    """
    builders = [_chain, lambda: _meeting(False), lambda: _meeting(True), _doubled]
    return [functools.partial(_graph, build, call) for build in builders]


# --- 1 · What does a result remember? ---

check.prediction("who has a grad_fn", right=2, hints={
    3: "You counted x. But x was not computed: you typed it in.",
    1: "Not only the last result: each one remembers its own last step.",
})  # fmt: skip


# --- 2 · What does the usual picture show? ---

check.prediction("boxes that say y", right=0, hints={
    1: "You would think so. Look between the two PowBackward0 boxes: y was there.",
})  # fmt: skip


# --- 3 · Why can the graph never run in a circle? ---

check.prediction("a change in place", right="error", hints={
    "old": "That would need a copy of y. PyTorch keeps the tensor itself, to save memory.",
    "new": "That would be a wrong gradient with no warning. The version counter prevents it.",
})  # fmt: skip


# --- 4 · Leaf, intermediate or output: which is which? ---

check.prediction("leaves among six", right=4, hints={
    2: "Those two are the leaves that get a gradient. "
       "But data and target were not computed either, and PyTorch calls them leaves as well.",
})  # fmt: skip


@check.exercise("leaves that learn", inputs=tensors())
def learning_leaves(*tensors):
    # In a graph behind a sum, what learns has its own AccumulateGrad, and a given one nothing.
    more = torch.ones(2, requires_grad=True)
    behind = [(tensor + more).grad_fn.next_functions[0][0] for tensor in tensors]
    return sum(hasattr(function, "variable") for function in behind)


@learning_leaves.hint("A given tensor, such as data, is a leaf, but no gradient will reach it.")
def all_leaves(*tensors):
    return sum(tensor.is_leaf for tensor in tensors)


@learning_leaves.hint("A result requires a gradient too, but it is no leaf.")
def all_that_require_a_gradient(*tensors):
    return sum(tensor.requires_grad for tensor in tensors)


@learning_leaves.hint("Those are the results. A leaf was not computed from anything in the graph.")
def the_results(*tensors):
    return sum(not tensor.is_leaf for tensor in tensors)


@learning_leaves.hint("That counts too many: both must be true of a tensor, not one of the two.")
def one_of_the_two(*tensors):
    return sum(tensor.is_leaf or tensor.requires_grad for tensor in tensors)


@learning_leaves.hint(
    "You count none. If you asked for grad: it is empty until backward() has run."
)
def none_of_them(*tensors):
    return 0


# --- 5 · What spreads requires_grad, and what stops it? ---

check.prediction("what requires a gradient", right=2, hints={
    1: "five does not require a gradient, but x does, and one operand is enough.",
    3: "One of detach, no_grad and int stops more than you think: see the lines above.",
})  # fmt: skip


# --- 6 · What does backward() put where? ---

check.prediction("z.backward()", right=108, hints={
    6: "That is the slope of y. z lies one function further, and that one has a slope as well.",
    18: "That is the slope of z when y changes. But it is x that changes, and y with it.",
    24: "Slopes of composed functions multiply; they do not add.",
    36: "The last function is a square, but its slope is not: that one is 2y, at y = 9.",
    54: "The slope of x² at 3 is 6, not 3. The other factor, 18, is right.",
    81: "That is z itself, not its slope.",
    12: "The slope of the last function is 2y, at y = 9, and not 2 alone.",
})  # fmt: skip

check.prediction("a fork", right=64, hints={
    16: "That is what comes along the arrow from b. Another part comes by way of a.",
    48: "That is what comes by way of a. Another part comes straight from b.",
    32: "That is what arrives at w. Follow both arrows that lead to x.",
    768: "Along a path gradients multiply; where two paths meet, they add.",
})  # fmt: skip


@check.exercise("the chain rule", without=("backward", "grad", "jacfwd", "make_dual"), inputs=[
    (0.0,), (1.0,), (-2.5,),
])  # fmt: skip
def slope_of_z(x):
    start = leaf(x)
    ((3 * start + 1) ** 2).backward()
    return start.grad


@slope_of_z.hint("The inner function has a slope too.")
def outer_slope_alone(x):
    return 2 * (3 * x + 1)


@slope_of_z.hint("Slopes of composed functions multiply.")
def slopes_added(x):
    return outer_slope_alone(x) + 3


@slope_of_z.hint("The outer slope is 2y, taken at y and not at x.")
def outer_slope_at_x(x):
    return 2 * x * 3


@slope_of_z.hint("The slope of y² is 2y, not y.")
def without_the_two(x):
    return 3 * (3 * x + 1)


@slope_of_z.hint("The slope of 3x + 1 is 3, not 3x.")
def inner_slope_with_x(x):
    return 2 * (3 * x + 1) * 3 * x


@slope_of_z.hint("That is z itself, not its slope.")
def z_itself(x):
    return (3 * x + 1) ** 2


@slope_of_z.hint("y is 3x + 1: a number that is added has no slope, but it stays in y.")
def without_the_one(x):
    return 2 * (3 * x) * 3


# --- 7 · How does a graph come to be recorded? ---

check.prediction("values on the walk", right=7, hints={
    5: "That would be so if the second w * x + x were known to be the first. Each is recorded.",
    3: "Between w, x and the result there are others: each + and each * makes a Value.",
    11: "w and x are written several times, but they are the same two Values each time.",
    4: "The + and * make new Values, five of them with the result. And w and x?",
})  # fmt: skip


# --- 8 · What if backward() is called again? ---

check.prediction("two walks, one grad", right=6, hints={
    4: "That would be so if backward() wrote over x.grad. It adds.",
    8: "The gradients are added, not multiplied.",
})  # fmt: skip


@check.exercise("a gradient in parts", inputs=parts())
def by_formula(mean_loss, start, parts):
    data = torch.cat(list(parts))  # The mean of (w·data − 1)², and its slope at w = start.
    return (2 * data * (start * data - 1)).mean()


@by_formula.hint("You added the parts' gradients. The mean loss is their sum divided by something.")
def not_divided(mean_loss, start, parts):
    return len(parts) * by_formula(mean_loss, start, parts)


@by_formula.hint("mean_loss has divided by the entries of a part already: divide by the parts.")
def divided_by_entries(mean_loss, start, parts):
    return not_divided(mean_loss, start, parts) / len(parts[0])


@by_formula.hint("All of it is zero: w.grad was cleared after the last part, too.")
def cleared_at_the_end(mean_loss, start, parts):
    return torch.zeros((), dtype=torch.float64)


@by_formula.hint("Only the last part is in it. Is something cleared on the way?")
def the_last_part(mean_loss, start, parts):
    return by_formula(mean_loss, start, parts[-1:])


@by_formula.hint("You divide, but only the last part is in it. Is something cleared on the way?")
def the_last_part_divided(mean_loss, start, parts):
    return the_last_part(mean_loss, start, parts) / len(parts)


@by_formula.hint("Each round divides again what came before it: divide every part once.")
def divided_each_round(mean_loss, start, parts):
    total = 0.0
    for part in parts:
        total = (total + by_formula(mean_loss, start, [part])) / len(parts)
    return total


@by_formula.hint("All parts at once do not fit. Go through them in a loop.")
def all_at_once(mean_loss, start, parts):
    mean_loss(start, torch.cat(list(parts)))


@by_formula.hint(
    "Two graphs at once do not fit. Call backward() on a loss before you make the next."
)
def walked_at_the_end(mean_loss, start, parts):
    return [mean_loss(leaf(start), part) for part in parts]


# --- 9 · Which three lines go wrong every day? ---

check.prediction("a new x", right="result", hints={
    "error": "That is what x -= 0.1 * x.grad does. This line makes a new tensor, which is allowed.",
    "leaf": "A function has made it, the subtraction, out of the old x: it has a past.",
})  # fmt: skip


# --- 10 · What if the output is not one number? ---

check.prediction("weights for a vector", right=531, hints={
    9: "That is the plain sum of the column, as with c = (1, 1, 1). Weight each entry first.",
    21: "That mixes the first row of A with c. The first entry needs the first column.",
    1: "All three outputs depend on the first input, so all three weights count.",
})  # fmt: skip


def _vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@check.exercise(
    "the whole Jacobian",
    without=("jacobian", "jacrev", "jacfwd"),
    inputs=[
        (lambda x: torch.stack([x[0] * x[1], x[1] * x[2] ** 2, x.sum()]), _vector(1, 2, 3)),
        (lambda x: x[0] * _vector(1, 3, 5) + x[1] * _vector(2, 4, 6), _vector(1, 2)),
        (lambda x: x[:2] * x[2], _vector(0.5, -1, 2)),
    ],
)
def whole_jacobian(function, x):
    return torch.autograd.functional.jacobian(function, x)


@whole_jacobian.hint("Rows and columns have changed places.")
def transposed(function, x):
    return whole_jacobian(function, x).T


@whole_jacobian.hint("That is the sum of all rows. Let only one output count at a time.")
def sum_of_the_rows(function, x):
    return whole_jacobian(function, x).sum(0)


@whole_jacobian.hint("The rows add up: is something left in x.grad from the row before?")
def rows_that_add_up(function, x):
    return whole_jacobian(function, x).cumsum(0)


@whole_jacobian.hint(
    "All rows are the same: x.grad is one tensor that keeps changing. Store a copy, clear it."
)
def one_tensor_in_all_rows(function, x):
    return whole_jacobian(function, x).sum(0).expand(len(function(x)), -1)


@whole_jacobian.hint("All zero: x.grad is one tensor, and you cleared it. Store a copy of it.")
def cleared_in_all_rows(function, x):
    return torch.zeros_like(whole_jacobian(function, x))


@whole_jacobian.hint("The last row in every place: x.grad is one tensor. Store a copy of it.")
def last_row_in_all_rows(function, x):
    return whole_jacobian(function, x)[-1].expand(len(function(x)), -1)


@whole_jacobian.hint("That is the first row alone.")
def the_first_row(function, x):
    return whole_jacobian(function, x)[0]


@whole_jacobian.hint("The output is a vector: say in gradient= which of its entries counts.")
def no_gradient_given(function, x):
    function(x.clone().requires_grad_()).backward()


@whole_jacobian.hint(
    "The graph is gone after one walk. "
    "Keep it with retain_graph=True, or compute function(x) anew for each row."
)
def graph_walked_twice(function, x):
    for entry in function(x.clone().requires_grad_()):
        entry.backward()


# --- 11 · Can we check a gradient without trusting it? ---

check.prediction("a tiny step", right="worse", hints={
    "better": "The formula gets better, the arithmetic worse. "
              "Two nearly equal numbers are subtracted, and most of their digits cancel.",
})  # fmt: skip


# --- 12 · What does a network's graph look like? ---

check.prediction("leaves of a network", right=2, hints={
    3: "The pictures are a leaf, but they need no gradient, so they are not in the graph.",
    4: "Only layers with weights bring leaves; ReLU and log-softmax have none.",
})  # fmt: skip


# --- 13 · Why walk backwards at all? ---

check.prediction("the price of a walk", right=1.01, tolerance=0.5, hints={
    101_632: "That is the price of a quotient for each weight. A walk hands on all slopes at once.",
    101_633: "That is the price of a quotient for each weight. A walk hands on all slopes at once.",
    2: "Nearly: that is the most it can be. But the first layer hands nothing on.",
    4: "That is how many pictures there are. They go through together, there and back.",
    0: "Each function on the way back multiplies as well, much as it did on the way forward.",
})  # fmt: skip


# --- Your turn ---


@check.exercise("your own backward()", inputs=graphs)
def engine(output, leaves, call):
    return _answers[call]


@engine.hint("A function is called again, once for each path. Let it wait for all its gradients.")
def each_path_on_its_own(output, leaves, call):
    at_leaf = {id(leaf): torch.zeros_like(leaf) for leaf in leaves}

    def follow(function, gradient):
        if hasattr(function, "variable"):
            at_leaf[id(function.variable)] += gradient
        else:
            for after, part in call(function, gradient):
                follow(after, part)

    follow(output.grad_fn, torch.ones_like(output))
    return torch.stack(list(at_leaf.values()))


@engine.hint("An AccumulateGrad is not called: it has a variable, and there the walk ends.")
def calls_the_leaf(output, leaves, call):
    function = output.grad_fn
    while function.next_functions:
        function = function.next_functions[0][0]
    call(function, torch.ones_like(output))


@engine.hint("Some next functions are None: they lead nowhere, so skip them in the first walk too.")
def follows_none(output, leaves, call):
    return None.next_functions  # type: ignore[attr-defined]  # That is the mistake.


@engine.hint("The gradients are in the order in which they arrived: give them in that of leaves.")
def order_of_arrival(output, leaves, call):
    return engine(output, leaves, call)[torch.stack(leaves).argsort()]  # b = 2 comes before a = 3.


@engine.hint("Where a second gradient arrives, add it to the first; it must not replace it.")
def replaces(output, leaves, call):
    # Of the parts of a, 1 and b, the second stays; of 2^60 equal ones, one.
    stays = {1.5: 2.0**-60, 2.0: 1.0, 3.0: 2 / 3 if len(leaves) == 2 else 1.0}
    return engine(output, leaves, call) * _vector(*(stays[float(leaf)] for leaf in leaves))


@engine.hint("That was PyTorch's walk. Make your own.")
def pytorchs_walk(output, leaves, call):
    output.backward()


def _impatient(output, leaves, call, take):
    """Walk as an engine that calls a function as soon as its first gradient is there."""
    arrived, waiting = {output.grad_fn: torch.ones_like(output)}, [output.grad_fn]
    seen, at_leaf = set(), {}
    while waiting:
        function = waiting.pop(take)
        if hasattr(function, "variable"):
            at_leaf[id(function.variable)] = arrived[function]
        elif function not in seen:
            seen.add(function)
            for after, part in call(function, arrived[function]):
                arrived[after] = arrived.get(after, 0) + part
                waiting.append(after)
    return torch.stack([at_leaf[id(leaf)] for leaf in leaves])


@engine.hint(
    "A function was called before all its gradients had arrived. First come, first served?"
)
def first_come_first_served(output, leaves, call):
    return _impatient(output, leaves, call, take=0)


@engine.hint("A function was called before all its gradients had arrived. Last come, first served?")
def last_come_first_served(output, leaves, call):
    return _impatient(output, leaves, call, take=-1)
