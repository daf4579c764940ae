"""Faults that operators plant in a syntax tree: another sign, another bound, another method."""

import ast
import hashlib
from collections.abc import Iterator

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


def faults(source: str, *, constants: bool = False) -> Iterator[tuple[str, str, str]]:
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
