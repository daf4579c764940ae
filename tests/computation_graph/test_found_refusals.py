"""What a reader is told who passes what cannot be drawn or walked back: each sentence whole."""

import re
from functools import partial

import pytest
import torch

from computation_graph.examples import Square, assert_refused, leaf
from computation_graph.test_backtrack import JUNK as NO_WALK
from computation_graph.test_backtrack import THREE
from computation_graph.test_found import GRAPHLESS
from computation_graph.test_graph import JUNK as NO_DRAWING
from computation_graph.test_promises import REFUSED, view_changed
from helpers.computation_graph import graph

NO_GRAPH = (
    "output has no graph (its grad_fn is None): pass a tensor of real or complex numbers that was "
    "computed from one with requires_grad=True, without no_grad() or detach()"
)
FREED = (
    "what the graph saved was freed by backward(), and {} can no longer be looked at: compute the "
    "output again, or call backward(retain_graph=True)"
)
NOT_IN_IT = "{} is not in the graph {}: leave it out, "
FOREIGN = (
    NOT_IN_IT.format("y", "of this output")
    + "or pass an output that was computed from it as it is now"
)
LEARNS_NOT = (
    NOT_IN_IT.format("y", "(requires_grad=False)") + "or set requires_grad=True before computing"
)
ALONE = "output 1 is {}: give tensors alone in the tuple"
OF_A_GRAPH = {
    "list": "output is a list: give the tensor that the computation gave, or a tuple of such",
    "no outputs": "output is an empty tuple: pass at least one tensor",
    "number in tuple": ALONE.format("3"),
    "tuple in tuple": ALONE.format("a tuple"),
    **dict.fromkeys(["leaf", "detached", "whole number"], NO_GRAPH),
    "packed": NO_GRAPH.replace("output", "output 1"),
    "freed": FREED.format("ExpBackward0"),
    "freed custom": FREED.format("SquareBackward"),
    **dict.fromkeys(["foreign", "later"], FOREIGN),
    **dict.fromkeys(["constant", "complex"], LEARNS_NOT),
    "detached name": NOT_IN_IT.format("y", "(it is detached from one that is)")
    + "or pass that one, which named_parameters() gives and state_dict() does not",
    "whole numbers": NOT_IN_IT.format("y", "(requires_grad=False)") + "as whole numbers have none",
    "hidden": NOT_IN_IT.format("weight", "of this output, or a checkpoint hides it")
    + "or pass use_reentrant=False to that",
    "named number": "y is 2: give a tensor, as in draw(z, x=x)",
}

ON_META = (
    "output is on the meta device, which cannot be walked back: compute it on another, with numbers"
)
IS_NESTED = "output is a nested tensor, which cannot be walked back: pass a sum of its parts"
NO_ONE = ", so there is no one gradient to start from: pass gradient=, of the output's shape"
BY_BACKWARD = "the output can be walked by backward() alone ({}): {}"
VIEW = "Output 0 of Unbind is a view and its base or another view of its base has been modified"
OF_A_WALK = {
    "meta": ON_META,
    **dict.fromkeys(["nested", "jagged"], IS_NESTED),
    "sparse": "output is sparse, which cannot be walked back: pass output.to_dense()",
    "complex": "output is complex" + NO_ONE,
    "elsewhere": "gradient is on meta: give it on cpu",
    "a view": f"output cannot be walked back ({VIEW} inplace): compute it again without that "
    "change in place",
    "in vmap": "output has no graph (its grad_fn is None): pass what comes out of the function "
    "that torch.func changes",
    "its own error": "the walk back fails as backward() would (KeyError 'mine'): mend that, and "
    "compute the output again",
    "by backward": BY_BACKWARD.format(
        "this is not compatible with .grad(), please use .backward()",
        "switch that function off while you look, or pass the output of a part without it",
    ),
    "two in a hook": BY_BACKWARD.format(
        "A leaf node was passed to _will_engine_execute_node but we are currently running "
        "autograd.grad()",
        "remove the hook of register_multi_grad_hook",
    ),
    "reentrant": BY_BACKWARD.format(
        "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing "
        "an `inputs` parameter to .backward()",
        "pass use_reentrant=False to the checkpoint",
    ),
}
OF_A_STEP = {
    "no gradient": "output has 3 entries" + NO_ONE,
    "its shape": "gradient has shape [(2,)]: pass [(3,)], as the output has",
    "nested gradient": "gradient has shape [('1 nested',)]: pass [(3,)], as the output has",
    "complex": "gradient has dtype torch.complex64: give torch.float64, as the output has",
    "no numbers": ON_META,
    "nested": IS_NESTED,
    "half a step": "step is 1.0: give a whole number",
    "no step": "step is 0: give at least 1",
    "step 3 of 2": "step is 3: give at most 2",
    "many": "the graph has 121 functions, too many for a picture of each step: read the table, or "
    "draw a smaller part",
}
IS_OPTION = "{} is an option here: pass the tensor under another name"
OF_A_DRAWING = {
    "show text": "show is 'value': pass a tuple, as in show=('value', 'shape')",
    **{f"tensor {name}": IS_OPTION.format(name) for name in ("title", "fold", "show", "legend")},
    "beside nothing": "there is nothing to show: pass drawings, as in side_by_side(one, other)",
    "large": "the graph has 121 functions, too many for this picture: use draw, which folds them, "
    "or draw a smaller part",
}

