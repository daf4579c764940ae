"""Junk in place of any argument of any public function: one line that names it, or nothing."""

import contextlib
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
import test_figures as drawn
import torch
import torchviz
from junk import Case, gives_nothing
from torch import nn
from torch.nn import functional as F

import helpers
from helpers import (
    checkpoint,
    clinic,
    descent,
    explore,
    fashion,
    figures,
    graph,
    launch,
    learning,
    least_squares,
    parallel,
    preflight,
    run,
    session,
    standin,
    training,
)

# Numbers that are junk only where something has to be counted or bounded.
REAL = {"zero", "a half", "minus one", "minus a half", "a huge float", "its negative"}
POSITIVE = {"a half", "a huge float"}
FROM_ZERO = POSITIVE | {"zero"}
NOT_FINITE = {"NaN within", "infinity within"}
PRECISION = {"of another precision"}
GRAPH = {"with a graph"}
LESS_OR_MORE = {"a row less", "a row more"}
SEVERAL = {"huge", "a tensor of no axes", "a tensor of many axes", "as a tensor"}

FLOAT64 = torch.float64
X = torch.tensor([[1.0, 2.0], [3.0, 5.0], [4.0, 1.0]], dtype=FLOAT64)
Y = X.sum(dim=1)
LAND = least_squares.hills()


def zeros(X, y, penalty=0.0):
    return torch.zeros(X.shape[1], dtype=X.dtype)


def case(call, *, fine=None, called=None, other=(), **arguments) -> Case:
    return Case(call, arguments, fine or {}, called or {}, other)


CASES: dict[str, Case] = {
    "least_squares.Hills": case(
        least_squares.Hills,
        east=torch.arange(3.0),
        north=torch.arange(2.0),
        height=torch.ones(2, 3),
        fine={name: PRECISION | GRAPH for name in ("east", "north", "height")},
        called={"east": "height has shape", "north": "height has shape"},
    ),
    "least_squares.check_problem": case(
        least_squares.check_problem,
        X=X,
        y=Y,
        penalty=0.5,
        fine={
            "X": GRAPH | {"a column less"},
            "y": GRAPH,
            "penalty": FROM_ZERO,
        },
    ),
    "least_squares.line_problem": case(
        least_squares.line_problem, rows=3, seed=0, fine={"seed": {"zero", "its negative"}}
    ),
    "least_squares.two_units_problem": case(
        least_squares.two_units_problem,
        rows=3,
        seed=0,
        dtype=torch.float32,
        fine={"seed": {"zero", "its negative"}},
    ),
    "least_squares.tailor_problem": case(
        least_squares.tailor_problem, rows=3, seed=0, fine={"seed": {"zero", "its negative"}}
    ),
    "least_squares.conditioned_problem": case(
        least_squares.conditioned_problem,
        rows=5,
        features=2,
        condition=10.0,
        seed=0,
        dtype=FLOAT64,
        noise=0.1,
        fine={
            "seed": {"zero", "its negative"},
            "condition": {"a huge float"},
            "noise": FROM_ZERO,
        },
        # It is the rows that do not suffice for the features.
        called={"rows": "rows: give"},
    ),
    "least_squares.spot_heights": case(
        least_squares.spot_heights,
        land=LAND,
        count=3,
        seed=0,
        fine={"seed": {"zero", "its negative"}},
    ),
    "least_squares.bump_features": case(
        least_squares.bump_features,
        positions=torch.ones(3, 2, dtype=FLOAT64),
        land=LAND,
        per_side=3,
        fine={"positions": PRECISION | GRAPH | LESS_OR_MORE},
    ),
    "least_squares.relative_error": case(
        least_squares.relative_error,
        solve=zeros,
        X=X,
        y=Y,
        weights=torch.ones(2, dtype=FLOAT64),
        fine={"X": GRAPH, "y": GRAPH, "weights": GRAPH | PRECISION},
        called={"X": "for 1 features"},
    ),
    "least_squares.weights_without_failures": case(
        least_squares.weights_without_failures,
        solve=zeros,
        problems=[(X, Y)],
        # No problems, no weights.
        fine={
            "problems": {"no list", "no dict", "no text", "an entry less", "an entry more"}
            | {"an empty tensor"}
        },
        called={"problems": r"(?<!\w)[Xy](?!\w)"},
    ),
    "least_squares.errors_over_conditions": case(
        least_squares.errors_over_conditions,
        solve=zeros,
        conditions=[1.0, 10.0],
        dtype=FLOAT64,
        repeats=1,
        fine={
            "conditions": {"an entry less", "an entry more"},
            "repeats": {"True"},
        },
    ),
    "least_squares.weights_over_penalties": case(
        least_squares.weights_over_penalties,
        solve=zeros,
        X=X,
        y=Y,
        penalties=[0.5, 1.0],
        fine={
            "X": GRAPH | {"a column less"},
            "y": GRAPH,
            "penalties": {"an entry less", "an entry more"},
        },
    ),
    "least_squares.errors_over_penalties": case(
        least_squares.errors_over_penalties,
        solve=zeros,
        X=X,
        y=Y,
        penalties=[0.5, 1.0],
        held_out=(X, Y),
        fine={
            "X": GRAPH,
            "y": GRAPH,
            "penalties": {"an entry less", "an entry more"},
            "held_out": {"with a graph, within"},
        },
    ),
    "least_squares.leave_one_out_by_refitting": case(
        least_squares.leave_one_out_by_refitting,
        solve=zeros,
        X=X,
        y=Y,
        penalty=0.5,
        fine={"X": GRAPH | {"a column less"}, "y": GRAPH, "penalty": FROM_ZERO},
    ),
    "least_squares.seconds_to_solve": case(
        least_squares.seconds_to_solve,
        solve=zeros,
        rows=4,
        sizes=[1, 2],
        repeats=1,
        # What it gives is not looked at, only timed.
        fine={
            "solve": {"a function that gives nothing"},
            "sizes": {"an entry less", "an entry more"},
        },
    ),
}

