"""Plants one fault at a time and tells which the tests catch: `python tests/mutants.py`.

Faults in the helpers come from their syntax trees, chosen by a seed, and from a list made by hand
(`faults_by_hand.py`), which also holds the faults in notebooks. Each is planted in a copy of the
tree and meets the tests that can see it: the helper's own test files, those that mention it first;
then nbval on the cells of notebooks that use it. A fault counts as caught if a test fails that
passes without the fault. A process that has torch loaded is forked for each, which saves most of
the time. Of the well-kept tools, mutmut and cosmic-ray know no notebooks, and run a whole command
in a fresh process for each fault.

Needs a system with `os.fork` (Linux, macOS). Exit code 1 if fewer than 95 % are caught.
"""

import argparse
import ast
import gc
import hashlib
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from tools import faults_by_hand  # noqa: E402  It lies beside this file.

LEAST_CAUGHT = 0.95
# In processor seconds, so that a busy machine turns no slow test into a caught fault: for a test,
# and for all the cells of a notebook. What ran out of them must pass without the fault in a third.
TEST_SECONDS = 45
CELLS_SECONDS = 450
WALL_SECONDS = 900
# At most this many notebooks are asked about a fault in a helper that its own tests let pass.
NOTEBOOKS_TO_ASK = 2

# How many faults of each helper, and the test files that can see them, the cheapest first.
HELPERS = {
    "__main__": (6, ("test_first_aid",)),
    "checkpoint": (7, ("test_checkpoint", "test_run")),
    "checks": (8, ("test_checks",)),
    "clinic": (12, ("test_clinic",)),
    "descent": (13, ("test_descent",)),
    "explore": (5, ("test_explore",)),
    "fashion": (12, ("test_fashion", "test_race")),
    "figures": (26, ("test_figures",)),
    "graph": (20, ("test_graph",)),
    "launch": (4, ("test_run",)),
    "learning": (13, ("test_learning",)),
    "least_squares": (12, ("test_least_squares",)),
    "parallel": (7, ("test_run",)),
    "preflight": (13, ("test_preflight",)),
    "run": (5, ("test_run",)),
    "session": (8, ("test_run",)),
    "standin": (8, ("test_standin",)),
    "training": (13, ("test_training",)),
}
# They try every public function of every helper.
FOR_ALL = ("test_junk", "test_properties")
NOTEBOOK_CELLS = 4  # faults from the syntax trees of each notebook's cells


@dataclass(frozen=True)
class Fault:
    """One fault: what is changed where, and where it can be seen."""

    path: str
    place: str  # a function in a helper, a cell in a notebook
    what: str
    plant: Callable[[bytes], bytes] = field(repr=False, compare=False)
    names: tuple[str, ...] = ()  # the functions of a helper, or cells of a notebook, it touches

    @property
    def key(self) -> str:
        """What it is called in lists of faults, whatever line it stands in."""
        return f"{self.path} · {self.place} · {self.what}"


# --- Faults from a syntax tree ---

_OTHER_OPERATOR = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
_OTHER_METHOD = {
    "all": "any",
    "any": "all",
    "amax": "amin",
    "amin": "amax",
    "argmax": "argmin",
    "argmin": "argmax",
    "cos": "sin",
    "sin": "cos",
    "eval": "train",
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "mean": "sum",
    "median": "mean",
    "norm": "sum",
    "square": "abs",
    "startswith": "endswith",
    "sum": "mean",
    "vector_norm": "sum",
    "zeros_like": "ones_like",
}
# What only a taste or a clock would notice, and `strict`, which guards what cannot happen.
_COSMETIC = set(
    "alpha bbox bbox_to_anchor c cmap color colors columnspacing dpi dynamic_ncols edgecolor "
    "edgecolors facecolor figsize fontsize fontweight format_ft ha handlelength height_ratios "
    "hspace labelpad layout leave left length levels linestyle linewidth linewidths loc lw marker "
    "markersize markevery ms ncol ncols ndivs numpoints pad rasterized rotation s shrink size "
    "stacklevel strict va weight width width_ratios wspace xy xytext y zorder mininterval "
    "desc capsize axes_pad radius step where borderpad handletextpad labelspacing smoothing "
    "shade computed_zorder".split()
)
_SKIPPED_CALLS = {"warn", "simplefilter", "catch_warnings", "set_axis_off", "TypeVar", "namedtuple"}


