"""What drawing and walking back promise of code that nobody here wrote: nothing is changed."""

import collections
import random
import re
import warnings
import xml.etree.ElementTree as ElementTree
from functools import partial

import numpy as np
import pytest
import torch
import torchviz
from torch import nn
from torch.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts

from common.snapshot import changed, snapshot
from computation_graph.examples import Square, assert_refused, leaf
from helpers.computation_graph import found, graph

ENGINE = torch.autograd._engine_run_backward


class Meddles(torch.autograd.Function):
    """Changes its ctx, generators and its gradient, and walks a graph of its own."""

    @staticmethod
    def forward(ctx, x, layer):
        ctx.variable, ctx.name, ctx.calls, ctx.layer = "mine", "mine, too", 0, layer
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        ctx.calls += 1
        with torch.enable_grad():
            ctx.layer(torch.ones(1, 2)).sum().backward()
        noise = random.random() + np.random.rand() + torch.rand(()).item()
        return gradient.mul_(2 + 0 * noise), None


class Scales(torch.autograd.Function):
    """Scales what it saved where it lies, and adds up what came: fused losses and stacks do so."""

    passed_on = 0

    @staticmethod
    def forward(ctx, x, total):
        ctx.total = total
        ctx.save_for_backward(torch.full_like(x, 3))
        return x * 3

    @staticmethod
    def backward(ctx, gradient):
        (slope,) = ctx.saved_tensors
        ctx.total += gradient
        Scales.passed_on += 1
        return slope.mul_(gradient), None


class UsesUp(torch.autograd.Function):
    """Takes what was put by for it, and adds up in its weight: activations wait so in stacks."""

    @staticmethod
    def forward(ctx, x, weight, stack):
        ctx.stack, ctx.weight, ctx.room = stack, weight, torch.ones(3)
        stack.append(x.detach() * 2)
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        ctx.weight.main_grad += (gradient * ctx.stack.pop()).sum() * ctx.room.sum()
        ctx.room.untyped_storage().resize_(0)
        return gradient * 2, None, None


class WalksItsOwn(torch.autograd.Function):
    """Makes a graph on the way there, and frees it on the way back: residual flows do so."""

    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.x = x.detach().requires_grad_()
            ctx.y = ctx.x.sin()
        return ctx.y.detach()

    @staticmethod
    def backward(ctx, gradient):
        return torch.autograd.grad(ctx.y, ctx.x, gradient)


class KeepsSeveral(torch.autograd.Function):
    """Keeps several things in one place, writes into them and lets them learn: fused losses do."""

    passed_on = ()

    @staticmethod
    def forward(ctx, x):
        ctx.kept = torch.full_like(x, 3), [{"more": torch.ones_like(x)}]
        KeepsSeveral.passed_on = (x.detach().clone(),)
        return x * 3

    @staticmethod
    def backward(ctx, gradient):
        slope, ((more,),) = ctx.kept[0], map(dict.values, ctx.kept[1])
        (point,) = KeepsSeveral.passed_on
        point.requires_grad = True
        with torch.enable_grad():
            point.square().sum().backward()
        return slope.mul_(more.add_(1) * gradient) / 2