# --- descent ---

BOWL = descent.bowl([1.0, 4.0])
START = torch.tensor([1.0, 1.0], dtype=FLOAT64)
CURVATURES = torch.tensor([1.0, 4.0], dtype=FLOAT64)
PATH = descent.run(BOWL, START, lr=0.1, steps=12)
# Several descents at once have one row each; a bowl of two weights takes no other.
ROWS = {"an axis more", "a tensor of many axes"}

CASES |= {
    "descent.Path": case(
        descent.Path,
        points=PATH.points,
        losses=PATH.losses,
        left_at=None,
        # What went beyond all numbers is a path too, cut off by record().
        fine={
            "points": NOT_FINITE | PRECISION | GRAPH | {"a column less"},
            "losses": NOT_FINITE | PRECISION | GRAPH,
        },
        called={"points": "losses", "losses": "points"},
    ),
    "descent.Path.distances": case(
        PATH.distances,
        goal=START,
        fine={"goal": REAL | GRAPH | PRECISION | {"a tensor of no axes", "True"} - {"True"}},
    ),
    "descent.gradient": case(
        descent.gradient,
        loss=BOWL,
        w=START,
        fine={"w": NOT_FINITE | GRAPH | {"an axis more", "a tensor of NaN"}},
    ),
    "descent.record": case(
        descent.record,
        rule=lambda w: w / 2,
        loss=BOWL,
        start=START,
        steps=3,
        fine={"start": GRAPH | {"an axis more"}},
        called={"start": "this bowl takes"},
    ),
    "descent.run": case(
        descent.run,
        loss=BOWL,
        start=START,
        lr=0.1,
        steps=3,
        momentum=0.5,
        nesterov=False,
        weight_decay=0.1,
        fine={
            "start": GRAPH | {"an axis more"},
            # A step that is far too long ends the path early, and the path says so.
            "lr": POSITIVE,
            "momentum": FROM_ZERO,
            "weight_decay": FROM_ZERO,
        },
        # A class may be called like a schedule, and says itself that it is none.
        called={"start": "this bowl takes", "lr": "object is not iterable"},
    ),
    "descent.bowl": case(
        descent.bowl,
        curvatures=[1.0, 4.0],
        tilt=30.0,
        fine={"curvatures": GRAPH, "tilt": REAL},
        called={"curvatures": "curvatures"},
    ),
    "descent.banana": case(descent.banana, w=START, fine={"w": NOT_FINITE | GRAPH}),
    "descent.two_wells": case(descent.two_wells, w=START, fine={"w": NOT_FINITE | GRAPH}),
    "descent.curvatures": case(
        descent.curvatures, loss=BOWL, w=START, fine={"w": NOT_FINITE | GRAPH}
    ),
    "descent.predicted_rate": case(
        descent.predicted_rate,
        lr=0.1,
        curvatures=CURVATURES,
        momentum=0.5,
        fine={
            "lr": FROM_ZERO | SEVERAL,
            "curvatures": LESS_OR_MORE | PRECISION | GRAPH | {"of whole numbers"},
            "momentum": FROM_ZERO | SEVERAL,
        },
    ),
    "descent.measured_rate": case(
        descent.measured_rate,
        distances=PATH.distances(),
        fine={"distances": LESS_OR_MORE | PRECISION | GRAPH},
    ),
    "descent.regime": case(
        descent.regime,
        lr=0.1,
        curvatures=CURVATURES,
        fine={
            "lr": POSITIVE,
            "curvatures": LESS_OR_MORE | PRECISION | GRAPH | {"of whole numbers"},
        },
    ),
    "descent.best_settings": case(
        descent.best_settings,
        curvatures=CURVATURES,
        fine={"curvatures": LESS_OR_MORE | PRECISION | GRAPH | {"of whole numbers"}},
    ),
    "descent.divergence_boundary": case(
        descent.divergence_boundary,
        loss=BOWL,
        start=START,
        low=0.1,
        high=3.0,
        steps=20,
        fine={"start": GRAPH, "low": {"a half"}, "high": {"a huge float"}},
        called={"start": "this bowl takes", "low": "high is 3.0: give a finite number above"},
    ),
    "descent.steps_until": case(
        descent.steps_until,
        distances=PATH.distances(),
        fraction=0.5,
        fine={"distances": LESS_OR_MORE | PRECISION | GRAPH, "fraction": POSITIVE},
    ),
}