A = leaf(2.0)
CALLS = {
    **{f"{name}, graph": partial(graph.draw, one, **named)
       for name, (_, _, one, named) in GRAPHLESS.items()},
    **{f"{name}, walk": partial(graph.backtrack, one, **options)
       for name, (one, options, _) in REFUSED.items()},
    **{f"{name}, step": call for name, (*_, call) in NO_WALK.items()},
    **{f"{name}, drawing": call for name, (*_, call) in NO_DRAWING.items()},
}  # fmt: skip
SENTENCES = {
    f"{name}, {what}": said
    for what, table in {
        "graph": OF_A_GRAPH,
        "walk": OF_A_WALK,
        "step": OF_A_STEP,
        "drawing": OF_A_DRAWING,
    }.items()
    for name, said in table.items()
}


def test_each_refusal_of_the_other_tables_has_its_sentence_here():
    assert SENTENCES.keys() == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_is_said_word_by_word(name):
    with pytest.raises((TypeError, ValueError)) as caught:
        CALLS[name]()
    assert str(caught.value) == SENTENCES[name]


def changed_since():
    x = leaf([1.0, 2.0])
    y = x * 2
    square = Square.apply(y)
    y.add_(1)
    return square


MORE = {
    "a number alone in a tuple": (
        TypeError,
        "output is 3: give tensors alone in the tuple",
        lambda: graph.draw((3,)),
    ),
    "one leaf alone in a tuple": (ValueError, NO_GRAPH, lambda: graph.draw((A,))),
    "second of two": (
        ValueError,
        NO_GRAPH.replace("output", "output 1"),
        lambda: graph.draw((A * 2, A)),
    ),
    "a view by name": (
        ValueError,
        f"v cannot be walked back ({VIEW} inplace): compute it again without that change in place",
        lambda: graph.draw(A * 2, v=view_changed()),
    ),
    "saved and changed": (
        ValueError,
        "SquareBackward saved a tensor that was changed in place since: compute the output again "
        "without the in-place operation",
        lambda: graph.draw(changed_since()),
    ),
    "compressed rows": (
        ValueError,
        "output is sparse, which cannot be walked back: pass output.to_dense()",
        lambda: graph.backtrack(torch.eye(1).to_sparse_csr().requires_grad_() * 2),
    ),
    "no list": (
        TypeError,
        "show is 3: pass a tuple, as in show=('value', 'shape')",
        lambda: graph.draw(A * 2, show=3),
    ),
    "the last word of several": (
        ValueError,
        "show is 'colour': give one of value, shape, gradient",
        lambda: graph.draw(A * 2, show=("value", "colour")),
    ),
    "legend of notes": (
        TypeError,
        "legend is 'no': give True or False",
        lambda: graph.draw_as_in_notes(A * 2, legend="no"),
    ),
    "title": (TypeError, "title is 3: give a text", lambda: graph.draw(A * 2, title=3)),
    "title of notes": (
        TypeError,
        "title is 3: give a text",
        lambda: graph.draw_as_in_notes(A * 2, title=3),
    ),
    "fold": (TypeError, "fold is 2: give True, False or None", lambda: graph.draw(A * 2, fold=2)),
    "no drawing": (
        TypeError,
        "a drawing is 3: give what draw or plain returns",
        lambda: graph.side_by_side(graph.draw(A * 2), 3),
    ),
    "no dot": (
        TypeError,
        "dot is 3: give what torchviz.make_dot returns",
        lambda: graph.plain(3),
    ),
    "two on another device": (
        ValueError,
        "gradient is on meta: give it on cpu",
        lambda: graph.backtrack((A * 2, A * 3), gradient=(A, A.detach().to("meta"))),
    ),
    "three, and none for the second": (
        ValueError,
        "output has 3 entries" + NO_ONE,
        lambda: graph.backtrack((A * 2, THREE)),
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_so_is_what_no_other_table_has(name):
    kind, said, call = MORE[name]
    assert_refused(kind, rf"\A{re.escape(said)}\Z", call)


class Fails(Square):
    said = ""

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError(Fails.said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("It is donated. Once.", BY_BACKWARD.format(
            "It is donated",
            "set torch._functorch.config.donated_buffer = False before compiling",
        )),
        # What tells PyTorch's sentence may stand anywhere in it.
        ("Not now. Call .grad() never.", BY_BACKWARD.format(
            "Not now",
            "switch that function off while you look, or pass the output of a part without it",
        )),
        ("An inplace change", "the walk back fails as backward() would (An inplace change): "
         "compute the output again without the in-place operation"),
        ("No.", "the walk back fails as backward() would (No): mend that, and compute the output "
         "again"),
        ("The mask was modified", "the walk back fails as backward() would (The mask was modified)"
         ": mend that, and compute the output again"),
    ],
)  # fmt: skip
def test_why_a_walk_stops_comes_with_its_own_cure(said, told, monkeypatch):
    monkeypatch.setattr(Fails, "said", said)
    with pytest.raises(ValueError) as caught:
        graph.backtrack(Fails.apply(leaf(1.0)))
    assert str(caught.value) == told and str(caught.value.__cause__) == said