def _skipped(node: ast.AST, parent: ast.AST) -> bool:
    """Say whether nothing under this node is to be changed."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom | ast.Assert):
        return True
    if isinstance(node, ast.AnnAssign) and node.value is None:
        return True
    if isinstance(node, ast.keyword) and node.arg in _COSMETIC:
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        return True
    called = getattr(node, "func", None)
    if getattr(called, "attr", getattr(called, "id", None)) in _SKIPPED_CALLS:
        return True
    return node in getattr(parent, "decorator_list", ()) or node in (
        getattr(parent, "annotation", None),
        getattr(parent, "returns", None),
    )


def _children(node: ast.AST) -> Iterator[ast.AST]:
    return (child for child in ast.iter_child_nodes(node) if not _skipped(child, node))


def _changes(node: ast.AST, constants: bool) -> Iterator[ast.AST | str]:
    """Yield what this node could be turned into."""

    def copy(**changes) -> ast.AST:
        return type(node)(**{**{name: getattr(node, name) for name in node._fields}, **changes})

    match node:
        case ast.BinOp(op=op) if type(op) in _OTHER_OPERATOR and not _is_text(node):
            yield copy(op=_OTHER_OPERATOR[type(op)]())
        case ast.AugAssign(op=op) if type(op) in _OTHER_OPERATOR and not _is_text(node):
            yield copy(op=_OTHER_OPERATOR[type(op)]())
        case ast.BoolOp(op=op):
            yield copy(op=_OTHER_OPERATOR[type(op)]())
        case ast.Compare(ops=[op]):
            yield copy(ops=[_OTHER_OPERATOR[type(op)]()])
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand
        case ast.keyword(arg="dim", value=ast.Constant(value=int(dim))):
            yield copy(value=ast.Constant(1 - abs(dim)))
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)) if constants:
            yield ast.Constant(value + 1)
        case ast.Constant(value=float(value)) if constants:
            yield ast.Constant(round(value * 1.5, 12) or 1.0)
        case ast.Attribute(attr=attr) if attr in _OTHER_METHOD:
            yield copy(attr=_OTHER_METHOD[attr])
        case ast.Call(func=ast.Name(id="isinstance" | "zip")):
            return  # changed places there are no mistake that anybody makes, or none at all
        case ast.Call(args=[first, second, *rest]) if not isinstance(first, ast.Starred):
            if not isinstance(second, ast.Starred) and ast.dump(first) != ast.dump(second):
                yield copy(args=[second, first, *rest])
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()


def _is_text(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.JoinedStr) or isinstance(getattr(part, "value", None), str)
        for part in ast.walk(node)
        if isinstance(part, ast.JoinedStr | ast.Constant)
    )


def _tree_faults(source: str, *, constants: bool) -> Iterator[tuple[str, str, str]]:
    """Yield (place, what, new source) of each fault that the operators can plant."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def walk(node: ast.AST, place: str) -> Iterator[tuple[ast.AST, str]]:
        for child in _children(node):
            name = getattr(child, "name", None)
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield from walk(child, f"{place}.{name}" if place else name)
                continue
            yield child, place or _assigned(child)
            yield from walk(child, place or _assigned(child))

    seen: dict[str, int] = {}
    for node, place in walk(ast.parse(source), ""):
        for changed in _changes(node, constants):
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            old = source.encode()[begin:end].decode()
            new = ast.unparse(ast.fix_missing_locations(changed))
            if isinstance(node, ast.expr):
                new = f"({new})"
            what = f"{_short(old)} → {_short(new)}"
            number = seen[f"{place} {what}"] = seen.get(f"{place} {what}", 0) + 1
            data = source.encode()
            yield (
                place,
                what if number == 1 else f"{what} ({number})",
                (data[:begin] + new.encode() + data[end:]).decode(),
            )


def _assigned(node: ast.AST) -> str:
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return next((target.id for target in targets if isinstance(target, ast.Name)), "")