# --- standin, fashion ---

LABELS = torch.arange(6)
IMAGES = standin.draw(LABELS, seed=0)


def set_aside(monkeypatch):
    """No network, no processes, no whole data set, and nothing of what is set on this machine."""
    monkeypatch.setattr(launch, "_launch", lambda *_, **__: launch.Launched(1, (), ()))
    monkeypatch.delenv(fashion.ROOT_VARIABLE, raising=False)
    write = standin.write
    monkeypatch.setattr(
        standin, "write", lambda root, seed: write(root, seed=seed, train=10, test=10)
    )
    monkeypatch.setattr(fashion, "mirror_is_silent", lambda: "no network")


CASES |= {
    "standin.draw": case(
        standin.draw,
        labels=LABELS,
        seed=1,
        fine={"labels": LESS_OR_MORE, "seed": {"zero"}},
    ),
    "standin.write": case(
        standin.write,
        root="somewhere",
        seed=1,
        train=10,
        test=10,
        fine={"seed": {"zero"}},
    ),
    "fashion.Source": case(
        fashion.Source, kind="stand-in", reason="why", fine={"reason": {"no text"}}
    ),
    "fashion.load": case(
        fashion.load,
        folder=Path("somewhere"),
        download=False,
        seed=1,
        fine={"folder": {"text"}, "seed": {"zero"}},
    ),
    "fashion.OneByOne": case(fashion.OneByOne, images=IMAGES, labels=LABELS),
    "fashion.Batches": case(
        fashion.Batches,
        images=IMAGES,
        labels=LABELS,
        batch_size=2,
        generator=None,
        device="cpu",
        # Of floating point are features, and these may be any.
        fine={"images": {"of another precision"}},
    ),
    "fashion.amiss_in": case(fashion.amiss_in, root=Path("somewhere"), fine={"root": {"text"}}),
}

# --- training, preflight, parallel ---


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 3).double()


ROWS_OF_FOUR = torch.randn(8, 4, dtype=FLOAT64, generator=torch.Generator().manual_seed(0))
CLASSES_OF_ROWS = torch.arange(8) % 3
BATCHES = [(ROWS_OF_FOUR[:4], CLASSES_OF_ROWS[:4]), (ROWS_OF_FOUR[4:], CLASSES_OF_ROWS[4:])]
# An error about what is in a batch speaks of images, labels, the network or the loss.
OF_A_BATCH = {
    "batches": r"^(batches|images|labels|a batch|the network|the loss)",
    "validation": r"^(validation|images|labels|a batch|the network|the loss)",
    "test": r"^(test|images|labels)",
    "loss_function": r"^the loss",
    "optimizer": "^the (optimiser|learning rate)",
    "network": "^the network",
}
FEWER = {"an entry less", "an entry more"}


def train(**roles):
    return list(parallel.train(**roles))


def join(device):
    with parallel.joined(device) as group:
        return group


def launched(function, argument, **options):
    return launch.function(function, argument, **options)


NETWORK = network()
SGD = torch.optim.SGD(NETWORK.parameters(), lr=0.1)
SEEN = training.evaluate(NETWORK, BATCHES, F.cross_entropy)
GROUP = parallel.Group()