class Noisy(nn.Module):
    """A block with all that a second run of its forward changes."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.calls, self.last = 0, None

    def forward(self, x):
        self.calls += 1
        self.last = self.norm(self.layer(Square.apply(x)))
        return self.last * (1 + 0 * torch.rand(()) + 0 * random.random())


def kept(times_before=0, sparse=False):
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 3
    y.retain_grad()
    rows = nn.functional.embedding(torch.tensor([1, 1]), y, sparse=sparse)
    z = (rows**2 + rows).sum()
    for _ in range(times_before):
        z.backward(retain_graph=True)
    return z, [x, y]


def hooked():
    x = leaf(2.0)
    y = x.sin()
    y.register_hook(lambda gradient: gradient * (2 + 0 * torch.rand(())))
    x.register_hook(lambda gradient: gradient + 1)
    optimizer = torch.optim.SGD([x], lr=0.1, momentum=0.9)
    x.register_post_accumulate_grad_hook(lambda _: optimizer.step())
    return y + y.exp(), [x, y, optimizer]


def meddling():
    x, layer = leaf([1.0, 2.0]), nn.Linear(2, 1)
    layer.weight.grad = torch.ones(1, 2)
    return (Meddles.apply(x, layer) * 3).sum(), [x, layer]  # The factor's gradient may be written.


def scaling():
    x, total = leaf([1.0, 2.0]), torch.zeros(2, dtype=torch.float64)
    y = Scales.apply(x, total)
    return y.sum(), [x, total, *y.grad_fn.saved_tensors, vars(Scales)]


def keeping_several():
    x = leaf([1.0, 2.0])
    y = KeepsSeveral.apply(x)
    return y.sum(), [x, y.grad_fn.kept, vars(KeepsSeveral)]


def noting():
    """Use up what a layer has noted, and note in its weight: private training does so."""
    layer = nn.Linear(2, 1)
    layer.inputs = [torch.ones(1)]

    def note(module, _, gradients):
        module.weight.of_each = gradients[0] * module.inputs.pop()

    layer.register_full_backward_hook(note)
    return layer(torch.ones(3, 2, requires_grad=True)).sum(), [layer]


def walking_its_own():
    x = leaf([1.0, 2.0])
    return WalksItsOwn.apply(x).sum(), [x]


def kept_beside_an_own_function():
    x = leaf([1.0, 2.0])
    y = Square.apply(x)
    y.retain_grad()
    (y * 3).sum().backward(retain_graph=True)
    return (y * y).sum(), [x, y]


def using_up(pile=list):
    x, weight, stack = leaf([1.0, 2.0]), nn.Parameter(torch.ones(2)), pile()
    weight.main_grad = torch.zeros(())
    return UsesUp.apply(x, weight, stack).sum(), [x, weight, stack]


def checkpointed_in_part():
    def contexts():
        return create_selective_checkpoint_contexts([torch.ops.aten.addmm.default])

    return checkpointed(context_fn=contexts)


def checkpointed(**options):
    torch.manual_seed(0)
    block, x = Noisy(), torch.randn(4, 2, requires_grad=True)
    return checkpoint(block, x, use_reentrant=False, **options).square().sum(), [block, x]


def packed_elsewhere():
    x = leaf([1.0, 2.0])
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(), torch.from_numpy):
        return x.detach().requires_grad_().exp().sin().sum(), [x]


def frozen_later():
    w, x = leaf(2.0), leaf(3.0)
    z = (w * x) ** 2
    w.requires_grad_(False)
    return z, [w, x]


def in_place():
    x = leaf([1.0, 2.0])
    y = x * 2
    view = y[:1]
    y.add_(1)
    return view * 3, [x, y, view]


def network_in_training():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 1))
    optimizer = torch.optim.Adam(net.parameters())
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9)
    net(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    net[3].register_full_backward_hook(lambda *_: None)
    return net(torch.ones(4, 2)).sum(), [net, optimizer, scheduler]


def slope_with_a_graph():
    x = leaf([1.0, 2.0])
    (slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
    return slope.norm(), [x, slope]


SCRIPTED = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
LAZY = nn.LazyBatchNorm1d()  # They are alive while others are walked, and have odd buffers.
SET_UPS = {
    **{"kept": kept, "kept and there": lambda: kept(2), "kept sparse": lambda: kept(1, True)},
    **{"hooks": hooked, "own function": meddling, "checkpoint": checkpointed},
    **{"what is saved is scaled": scaling, "notes are used up": noting, "stack": using_up},
    "stack as a queue": lambda: using_up(collections.deque),
    "kept beside an own function": kept_beside_an_own_function,
    **{"a graph within": walking_its_own, "several in one place": keeping_several},
    "checkpoint in part": checkpointed_in_part,
    "checkpoint that keeps no seed": lambda: checkpointed(preserve_rng_state=False),
    **{"packed": packed_elsewhere, "frozen": frozen_later, "in place": in_place},
    **{"in training": network_in_training, "slope": slope_with_a_graph},
    "scripted": lambda: (SCRIPTED(torch.ones(3, 2)).sum(), [*SCRIPTED.parameters()]),
}


@pytest.mark.parametrize("set_up", SET_UPS)
def test_nothing_is_changed(set_up):
    output, objects = SET_UPS[set_up]()
    before = snapshot(output, *objects)
    ones = torch.ones_like(output)
    graph.draw(output, show=("value", "shape", "gradient"))
    graph.draw(output, fold=True)
    graph.draw_as_in_notes(output)
    assert changed(before, snapshot(output, *objects)) == []
    str(graph.backtrack(output, gradient=ones))
    assert changed(before, snapshot(output, *objects)) == []
    with torch.inference_mode():
        graph.backtrack(output, gradient=ones)
    assert changed(before, snapshot(output, *objects)) == []
    # And the reader's own backward() still finds its graph, and frees it as ever.
    output.backward(ones)
    assert torch.autograd._engine_run_backward is ENGINE


def test_the_snapshot_sees_what_a_backward_changes():
    output, objects = checkpointed()
    before = snapshot(output, *objects)
    output.backward()
    seen = changed(before, snapshot(output, *objects))
    for part in ("_buffers", ".grad", ".calls", ".last"):
        assert any(part in path for path in seen), part


def test_a_gradient_that_is_handed_over_is_not_written_into():
    gradient = torch.tensor([5.0, 6.0], dtype=torch.float64)
    walk = graph.backtrack(Meddles.apply(leaf([1.0, 2.0]), nn.Linear(2, 1)), gradient=gradient)
    assert gradient.tolist() == [5.0, 6.0]
    assert [part.tolist() for part in (*walk[0].arriving, *walk[0].leaving)] == [[5, 6], [10, 12]]
    assert [step.function for step in walk] == ["MeddlesBackward", "AccumulateGrad"]


def test_drawing_computes_no_checkpoint_again_and_unpacks_nothing():
    output, (block, _) = checkpointed()
    graph.draw(output, **dict(block.named_parameters()))
    assert block.calls == 1
    output, _ = packed_elsewhere()
    assert len(graph.draw(output).edge_list) == 5


def test_what_unpacks_once_is_walked():
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t), lambda _: kept.pop()):
        output = leaf(1.0).exp()
    step = graph.backtrack(output)[0]
    assert (step.saved, step.gradient_in) == ("packed away", "1")


def test_what_a_function_in_python_has_packed_is_told_where_it_can_be_unpacked():
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(), torch.from_numpy):
        output = Square.apply(leaf(3.0))
    assert graph.backtrack(output)[0].saved == "saved 0 = 3"


def test_what_a_hook_writes_over_on_the_way_is_not_called_packed():
    """As the one that guides backpropagation does; the gradients are those that PyTorch took."""
    y = leaf([1.0, -2.0]).relu()

    def overwrite(*_) -> None:
        y.detach().zero_()

    y.grad_fn.register_hook(overwrite)
    relu = graph.backtrack(y * 3, gradient=torch.ones(2))[1]
    assert (relu.saved, relu.gradient_out) == (
        "in part changed in place since",
        "[3, 0] to no name",
    )


def test_what_has_lost_its_memory_is_drawn_without_numbers_and_left_alone():
    """To read it would end Python."""
    x, layer = leaf([1.0, 2.0]), nn.BatchNorm1d(2)
    y = x * 2
    z = Square.apply(x).sum() + y.sum()
    memories = [y.untyped_storage(), layer.running_mean.untyped_storage()]
    for memory in memories:
        memory.resize_(0)
    (box,) = [node for node in graph.draw(z, y=y).nodes if node.label == "y"]
    assert box.details == ("shape 2",)
    assert graph.backtrack(z, y=y)[-1].gradient_in == "[4, 6]"
    assert [memory.nbytes() for memory in memories] == [0, 0]


# --- Right, or refused in one line ---


class Affine(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b=None):
        ctx.save_for_backward(x, w, b)
        return x @ w.t() if b is None else x @ w.t() + b

    @staticmethod
    def backward(ctx, gradient):
        x, w, b = ctx.saved_tensors
        return gradient @ w, gradient.t() @ x, None if b is None else gradient.sum(0)


class Clips(Square):
    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp(-1, 1)


class Breaks(Square):
    @staticmethod
    def backward(ctx, gradient):
        raise KeyError("mine")


class ByBackwardAlone(Square):
    @staticmethod
    def backward(ctx, gradient):
        if not torch.autograd._is_checkpoint_valid():  # As Megatron's checkpoint asks, and others.
            raise RuntimeError("this is not compatible with .grad(), please use .backward()")
        return Square.backward(ctx, gradient)


def test_a_function_may_save_none():
    x, w = leaf([[1.0, 2.0]]), leaf([[3.0, 4.0]])
    output = Affine.apply(x, w).sum()
    lines = graph.draw(output, x=x, w=w).edge_list
    assert [line for line in lines if "saved" in line] == [
        "n4 x (leaf) -> n2 AffineBackward  [saved]",
        "n6 w (leaf) -> n2 AffineBackward  [saved]",
    ]
    step = graph.backtrack(output, x=x, w=w)[1]
    assert [part.tolist() for part in step.leaving] == [[[3, 4]], [[1, 2]]]
    assert step.local == "[[3, 4]], [[1, 2]]"


def test_a_leaf_that_was_frozen_since_is_drawn_and_walked_to():
    z, (w, x) = frozen_later()
    walk = graph.backtrack(z, w=w, x=x)
    ends = ["nothing: w was frozen since", "24 to x.grad"]
    assert [step.gradient_out for step in walk[2:]] == ends
    assert walk[2].arriving[0].item() == 36 and walk[2].leaving == ()
    (box,) = [node for node in graph.draw(z, w=w, x=x).nodes if node.label == "w"]
    assert box.details[-1] == "takes no gradient"


class NumberFirst(torch.autograd.Function):
    @staticmethod
    def forward(ctx, factor, x, shape, w):
        ctx.factor = factor
        ctx.save_for_backward(x, w)
        return factor * x * w.reshape(shape)

    @staticmethod
    def backward(ctx, gradient):
        x, w = ctx.saved_tensors
        return None, ctx.factor * w * gradient, None, ctx.factor * x * gradient


A, B, Z = leaf(3.0), leaf(4.0), torch.tensor(1 + 2j, dtype=torch.complex128, requires_grad=True)
NO_NUMBER, TURNED = "no single number", torch.tensor(0.6 + 0.8j, dtype=torch.complex128)
LOCALS = {
    "two reals": (torch.complex(A, B), TURNED, f"{NO_NUMBER}, {NO_NUMBER}"),
    "polar": (torch.polar(A, B), TURNED, f"{NO_NUMBER}, {NO_NUMBER}"),
    "conjugate": (torch.ops.aten._conj_physical(Z), torch.tensor(1 + 0j), NO_NUMBER),
    "a real times i": (A * 1j, torch.tensor(1j, dtype=torch.complex128), NO_NUMBER),
    "times 2i": (Z * 2j, TURNED, "0-2j"),
    "real part": (torch.view_as_real(Z), None, "[[1+0j], [0+1j]]"),
    "clipped": (Clips.apply(A), torch.tensor(5.0), NO_NUMBER),
    "not clipped": (Clips.apply(A), torch.tensor(0.5), "1"),
    "a number before a tensor": (NumberFirst.apply(2, A, (), B), None, "8, 6"),
    "what is saved is scaled": (
        *(Scales.apply(leaf([1.0, 2.0]), torch.zeros(2)), torch.tensor([5.0, 7.0])),
        "3 for each entry",
    ),
    "infinite": (A / 0, torch.tensor(1.0), "inf"),
    "half": (torch.tensor(3.0, dtype=torch.float16, requires_grad=True) / 3, None, "0.3333"),
}


@pytest.mark.parametrize("name", LOCALS)
def test_a_local_derivative_explains_the_gradient_or_says_that_no_number_does(name):
    output, gradient, local = LOCALS[name]
    gradient = torch.ones_like(output) if gradient is None else gradient
    assert graph.backtrack(output, gradient=gradient)[0].local == local


def nested(layout):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [torch.ones(2), torch.ones(3)]
        return torch.nested.nested_tensor(parts, requires_grad=True, layout=layout)


def view_changed():
    base = leaf([1.0, 2.0]) * 1
    view, _ = base.unbind()
    base.mul_(2)
    return view


def looked_at_together():
    x, y = leaf(1.0), leaf(2.0)
    torch.autograd.graph.register_multi_grad_hook((x, y), lambda gradients: None)
    return x * y


def seen_within_vmap():
    seen = []
    torch.func.vmap(lambda t: seen.append(t * A) or t)(torch.ones(3))
    return seen[0]


TREE, ON_META = torch.ones(1, 2, requires_grad=True), torch.ones(2, device="meta")
REFUSED = {
    "meta": ((ON_META.requires_grad_() * 2).sum(), {}, "is on the meta device.*: compute it on"),
    "nested": (nested(torch.strided) * 2, {}, "output is a nested tensor.*: pass a sum"),
    "jagged": (nested(torch.jagged) * 2, {}, "output is a nested tensor.*: pass a sum"),
    "sparse": (torch.eye(1).to_sparse().requires_grad_() * 2, {}, "sparse.*: pass output.to_dense"),
    "complex": (Z * 2, {}, "output is complex.*: pass gradient="),
    "elsewhere": (A * 2, {"gradient": torch.ones((), device="meta")}, "on meta: give it on cpu"),
    "a view": (view_changed(), {}, "output cannot be walked back .*: compute it again"),
    "in vmap": (seen_within_vmap(), {}, "no graph.*: pass what comes out of the function"),
    "its own error": (Breaks.apply(A), {}, "fails as backward.. would .KeyError 'mine'.: mend"),
    "by backward": (ByBackwardAlone.apply(A), {}, "by backward.. alone .*: switch that function"),
    "two in a hook": (looked_at_together(), {}, "by backward.. alone .*: remove the hook"),
    "reentrant": (
        checkpoint(nn.Linear(2, 1), TREE, use_reentrant=True).sum(),
        {},
        "by backward.. alone .*: pass use_reentrant=False",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_walked_is_refused_in_one_true_line(name):
    output, options, words = REFUSED[name]
    assert_refused(ValueError, words, lambda: graph.backtrack(output, **options))
    if name not in ("a view", "in vmap"):  # Drawn it can be, whatever it is.
        assert graph.draw(output).alt and graph.draw_as_in_notes(output).alt


DRAWN = {
    "empty": (leaf([]) * 2).sum(),
    "half": (torch.ones(2, dtype=torch.float16, requires_grad=True) * 3).sum(),
    "sparse": torch.sparse.sum(torch.eye(2).to_sparse().requires_grad_() * 2),
    "nested": (nested(torch.strided) * 2).to_padded_tensor(0.0).sum(),
    "jagged": (nested(torch.jagged) * 2).values().sum(),
    "lazy": nn.LazyLinear(2)(torch.ones(1, 2)).sum(),
}


@pytest.mark.parametrize("name", DRAWN)
def test_tensors_of_any_kind_are_drawn_and_walked(name):
    output = DRAWN[name]
    assert ElementTree.fromstring(graph.draw(output).svg().encode()) is not None
    assert graph.draw(output, fold=True).alt and graph.draw_as_in_notes(output).alt
    walk = graph.backtrack(output)
    ends = [step.arriving[0] for step in walk if step.function == "AccumulateGrad"]
    output.backward()
    grads = [tensor.grad for tensor in walk.graph.tensors.values() if tensor.is_leaf]
    assert len(ends) == len(grads)
    sums = [
        sorted(float(part.to_dense().sum()) for part in parts if not part.is_nested)
        for parts in (ends, grads)
    ]
    assert sums[0] == sums[1]


# --- No picture that never comes ---


def recurrence(steps, factor=None):
    x = output = leaf(1.0)
    for _ in range(steps):
        output = output * (x if factor is None else factor)
    return output


def test_a_picture_that_would_take_too_long_is_its_edges_and_a_line():
    drawing = graph.draw(recurrence(300), fold=False)
    assert_refused(ValueError, "No picture.*45,.* rows.*: let draw fold it", drawing.svg)
    page = drawing.html()
    assert page.startswith("<p>No picture") and "MulBackward0 -&gt; " in page
    with pytest.warns(DeprecationWarning):
        plain = graph.plain(torchviz.make_dot(recurrence(300)))
    assert_refused(ValueError, "No picture", plain.svg)
    # A long but simple one is drawn.
    assert graph.draw(recurrence(200, 1.5), fold=False).svg().count("<ellipse") > 200


def test_of_more_functions_than_python_survives_none_are_drawn():
    output = recurrence(60_000, 1.5)
    for show in (graph.draw, graph.draw_as_in_notes, graph.backtrack):
        assert_refused(ValueError, "^output has more than 25,000 .*: pass", partial(show, output))
    del output  # Python would end here, within PyTorch.


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
@pytest.mark.parametrize("name", SET_UPS)
def test_functions_and_links_are_torchviz_own(name):
    if name == "own function" or name == "packed" or "checkpoint" in name:
        pytest.skip("torchviz takes ctx.variable for a leaf, and unpacks what is packed")
    output, _ = SET_UPS[name]()
    ours = found.find(output, {})
    pairs = {pair for flow, pair in ours.links.items() if flow[0] != "out" or pair[1] in ours.boxes}
    lines = re.findall(r"\t(\d+) -> (\d+)", "".join(torchviz.make_dot(output).body))
    assert pairs == {(int(tail), int(head)) for tail, head in lines}