def _short(code: str) -> str:
    line = " ".join(code.split())
    if len(line) <= 70:
        return line
    return f"{line[:60]} … {hashlib.sha256(line.encode()).hexdigest()[:6]}"


def _some(faults: list[Fault], count: int, seed: int) -> list[Fault]:
    """Choose faults in as many functions, of as many kinds, as there are.

    Each fault has its own place in the order, so that one more or one less moves no other.
    """
    faults = sorted(faults, key=lambda f: hashlib.sha256(f"{seed} {f.key}".encode()).digest())
    chosen: list[Fault] = []
    used: dict[str, int] = {}
    while faults and len(chosen) < count:
        best = min(faults, key=lambda fault: used.get(fault.place, 0))
        faults.remove(best)
        used[best.place] = used.get(best.place, 0) + 1
        chosen.append(best)
    return chosen


# --- Faults in notebooks ---


def _cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def in_notebook(change: Callable[[nbformat.NotebookNode], object]) -> Callable[[bytes], bytes]:
    """Turn a change of a notebook into a change of its file."""

    def plant(data: bytes) -> bytes:
        notebook = nbformat.reads(data.decode(), as_version=4)
        change(notebook)
        return nbformat.writes(notebook).encode()

    return plant


def _is_run_code(cell: nbformat.NotebookNode) -> bool:
    """Say whether nbval sees what the cell does: checks show a reader's answers, not their own."""
    hidden = "check_exercise" in cell.id or "exercise" in cell.id or "check_" in cell.source
    ignored = {"exercise", "prediction", "raises-exception", "nbval-ignore-output"}
    return not hidden and not ignored & set(cell.metadata.get("tags", ()))


def _notebook_faults(path: Path) -> Iterator[Fault]:
    notebook = nbformat.read(path, as_version=4)
    for cell in _cells(notebook):
        if not _is_run_code(cell) or not _is_seen(notebook, cell.id):
            continue
        for _, what, source in _tree_faults(cell.source, constants=True):

            def change(notebook, cell=cell.id, source=source) -> None:
                next(c for c in notebook.cells if c.id == cell).source = source

            yield Fault(f"notebooks/{path.name}", cell.id, what, in_notebook(change), (cell.id,))


def _is_seen(notebook: nbformat.NotebookNode, cell_id: str) -> bool:
    """Say whether the cell, or one that uses what it makes, puts out something."""
    seen = _with_what_uses_them(notebook, {cell_id}, far=False)
    return any(cell.id in seen and cell.outputs for cell in _cells(notebook))