CASES |= {
    "training.Evaluation.confusion_matrix": case(SEEN.confusion_matrix, classes=3),
    "training.Momentum": case(
        training.Momentum,
        weights=list(NETWORK.parameters()),
        lr=0.1,
        momentum=0.5,
        fine={
            "weights": {*FEWER, *(f"{name}, within" for name in ("an axis more", "flat"))}
            | {f"{name}, within" for name in ("a row less", "a row more", "a column less")}
            | {f"{name}, within" for name in ("NaN within", "infinity within", "with a graph")}
            | {"of another precision, within"},
            "lr": POSITIVE,
            "momentum": {"zero", "a half"},
        },
    ),
    "training.fit": case(
        training.fit,
        network=NETWORK,
        batches=BATCHES,
        loss_function=F.cross_entropy,
        optimizer=SGD,
        epochs=1,
        validation=BATCHES,
        schedule=None,
        progress=False,
        fine={"batches": FEWER, "validation": FEWER | {"None"}},
        called=OF_A_BATCH,
    ),
    "training.evaluate": case(
        training.evaluate,
        network=NETWORK,
        batches=BATCHES,
        loss_function=F.cross_entropy,
        fine={"batches": FEWER},
        called=OF_A_BATCH,
    ),
    "training.Stopwatch.lap": case(training.Stopwatch().lap, name="forward"),
    "training.seconds": case(
        training.seconds,
        run=gives_nothing,
        rounds=1,
        fine={"run": {"a function that gives nothing", "a class"}},
    ),
    "preflight.check": case(
        preflight.check,
        network=NETWORK,
        batches=BATCHES,
        loss_function=F.cross_entropy,
        optimizer=SGD,
        step=clinic.by_the_book,
        test=BATCHES,
        seed=1,
        fine={
            "batches": FEWER,
            # A step that does nothing is a finding, not an error.
            "step": {"None", "a function that gives nothing"},
            "test": FEWER | {"None", "no list"},
            "seed": {"zero"},
        },
        called=OF_A_BATCH,
    ),
    "parallel.Group": case(
        parallel.Group,
        rank=1,
        size=3,
        local_rank=1,
        fine={"rank": {"zero"}, "local_rank": {"zero"}},
        called={"size": "rank"},
    ),
    "parallel.joined": case(join, device=torch.device("cpu")),
    "parallel.furthest": case(
        parallel.furthest,
        group=GROUP,
        found={"epoch": 1, "batch": 2},
        fine={"found": {"None", "an odd key"} | {f"{n}, within" for n in ()}},
    ),
    "parallel.share": case(
        parallel.share,
        images=IMAGES,
        labels=LABELS,
        group=parallel.Group(1, 2),
        fine={
            "images": {"of whole numbers", "of truths", "complex", "of another precision"}
            | {"flat", "a column less"},
            "labels": {"of whole numbers", "of truths", "complex", "of another precision"},
        },
        called={"images": "images"},
    ),
    "parallel.wrapped": case(parallel.wrapped, network=NETWORK, group=GROUP),
    "parallel.train": case(
        train,
        network=NETWORK,
        batches=BATCHES,
        loss_function=F.cross_entropy,
        optimizer=SGD,
        group=GROUP,
        tally=parallel.Tally(),
        stop=parallel.Stop(),
        skip=1,
        fine={"batches": FEWER | {"no list"}, "skip": {"zero"}},
        called=OF_A_BATCH,
    ),
}

# --- session, run, checkpoint, launch ---

STATE = {
    "model": NETWORK.state_dict(),
    "optimizer": SGD.state_dict(),
    "rng": {},
    "epoch": 1,
    "batch": 0,
}

