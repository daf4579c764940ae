"""Faults that operators plant in a syntax tree: another sign, another bound, another method."""

import ast
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator


def _both_ways(pairs: str) -> dict[str, str]:
    each = [pair.split("-") for pair in pairs.split()]
    return {old: new for one, two in each for old, new in ((one, two), (two, one))}


_OTHER_OPERATOR = {
    **_both_ways("Add-Sub Mult-Div Lt-LtE Gt-GtE Eq-NotEq Is-IsNot In-NotIn And-Or"),
    **{"FloorDiv": "Mult", "Mod": "FloorDiv", "Pow": "Mult"},
}
_OTHER_METHOD = {
    **_both_ways("all-any amax-amin argmax-argmin cos-sin max-min maximum-minimum mean-sum"),
    **{"eval": "train", "median": "mean", "norm": "sum", "square": "abs", "vector_norm": "sum"},
    **{"startswith": "endswith", "zeros_like": "ones_like"},
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
    match node:
        case ast.JoinedStr() | ast.Raise() | ast.Import() | ast.ImportFrom() | ast.Assert():
            return True
        case ast.AnnAssign(value=None):
            return True
        case ast.keyword(arg=name):
            return name in _COSMETIC
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _SKIPPED_CALLS:
            return True
        case ast.If(test=test):
            return "TYPE_CHECKING" in ast.dump(test)
    annotations = (getattr(parent, "annotation", None), getattr(parent, "returns", None))
    return node in getattr(parent, "decorator_list", ()) or node in annotations


def _changed(node: ast.AST) -> ast.AST | None:
    """Return what a node could be turned into; None if nothing."""

    def copy(**changes) -> ast.AST:
        return type(node)(**{**dict(ast.iter_fields(node)), **changes})

    def other(operator: ast.AST) -> ast.AST:
        return getattr(ast, _OTHER_OPERATOR[type(operator).__name__])()

    match node:
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op):
            known = type(op).__name__ in _OTHER_OPERATOR
            return copy(op=other(op)) if known and not _is_text(node) else None
        case ast.Compare(ops=[op]):
            return copy(ops=[other(op)])
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            return operand
        case ast.keyword(arg="dim", value=ast.Constant(value=int(dim))):
            return copy(value=ast.Constant(1 - abs(dim)))
        case ast.Constant(value=bool(value)):
            return ast.Constant(not value)
        case ast.Attribute(attr=attr) if attr in _OTHER_METHOD:
            return copy(attr=_OTHER_METHOD[attr])
        case ast.Call(func=ast.Name(id="isinstance" | "zip")):
            return None  # changed places there are no mistake that anybody makes, or none at all
        case ast.Call(args=[first, second, *rest]):
            apart = ast.dump(first) != ast.dump(second)
            starred = isinstance(first, ast.Starred) or isinstance(second, ast.Starred)
            return copy(args=[second, first, *rest]) if apart and not starred else None
        case ast.Expr(value=ast.Call()):
            return ast.Pass()
    return None


def _is_text(node: ast.AST) -> bool:
    """Say whether an operator joins or fills in a text."""
    return not isinstance(node, ast.BoolOp) and any(
        isinstance(part, ast.JoinedStr) or isinstance(getattr(part, "value", None), str)
        for part in ast.walk(node)
        if isinstance(part, ast.JoinedStr | ast.Constant)
    )


def _walk(node: ast.AST, place: str = "") -> Iterator[tuple[ast.AST, str]]:
    """Yield each node that may be changed, and the function or the name that it belongs to."""
    for child in ast.iter_child_nodes(node):
        if _skipped(child, node):
            continue
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield from _walk(child, f"{place}.{child.name}".lstrip("."))
            continue
        targets = getattr(child, "targets", [getattr(child, "target", None)])
        assigned = next((target.id for target in targets if isinstance(target, ast.Name)), "")
        yield child, place or assigned
        yield from _walk(child, place or assigned)


def faults(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield (place, what, new source) of each fault that the operators can plant."""
    data = source.encode()  # The columns of a tree are counted in bytes.
    starts = [0, *itertools.accumulate(map(len, data.splitlines(keepends=True)))]
    seen: Counter[str] = Counter()
    for node, place in _walk(ast.parse(source)):
        if (changed := _changed(node)) is None:
            continue
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        new = ast.unparse(ast.fix_missing_locations(changed))
        new = f"({new})" if isinstance(node, ast.expr) else new
        what = f"{_short(data[begin:end].decode())} → {_short(new)}"
        seen[f"{place} {what}"] += 1
        number = seen[f"{place} {what}"]
        yield (
            place,
            what if number == 1 else f"{what} ({number})",
            (data[:begin] + new.encode() + data[end:]).decode(),
        )


def _short(code: str) -> str:
    line = " ".join(code.split())
    if len(line) <= 70:
        return line
    return f"{line[:60]} … {hashlib.sha256(line.encode()).hexdigest()[:6]}"