@cache
def _uses_and_makes(source: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return the names that a cell reads, binds, and may change in place."""
    tree = ast.parse(source)
    reads, changes = set(), set()
    binds = set(_bound(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            reads.add(node.id)
        elif isinstance(node, ast.Call):
            inside = ast.unparse(node.func)
            if not re.match(r"print|figures\.|explore\.|graph\.|progress\.|len|float|int", inside):
                changes |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            changes |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            changes.add(node.target.id)
            reads.add(node.target.id)
    return frozenset(reads), frozenset(binds), frozenset(changes)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a piece of code binds, without those that live in its functions."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias():
                yield (child.asname or child.name).split(".")[0]
            case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp():
                pass
            case ast.GeneratorExp():
                pass
            case _:
                yield from _bound(child)


_EVERYWHERE = re.compile(r"set_num_threads|set_default_dtype|manual_seed\(")


def cells_to_run(
    notebook: nbformat.NotebookNode, wanted: set[str], *, onwards: bool = True
) -> set[str]:
    """Return the ids of the cells it takes to see what the wanted ones do.

    These are the cells that make what they use and, if `onwards`, those that use what they make;
    in doubt, one too many.
    """
    cells = [cell for cell in _cells(notebook) if cell.source.strip()]
    facts = {cell.id: _uses_and_makes(cell.source) for cell in cells}
    modules = facts[cells[0].id][1]
    chosen = _with_what_uses_them(notebook, wanted, far=True) if onwards else set(wanted)
    needed: set[str] = set()
    for cell in reversed(cells):
        reads, binds, changes = facts[cell.id]
        makes = binds & needed
        touches = (changes & needed) - modules - {"progress"}
        if cell.id in chosen or makes or touches or _EVERYWHERE.search(cell.source):
            chosen.add(cell.id)
            needed |= reads
    return chosen | {cells[0].id}


def _with_what_uses_them(
    notebook: nbformat.NotebookNode, wanted: set[str], *, far: bool
) -> set[str]:
    """Return the wanted cells and those that use what they make and, if `far`, so on from there."""
    cells = [cell for cell in _cells(notebook) if cell.source.strip()]
    modules = _uses_and_makes(cells[0].source)[1]
    chosen = set(wanted)
    tainted: set[str] = set()
    for cell in cells:
        reads, binds, _ = _uses_and_makes(cell.source)
        if cell.id in chosen:
            tainted |= binds - modules
        elif reads & tainted and "progress.check_" not in cell.source:
            chosen.add(cell.id)
            tainted |= binds - modules if far else set()
        else:
            tainted -= binds  # it holds something else from here on
    return chosen


def _slice(data: bytes, chosen: set[str]) -> bytes:
    notebook = nbformat.reads(data.decode(), as_version=4)
    # The text stays: it says how much memory the notebook may take.
    notebook.cells = [c for c in notebook.cells if c.cell_type != "code" or c.id in chosen]
    return nbformat.writes(notebook).encode()


# --- Which faults ---


def all_faults(seed: int) -> list[Fault]:
    """Return the faults of a seed, without those that change nothing."""
    faults = []
    for helper, (count, _) in HELPERS.items():
        path = f"helpers/{helper}.py"
        source = (ROOT / path).read_text(encoding="utf-8")
        found = [
            Fault(path, place, what, lambda _, new=new: new.encode(), (place,))
            for place, what, new in _tree_faults(source, constants=helper != "figures")
            if f"{path} · {place} · {what}" not in faults_by_hand.EQUIVALENT
        ]
        faults += _some(found, count, seed)
    for path, place, old, new in faults_by_hand.IN_HELPERS:
        faults.append(
            Fault(path, place, f"{_short(old)} → {_short(new)}", _replace(old, new), (place,))
        )
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        found = [
            fault for fault in _notebook_faults(path) if fault.key not in faults_by_hand.EQUIVALENT
        ]
        faults += _some(found, NOTEBOOK_CELLS, seed)
        for place, what, change in faults_by_hand.in_notebook(path):
            faults.append(
                Fault(f"notebooks/{path.name}", place, what, in_notebook(change), (place,))
            )
    return faults


def _replace(old: str, new: str) -> Callable[[bytes], bytes]:
    def plant(data: bytes) -> bytes:
        if data.decode().count(old) != 1:
            raise ValueError(f"{old!r} stands there {data.decode().count(old)} times, not once")
        return data.decode().replace(old, new).encode()

    return plant


# --- Which tests ---


@dataclass(frozen=True)
class Stage:
    """One call of pytest: what it is given, and the notebooks it finds cut short."""

    arguments: tuple[str, ...]
    names: tuple[tuple[str, ...], ...] = ()  # tests that mention the first of them come first
    only_named: bool = False  # and those that mention none are not asked
    cut: tuple[tuple[str, frozenset[str]], ...] = ()


def stages(fault: Fault, quick: bool) -> list[Stage]:
    """Return the calls of pytest that could see a fault, the cheapest first."""
    path = ROOT / fault.path
    if path.suffix == ".ipynb":
        rules = Stage((f"tests/test_notebooks.py::test_notebook_keeps_the_rules[{path.stem}]",))
        notebook = nbformat.read(path, as_version=4)
        chosen = cells_to_run(notebook, set(fault.names))
        return [rules, _run_cells(fault.path, chosen)]
    names = callers(path, fault.names[0])
    own = [Stage((f"tests/{file}.py",), names) for file in HELPERS[path.stem][1]]
    # What they ask of other functions tells nothing of this one, unless it serves them all.
    others = [
        Stage((f"tests/{file}.py",), names, only_named=path.stem != "checks")
        for file in FOR_ALL
        if (ROOT / "tests" / f"{file}.py").exists()
    ]
    found = own + others
    return found if quick else found + _notebook_stages(path.stem, names)


def _run_cells(path: str, chosen: set[str]) -> Stage:
    return Stage(("--nbval", "--nbval-current-env", path), cut=((path, frozenset(chosen)),))


@cache
def callers(path: Path, place: str) -> tuple[tuple[str, ...], ...]:
    """Return names in a file by how many calls they are away from a function, itself first."""
    uses: dict[str, set[str]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        name = getattr(node, "name", "") or _assigned(node)
        if name:
            words = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            words |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
            uses[name] = words
    parts = [part for part in place.split(".") if not part.startswith("__")]
    level, found, seen = {place.split(".")[0]}, [tuple(parts)] if parts else [], set()
    while level - seen:
        seen |= level
        found.append(tuple(sorted(level)))
        level = {name for name, words in uses.items() if words & level} - seen
    return tuple(found)


@cache
def _notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def _notebook_stages(helper: str, names: tuple[tuple[str, ...], ...]) -> list[Stage]:
    """Return nbval on the cells that call the function, or one that leads to it."""
    public = [name for level in names for name in level if not name.startswith("_")]
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = _notebook(path)
        for name in public:
            using = [
                c.id for c in _cells(notebook) if re.search(rf"\b{helper}\.{name}\b", c.source)
            ]
            if using:
                # Functions are called by cells that call what these cells define.
                chosen = cells_to_run(notebook, set(using[:3]), onwards=False)
                later = cells_to_run(notebook, set(using[:1]))
                outputs = any(c.outputs for c in _cells(notebook) if c.id in using[:3])
                chosen = chosen if outputs else chosen | later
                found.append((public.index(name), len(chosen), path.name, chosen))
                break
    return [
        _run_cells(f"notebooks/{name}", chosen)
        for _, _, name, chosen in sorted(found, key=lambda entry: entry[:3])[:NOTEBOOKS_TO_ASK]
    ]


# --- Running them ---


class Watcher:
    """A pytest plugin: the likeliest test first, and each word of it passed on."""

    def __init__(
        self,
        stage: Stage,
        tell: Callable[..., None],
        durations: dict[str, float],
        share: float,
    ):
        self.stage, self.tell, self.durations, self.share = stage, tell, durations, share

    def pytest_collection_modifyitems(self, items) -> None:
        """Order the tests by who mentions the function, then by the time they took."""
        if not self.stage.names:
            return

        def rank(item) -> int:
            import inspect

            code = getattr(item, "function", None)
            text = item.name + (inspect.getsource(code) if code else "")
            ranks = (
                rank
                for rank, names in enumerate(self.stage.names)
                if any(re.search(rf"(?<![A-Za-z0-9]){re.escape(n)}\b", text) for n in names)
            )
            return next(ranks, 99)

        if self.stage.only_named:
            items[:] = [item for item in items if rank(item) < 99]
        items.sort(key=lambda item: (rank(item), self.durations.get(item.nodeid, 0.5)))

    def pytest_collectreport(self, report) -> None:
        """Tell of a file that could not be read."""
        if report.failed:
            self.tell(failed=report.nodeid)

    def pytest_runtest_logstart(self, nodeid) -> None:
        """Tell which test begins: it is the one that hangs, if one does."""
        self.tell(began=nodeid)
        if "--nbval" not in self.stage.arguments:
            _limit_processor(self.share * TEST_SECONDS)

    def pytest_runtest_logreport(self, report) -> None:
        """Tell how a test ended."""
        if report.failed:
            self.tell(failed=report.nodeid)
        elif report.when == "call":
            self.tell(passed=report.nodeid, seconds=report.duration)


@dataclass
class Running:
    """A forked process with one fault planted."""

    process: int
    slot: Path
    words: Path
    fault: Fault | None
    stage: Stage
    began: float


class Ground:
    """Copies of the tree to plant faults in, and processes that have torch loaded."""

    def __init__(self, folder: Path, jobs: int):
        self.durations: dict[str, float] = {}
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        self.free = []
        for number in range(jobs):
            slot = folder / f"tree-{number}"
            for name in filter(None, listed):
                if (ROOT / name).is_file():
                    (slot / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / name, slot / name)
            subprocess.run(["git", "init", "--quiet", str(slot)], check=True)
            self.free.append(slot)
        self.runs = 0

    def start(self, fault: Fault | None, stage: Stage, slot: Path, share: float) -> Running:
        """Plant a fault in a free copy and run one stage on it."""
        self.runs += 1
        words = self.folder / f"words-{self.runs}"
        if fault is not None:
            (slot / fault.path).write_bytes(fault.plant((ROOT / fault.path).read_bytes()))
        for path, chosen in stage.cut:
            (slot / path).write_bytes(_slice((slot / path).read_bytes(), chosen))
        process = os.fork()
        if process == 0:
            self._run(stage, slot, words, share)
        return Running(process, slot, words, fault, stage, time.monotonic())

    def _run(self, stage: Stage, slot: Path, words: Path, share: float) -> None:
        """Run pytest in this process, and end it."""
        code = 70
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _limit_processor(share * CELLS_SECONDS)
            log = os.open(words.with_suffix(".log"), os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(slot)
            os.environ["PYTHONPATH"] = str(slot)
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
            # The environment may lie within the tree, too, and is to stay.
            own = {"", str(ROOT), str(ROOT / "tests")}
            sys.path[:] = [str(slot), *(path for path in sys.path if path not in own)]
            import pytest

            with open(words, "w", encoding="utf-8") as file:

                def tell(**word) -> None:
                    file.write(json.dumps(word) + "\n")
                    file.flush()

                arguments = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]
                arguments += ["-o", "addopts=", "--nbval-cell-timeout=300", f"--rootdir={slot}"]
                plugin = Watcher(stage, tell, self.durations, share)
                code = pytest.main([*arguments, *stage.arguments], plugins=[plugin])
        finally:
            sys.stdout.flush()
            os._exit(int(code))

    def end(self, running: Running) -> tuple[str, str] | None:
        """Return (how it ended, where) once it has: passed, failed, or ran out of time."""
        process, status = os.waitpid(running.process, os.WNOHANG)
        late = process == 0 and time.monotonic() - running.began > WALL_SECONDS
        if process == 0 and not late:
            return None
        _kill_group(running.process)  # kernels and workers that stayed behind
        if late:
            os.waitpid(running.process, 0)
        self._restore(running)
        text = running.words.read_text(encoding="utf-8") if running.words.exists() else ""
        words = [json.loads(line) for line in text.splitlines()]
        for word in words:
            if "passed" in word:
                self.durations[word["passed"]] = word["seconds"]
        failed = next((word["failed"] for word in words if "failed" in word), None)
        if failed is not None:
            return "failed", failed
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 5) and not late:
            return "passed", ""
        began = [word["began"] for word in words if "began" in word]
        return "ended early", began[-1] if began else running.stage.arguments[-1]

    def _restore(self, running: Running) -> None:
        touched = {path for path, _ in running.stage.cut}
        touched |= {running.fault.path} if running.fault else set()
        for path in touched:
            shutil.copy(ROOT / path, running.slot / path)


def _kill_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


class Hunt:
    """Takes faults through their stages, several at a time, and keeps what became of them."""

    def __init__(
        self, faults: list[Fault], ground: Ground, report: Callable[[str], None], quick: bool
    ):
        self.ground, self.report, self.quick = ground, report, quick
        self.waiting = [self._follow(fault) for fault in reversed(faults)]
        self.sound: dict[tuple, bool] = {}
        self.caught: dict[str, str] = {}
        self.survived: dict[str, str] = {}
        self.count = len(faults)

    def _follow(self, fault: Fault):
        """Ask stage after stage; a generator of (fault, stage, share) that is sent the ends."""
        began = time.monotonic()
        note = "no test failed"
        for stage in stages(fault, self.quick):
            how, where = yield fault, stage, 1
            if how == "passed":
                continue
            if "--nbval" in stage.arguments:
                alone = stage
            elif "::" in where or "test_" in where:
                alone = Stage((where,))
            else:
                alone = stage
            share = 1 / 3 if how == "ended early" else 1
            if (alone, share) not in self.sound:
                ended, _ = yield None, alone, share
                self.sound[alone, share] = ended == "passed"
            if self.sound[alone, share]:
                self._note(fault, self.caught, f"{where}, {how}", began)
                return
            note = f"{where} fails without the fault as well"
        self._note(fault, self.survived, note, began)

    def _note(self, fault: Fault, where: dict[str, str], how: str, began: float) -> None:
        where[fault.key] = how
        done = len(self.caught) + len(self.survived)
        word = "caught  " if where is self.caught else "SURVIVED"
        seconds = time.monotonic() - began
        self.report(f"{done:3}/{self.count} {word} {fault.key}   [{how}; {seconds:.0f} s]")

    def run(self) -> None:
        """Run until every fault is caught or has survived."""
        active: list[tuple[object, Running]] = []
        try:
            while self.waiting or active:
                while self.waiting and self.ground.free:
                    self._advance(self.waiting.pop(), None, active)
                time.sleep(0.02)
                for entry in list(active):
                    follower, running = entry
                    if (end := self.ground.end(running)) is not None:
                        active.remove(entry)
                        self.ground.free.append(running.slot)
                        self._advance(follower, end, active)
        finally:  # Also where somebody stops the hunt.
            for _, running in active:
                _kill_group(running.process)

    def _advance(self, follower, end, active: list) -> None:
        try:
            fault, stage, share = follower.send(end)
        except StopIteration:
            return
        slot = self.ground.free.pop()
        active.append((follower, self.ground.start(fault, stage, slot, share)))


def _limit_processor(seconds: float) -> None:
    """Let this process compute so much longer, and each that it starts so long in all."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used + seconds), most))


def _warm_up() -> None:
    """Load what every test file loads, but nothing of this project."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import matplotlib

    matplotlib.use("Agg")
    for name in (
        "IPython.display", "matplotlib.pyplot", "nbclient", "nbval.plugin", "pytest",
        "torch", "torch.func", "torch.distributed", "torchvision.datasets",
        "torchviz", "tqdm.auto", "ipywidgets",
    ):  # fmt: skip
        __import__(name)
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.func.hessian(torch.sum)(torch.ones(1))  # the first of a process loads much of torch
    # What lives now lives on: pytest collects garbage several times over, in each process.
    gc.collect()
    gc.freeze()


def main() -> int:
    """Plant, run, and say what was caught."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--sample", type=int, metavar="N", help="plant only N of the faults")
    parser.add_argument("--seed", type=int, default=0, help="chooses the faults; 0 by default")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only those with one of these in their names"
    )
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    parser.add_argument(
        "--quick", action="store_true", help="ask no notebook about a fault in a helper"
    )
    parser.add_argument("--list", action="store_true", help="only list what would be planted")
    options = parser.parse_args()
    if not hasattr(os, "fork"):
        parser.error("this system cannot fork: run it on Linux or macOS")

    found = all_faults(options.seed)
    named = {fault.key: fault for part in options.only for fault in found if part in fault.key}
    faults = list(named.values())
    if options.sample:
        faults = random.Random(options.seed).sample(faults, min(options.sample, len(faults)))
    if options.list:
        print("\n".join(fault.key for fault in faults))
        return 0
    _warm_up()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stream = sys.stderr
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), options.jobs)
        hunt = Hunt(faults, ground, lambda s: print(s, file=stream, flush=True), options.quick)
        hunt.run()
    gc.unfreeze()  # Some libraries complain of what is left when they are unloaded.
    survivors = [
        {"fault": key, "why": faults_by_hand.SURVIVORS.get(key, "not known"), "seen": seen}
        for key, seen in hunt.survived.items()
    ]
    result = {"planted": len(faults), "caught": len(hunt.caught), "survivors": survivors}
    share = len(hunt.caught) / max(1, len(faults))
    if options.json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print(f"planted {len(faults)}, caught {len(hunt.caught)} ({share:.1%})")
        for survivor in survivors:
            print(f"survived: {survivor['fault']}\n    {survivor['why']}")
    return 0 if share >= LEAST_CAUGHT else 1


if __name__ == "__main__":
    sys.exit(main())