CASES |= {
    "session.Settings": case(
        session.Settings,
        epochs=2,
        batch_size=4,
        lr=0.1,
        momentum=0.5,
        seed=1,
        network="mlp",
        dtype="float32",
        device="cpu",
        data=Path("somewhere"),
        limit=60,
        checkpoint=Path("somewhere"),
        checkpoint_every=10,
        resume=False,
        json=False,
        fine={
            "lr": POSITIVE,
            "momentum": {"zero", "a half"},
            "seed": {"zero"},
            "data": {"None"},
            "limit": {"None"},
            "checkpoint": {"None"},
        },
    ),
    # What it is given can only be settings, and settings are sound.
    "session.run": case(
        session.run, settings=session.Settings(data=Path("nowhere")), other=(ValueError,)
    ),
    # With no words at all it would begin to train.
    "run.main": case(run.main, arguments=["--epochs", "0"], fine={"arguments": {"*"}}),
    # What is in a state dict is PyTorch's own.
    "checkpoint.save": case(
        checkpoint.save,
        file="kept.pt",
        contents=STATE,
        fine={"contents": {"an odd key", "*, within"}},
    ),
    "checkpoint.load": case(checkpoint.load, file="kept.pt", other=(OSError,)),
    "checkpoint.check_writable": case(checkpoint.check_writable, file="kept.pt"),
    "checkpoint.restore": case(
        checkpoint.restore,
        contents=STATE,
        network=NETWORK,
        optimizer=SGD,
        name="the file",
        fine={"contents": {"an odd key", "NaN within, *", "infinity within, *", "with a graph, *"}},
        called={"contents": "the file"},
    ),
    "launch.function": case(
        launched,
        function=zeros,
        argument=1,
        processes=2,
        restarts=1,
        may_fail=True,
        fine={
            "function": {"a function that gives nothing"},
            "argument": {"*"},
            "restarts": {"zero"},
        },
        called={"argument": "arguments"},
    ),
    "launch.module": case(
        launch.module, name="helpers.run", processes=2, restarts=1, fine={"restarts": {"zero"}}
    ),
}

# --- learning, explore, graph ---

GUESS = {"*"}  # A reader may write anything.

CASES |= {
    "learning.check_prediction": case(
        learning.check_prediction,
        guess=3,
        answer=4,
        tolerance=0.5,
        misconceptions={5: "A word."},
        fine={
            "guess": GUESS,
            "answer": REAL
            | {"text", "no text", "True", "NaN", "infinity", "minus infinity", "as text"}
            | {"a tensor of no axes", "huge", "beyond all floats"},
            "tolerance": FROM_ZERO,
            "misconceptions": {"None", "no dict", "text within", "an odd key"},
        },
    ),
    "learning.check_exercise": case(
        learning.check_exercise,
        attempt=abs,
        oracle=abs,
        inputs=[(1,), (-2,)],
        mistakes={"A hint.": gives_nothing},
        tolerance=0.5,
        seconds=5.0,
        fine={
            "attempt": GUESS,
            "oracle": {"a function that gives nothing"},
            "inputs": FEWER,
            "mistakes": {"None", "no dict"},
            "tolerance": FROM_ZERO,
            "seconds": POSITIVE,
        },
        called={"oracle": "oracle"},
    ),
    "explore.slider": case(
        explore.slider,
        draw=lambda setting: figures.Figure(figsize=(1, 1), alt="A square."),
        settings=[1.0, 2.0],
        label="length",
        start=1.0,
        fine={
            "settings": FEWER | {"None within", "text within", "NaN within"},
            # A tensor of one number may be one of the settings.
            "start": {"None", "True", "a tensor of no axes", "a tensor of many axes"},
        },
        called={"settings": "start"},
    ),
    "explore.twin": case(
        explore.twin,
        draw=lambda setting: figures.Figure(figsize=(1, 1), alt="A square."),
        settings=[1.0, 2.0, 3.0],
        label="length",
        fine={"settings": {"an entry more", "None within", "text within", "NaN within"}},
    ),
}


def drawn_graph(output, **options):
    return graph.draw(output, x=LEAF, **options)


LEAF = torch.tensor(2.0, dtype=FLOAT64, requires_grad=True)
OUTPUT = LEAF**2
OPTIONS = {"show": ("value", "shape"), "title": "A title", "legend": True}
AS_OPTIONS = {
    "show": {"no list", "no dict", "an entry less", "an entry more"},
    "title": {"no text"},
    # Computed from the leaf, they have a graph of their own.
    "output": {"an axis more", "complex", "of another precision"},
}


def by_name(function):
    """Take the tensor that a graph function takes without a name by the name of its docstring."""
    return lambda output, **rest: function(output, **rest)


CASES |= {
    "graph.draw": case(
        by_name(graph.draw),
        output=OUTPUT,
        x=LEAF,
        fold=None,
        fine=AS_OPTIONS | {"fold": {"None", "True"}},
        **OPTIONS,
    ),
    "graph.draw_as_in_notes": case(
        by_name(graph.draw_as_in_notes), output=OUTPUT, x=LEAF, fine=AS_OPTIONS, **OPTIONS
    ),
    "graph.plain": case(
        graph.plain, dot=torchviz.make_dot(OUTPUT), title="A title", fine={"title": {"no text"}}
    ),
    "graph.side_by_side": case(
        lambda drawings: graph.side_by_side(drawings),
        drawings=graph.draw(OUTPUT),
        called={"drawings": "a drawing"},
    ),
    "graph.backtrack": case(
        by_name(graph.backtrack),
        output=OUTPUT,
        gradient=torch.tensor(1.0, dtype=FLOAT64),
        x=LEAF,
        fine={
            "output": {"of another precision"},
            "gradient": NOT_FINITE
            | {"None", "with a graph", "a tensor of no axes"}
            | {"of whole numbers", "of truths", "of another precision"},
        },
    ),
    "graph.Walk.picture": case(graph.backtrack(OUTPUT).picture, step=1, legend=True),
}

# --- clinic ---

DRAWN = standin.draw(torch.arange(1_100) % 10, seed=0)
FEW = fashion.Garments(
    *(DRAWN, torch.arange(1_100) % 10) * 2, source=fashion.Source("stand-in", "for a test")
)
CASE = clinic.admit(clinic.HEALTHY, FEW, images=200)

CASES |= {
    "clinic.first_error": case(clinic.first_error, listing="1 / 0", fine={"listing": {"no text"}}),
    "clinic.Scaled": case(
        clinic.Scaled,
        batches=CASE.batches,
        factor=2.0,
        dtype=torch.float32,
        fine={"batches": {"no list", "a list of None", "a list of text"}, "factor": REAL},
    ),
    "clinic.admit": case(
        clinic.admit,
        fault=clinic.HEALTHY,
        garments=FEW,
        seed=1,
        healthy=False,
        images=20,
        fine={"seed": {"zero"}, "images": {"None"}},
    ),
    "clinic.ward": case(
        clinic.ward, number=5, garments=FEW, seed=1, healthy=False, fine={"seed": {"zero"}}
    ),
    "clinic.diagnosis": case(clinic.diagnosis, letter="A"),
    "clinic.symptoms_of": case(
        clinic.symptoms_of,
        letters="AB",
        fine={"letters": {"no text", "no list"}},
        called={"letters": "letter"},
    ),
    "clinic.gradients": case(clinic.gradients, case=CASE),
    "clinic.weight_change": case(clinic.weight_change, case=CASE, updates=1),
    "clinic.outputs": case(clinic.outputs, case=CASE),
    "clinic.in_double": case(clinic.in_double, case=CASE),
    "clinic.with_head": case(
        clinic.with_head,
        case=CASE,
        head=F.log_softmax,
        fine={"head": {"a function that gives nothing"}},
    ),
    "clinic.trained_by_hand": case(clinic.trained_by_hand, case=CASE),
    "clinic.observe": case(clinic.observe, case=CASE, updates=1, fine={"updates": {"None"}}),
    "clinic.accuracy": case(
        clinic.accuracy,
        network=CASE.network,
        batches=list(CASE.test),
        in_batches_of=100,
        fine={"batches": FEWER},
        called=OF_A_BATCH,
    ),
}

# --- figures: those of tests/test_figures.py, with their arguments by name ---


def arguments_of(name: str) -> dict[str, object]:
    """Return what the figure function is called with in `test_figures`, by name."""
    caught = {}
    function = getattr(figures, name)

    def catch(*args, **kwargs):
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        caught.update(bound.arguments)
        return function(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(figures, name, catch)
        drawn.DRAWINGS[name]()
    return caught


LENGTHS_DIFFER = {"a row less, within", "a row more, within"}
# By figure: what is good enough after all.
FINE_IN_FIGURES: dict[str, dict[str, set[str]]] = {
    "change_by_angle": {"gradient_length": FROM_ZERO},
    "five_regimes": {"reach": POSITIVE},
    "descent_report": {"predicted": FROM_ZERO, "measured": FROM_ZERO},
    "damping": {"distances": LENGTHS_DIFFER},
    "rate_map": {"best": {"an odd key*"}, "high": POSITIVE},
    "steps_against_condition": {"slopes": {"its negative, within"}},
    "snapshots": {"at": FEWER, "reach": POSITIVE},
    "noise_ball": {"walks": LENGTHS_DIFFER},
    "garments_by_class": {
        "images": {"a column less"},
        "classes": {"a list of text", "an entry less"},
    },
    "class_probabilities": {
        "image": LESS_OR_MORE | {"a column less"},
        "label": {"zero"},
    },
    "confident_mistakes": {"images": {"a column less"}, "classes": {"an entry more"}},
    "first_layer_weights": {"weights": LESS_OR_MORE},
    "filters_at_work": {"image": LESS_OR_MORE | {"a column less"}, "maps": {"a column less"}},
    "accuracy_against_seconds": {"usual_epoch": POSITIVE},
    # On some tables a solver may find nothing that is a number.
    "silent_failure": {
        name: LENGTHS_DIFFER | {"NaN within, within", "infinity within, within"}
        for name in ("weights_off", "predictions_off")
    },
    "solver_errors": {"errors": {"NaN within, within", "infinity within, within"}},
    "eigenvalues_moved": {"eigenvalues": LESS_OR_MORE, "penalties": FEWER},
    "three_objectives": {"penalty": FROM_ZERO},
    "smoothed_profile": {"smooth": {"None"} | NOT_FINITE},
}
# Names may be any; and a picture shows either precision.
FINE_IN_EACH = {"text within", "of another precision", "of another precision, within"}

FIGURES = [name for name in drawn.DRAWINGS if hasattr(figures, name)]
CASES |= {
    f"figures.{name}": Case(
        getattr(figures, name),
        arguments := arguments_of(name),
        {a: FINE_IN_EACH | FINE_IN_FIGURES.get(name, {}).get(a, set()) for a in arguments},
    )
    for name in FIGURES
}

CHART = clinic.Chart(
    loss=[2.3 - 0.1 * n for n in range(12)],
    correct=list(range(12)),
    samples=[12] * 12,
    gradient=[1.0] * 12,
    arrived=[1.0] * 12,
    moved={"weight": [0.1 * n for n in range(12)]},
    functions=[3] * 12,
    hooks=list(range(12)),
    apart=[0.1] * 12,
    epoch=4,
    in_batches_of={128: 0.8, 8: 0.8, 1: 0.8},
    reported=0.8,
    honest=0.8,
)
SYMPTOM = clinic.symptoms_of("D")["D"]
STILL = figures.Figure(figsize=(1, 1), alt="Two descents on one bowl.")
WHOLE_NUMBERS = {"as a tensor", "of whole numbers"}


def keep(name, guess, answer, **options):
    return learning.Progress().check_prediction(name, guess, answer, **options)


def keep_exercise(name, attempt, oracle, inputs, **options):
    return learning.Progress().check_exercise(name, attempt, oracle, inputs, **options)


CASES |= {
    "figures.Figure": case(figures.Figure, alt="A square."),
    "figures.Figure.png": case(STILL.png, dots_per_inch=50),
    "figures.Figure.html": case(STILL.html, dots_per_inch=50),
    "figures.styled": case(figures.styled, draw=gives_nothing, fine={"draw": {"a function*"}}),
    "figures.Player": case(
        figures.Player, svg="<svg/>", steps=3, seconds=0.5, still=STILL, fine={"seconds": POSITIVE}
    ),
    "figures.race": case(
        figures.race,
        hessian=torch.diag(CURVATURES),
        paths={"short": PATH, "long": descent.run(BOWL, START, lr=0.3, steps=12)},
        title="A race",
        reach=2.0,
        still=STILL,
        seconds=0.5,
        fine={"reach": POSITIVE, "seconds": POSITIVE},
    ),
    "figures.patients": case(figures.patients, charts={"A": CHART}, twins={"A": CHART}),
    "figures.symptoms": case(
        figures.symptoms, signs={"D": SYMPTOM}, charts={"D": CHART}, twins={"D": CHART}
    ),
    "figures.who_shows_what": case(
        figures.who_shows_what,
        signs=[SYMPTOM],
        charts={SYMPTOM.fault: CHART},
        fine={"signs": {"an entry more"}},
    ),
    "figures.in_batches_of": case(figures.in_batches_of, accuracies={"dim=1": {128: 0.8, 1: 0.8}}),
    "figures.accuracy_reported": case(
        figures.accuracy_reported, honest=[0.5, 0.8], reported=[0.5, 0.7]
    ),
    "figures.unequal_parts": case(
        figures.unequal_parts, sizes=[1, 2], plain=[0.5, 0.4], weighted=[0.0, 0.0]
    ),
    "figures.noise_by_batch": case(figures.noise_by_batch, sizes=[16, 64], distances=[0.4, 0.2]),
    "figures.growing_batch": case(
        figures.growing_batch,
        processes=[1, 2],
        final={"fixed": [0.5, 0.6]},
        first={"jump": [2.0, 3.0]},
        # A run may have left the numbers, and any number of its steps may be shown.
        fine={
            "final": {"NaN within, within"},
            "first": {"NaN within, within", "an entry less, within", "an entry more, within"},
        },
    ),
    "figures.speed_up": case(
        figures.speed_up,
        milliseconds={"mlp": {"1 process": 2.0, "2 processes": 1.5}},
        shared=[0.5, 0.9],
        fine={"shared": FEWER},
    ),
    "learning.Progress.check_prediction": case(
        keep,
        name="a question",
        guess=3,
        answer=4,
        tolerance=0.5,
        misconceptions=None,
        fine=CASES["learning.check_prediction"].fine,
    ),
    "learning.Progress.check_exercise": case(
        keep_exercise,
        name="a question",
        attempt=abs,
        oracle=abs,
        inputs=[(1,), (-2,)],
        mistakes=None,
        tolerance=0.5,
        seconds=5.0,
        fine=CASES["learning.check_exercise"].fine,
    ),
}

_RECORD = "a record: it holds what its own room puts into it"
_STEP = "one training step: what it is given, observe() and check() have looked at"
# What takes arguments and is not tried with junk, and why.
WITHOUT_JUNK: dict[str, str] = {
    **dict.fromkeys(
        [
            "__main__.Finding",
            "clinic.Case",
            "clinic.Case.step",
            "clinic.Chart",
            "clinic.Complaint",
            "clinic.Symptom",
            "clinic.Symptom.measure",
            "clinic.Symptom.shown_by",
            "fashion.Garments",
            "graph.Drawing",
            "graph.Edge",
            "graph.Node",
            "graph.PlainDrawing",
            "graph.Step",
            "graph.Step.row",
            "graph.Strip",
            "graph.Walk",
            "launch.Launched",
            "parallel.Stop",
            "parallel.Tally",
            "preflight.Finding",
            "preflight.Report",
            "training.Evaluation",
            "training.History",
        ],
        _RECORD,
    ),
    **dict.fromkeys(
        [
            "clinic.by_the_book",
            "clinic.calling_forward",
            "clinic.clearing_too_early",
            "clinic.never_clearing",
            "clinic.without_step",
        ],
        _STEP,
    ),
    "figures.Figure.set": "matplotlib's own",
    "parallel.PeerLost": "an exception, as any other",
}


def public() -> dict[str, object]:
    """Return every public function, class and method of the helpers that takes arguments."""
    found = {}
    for room in pkgutil.iter_modules(helpers.__path__):
        module = importlib.import_module(f"helpers.{room.name}")
        mine = {
            name: value
            for name, value in vars(module).items()
            if getattr(value, "__module__", None) == module.__name__ and callable(value)
        }
        for name, value in mine.items():
            found[f"{room.name}.{name}"] = value
            if inspect.isclass(value):
                found |= {
                    f"{room.name}.{name}.{method}": function
                    for method, function in vars(value).items()
                    if inspect.isfunction(function)
                }
    return {
        name: value
        for name, value in found.items()
        if not re.search(r"\._", name) and _arguments(value)
    }


def _arguments(value: object) -> list[str]:
    try:
        parameters = inspect.signature(value).parameters
    except ValueError:  # An exception keeps its signature to itself.
        return ["message"]
    return [name for name in parameters if name != "self"]


# Before anything is put in the place of something public.
PUBLIC = public()


def test_everything_public_meets_junk_or_says_why_not():
    # The room of the checks is what all others are tried with.
    names = {name for name in PUBLIC if not name.startswith("checks.")}
    assert names - set(CASES) == set(WITHOUT_JUNK)
    assert set(CASES) <= names
    assert all(WITHOUT_JUNK.values())


@pytest.mark.parametrize("name", CASES)
def test_every_argument_meets_junk(name):
    """The arguments of a case are all that there are, but for those that go to somebody else."""
    given = set(CASES[name].arguments)
    taken = set(_arguments(PUBLIC[name])) - {"args", "kwargs", "names", "named"}
    assert taken <= given | {"arguments"}


@pytest.fixture(autouse=True)
def aside(tmp_path, monkeypatch):
    """Where junk may be written."""
    monkeypatch.chdir(tmp_path)
    set_aside(monkeypatch)


@pytest.mark.parametrize("name", CASES)
def test_junk_is_named_in_one_line(name):
    tried = CASES[name]
    checkpoint.save("kept.pt", STATE)
    with contextlib.suppress(*tried.other):
        tried.call(**tried.arguments)
    complaints = [
        f"{argument}, {junk}: {found}"
        for argument, junk, worse in tried.junk()
        if (found := tried.complaint(argument, junk, worse))
    ]
    assert not complaints, "\n".join(["", *complaints])
