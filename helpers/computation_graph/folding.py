"""Large graphs, folded by module: one box for a module's functions, one for modules alike.

Each function is put into a part, and the links between functions become links between parts.
Parts must not build on each other in a circle, or no arrow would tell what came first.
"""

import functools
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.common.sentences import say
from helpers.computation_graph import boxes, found

# More functions than this do not fit on a page: such a graph is folded by module.
MOST_FUNCTIONS_UNFOLDED = 60
# More boxes than this in a row of modules: those that are alike become one box.
_MOST_MODULE_BOXES = 16


@dataclass(eq=False)  # No two are equal, so they can be members of sets.
class _Segment:
    """Functions of one use of a module, and the segments that it builds on.

    It is `cut` where a tensor with a box of its own lies between it and one of those.
    """

    module: str
    bit: int  # Its own in a set of segments that is held as one number: such are joined quickly.
    behind: int = 0  # The set of those that it builds on, directly or not.
    functions: list[Any] = field(default_factory=list)
    before: set["_Segment"] = field(default_factory=set)
    cut: bool = False


_Parts = list[list[_Segment]]


def folded(graph: found.Graph, show: Sequence[str], title: str, legend: bool) -> boxes.Drawing:
    """Return the drawing that has a box for each module, or for each run of modules alike."""
    segments = _segments(graph)
    alone = [[segment] for segment in segments]
    parts = _runs(segments) if len(segments) > _MOST_MODULE_BOXES else alone

    def node(box: int, name: str) -> boxes.Node:
        if box in graph.tensors:
            return boxes.node(graph, box, name, show)
        part = parts[box]
        count = len(part[0].functions)
        functions = f"{count} function{'s' if count > 1 else ''}"
        if len(part) == 1:
            return boxes.Node(name, part[0].module or "outside modules", "module", (functions,))
        alike = (f"{len(part)} modules alike", f"{functions} each")
        return boxes.Node(name, f"{part[0].module} … {part[-1].module}", "module", alike)

    count = len(graph.functions)
    sentence = say("{count} functions are folded into the modules.", count=count)
    drawn = boxes.of_arrows(_arrows(graph, parts), node, sentence)
    return boxes.Drawing(*drawn, title, legend)


def _arrows(graph: found.Graph, parts: _Parts) -> list[tuple[int, int, str]]:
    """Return the graph's links, each end read as what is shown for it: a tensor or a part."""
    shown: dict[int, int] = {}
    for place, part in enumerate(parts):
        shown |= {id(function): place for segment in part for function in segment.functions}
    for box, tensor in graph.tensors.items():
        # A parameter goes into its module, and so does a leaf without a name.
        if not tensor.is_leaf or "." not in graph.names.get(box, "."):
            shown[box] = box
    for box, function in graph.functions.items():
        if found.is_accumulator(function) and id(function.variable) in shown:
            shown[box] = id(function.variable)
    links = [graph.links[flow] for flow in _flows(graph, parts)]
    ends = [(shown[tail], shown[head]) for tail, head in links if tail in shown and head in shown]
    return list(dict.fromkeys((tail, head, "") for tail, head in ends if tail != head))


def _flows(graph: found.Graph, parts: _Parts) -> Iterator[tuple]:
    """Yield what flows from the outputs back, part by part, as the graph's links name it."""
    for output in graph.outputs:
        yield "out", id(output.grad_fn), output.output_nr
    latest_first = [segment for part in reversed(parts) for segment in reversed(part)]
    for function in (function for segment in latest_first for function in segment.functions):
        for place, source, number in found.inputs(function):
            yield "in", id(function), place
            if (id(source), number) in graph.made:
                yield "out", id(source), number
    for made in graph.made:  # what nothing uses has not been met yet
        yield "out", *made


# --- The division ---


def _segments(graph: found.Graph) -> list[_Segment]:
    """Divide the functions into segments that do not build on each other in a circle.

    A function of a module joins the latest segment of it, one of no module a segment that it
    follows, but not where branches meet, of which none builds on the others. A tensor with a box of
    its own ends the segment that made it.
    """
    modules = _module_of_each(graph)
    waiting = _waiting(graph, modules)
    segments: list[_Segment] = []
    segment_of: dict[int, _Segment] = {}
    of_module: Counter[str] = Counter()  # Sets of segments, too.
    for function in graph.makers_first:
        if found.is_accumulator(function) or id(function) in waiting:
            continue
        sources = [
            (segment_of[id(source)], (id(source), number) in graph.made)
            for _, source, number in found.inputs(function)
            if id(source) in segment_of
        ]
        before = {segment for segment, _ in sources}
        cut = {segment for segment, has_box in sources if has_box}
        # What its inputs were built on would come both before and after them: no folding there.
        barred = _together(segment.bit for segment in cut)
        barred |= _together(segment.behind for segment in before)
        module = modules.get(id(function), "")
        wanted = of_module[module]
        if before and not module:
            wanted = _that_come_last(before)
        if free := wanted & ~barred:
            segment = segments[free.bit_length() - 1]
        else:
            segment = _Segment(module, 1 << len(segments))
            segments.append(segment)
            of_module[module] |= segment.bit
        for one in (*_that_wait_for(function, waiting), function):
            segment_of[id(one)] = segment
            segment.functions.append(one)
        segment.cut |= bool(cut)
        _build_on(before - {segment}, segment, segments)
    return segments


def _waiting(graph: found.Graph, modules: Mapping[int, str]) -> set[int]:
    """Return the functions that prepare a weight for one other of its module, as transposing does.

    They belong to the use of the module that needs them: by themselves they build on nothing.
    """
    users: dict[int, list[Any]] = defaultdict(list)
    for function in graph.makers_first:
        for _, source, _ in found.inputs(function):
            users[id(source)].append(function)
    with_boxes = {maker for maker, _ in graph.made}
    waiting: set[int] = set()
    for function in graph.makers_first:
        sources = [source for _, source, _ in found.inputs(function)]
        module = modules.get(id(function))
        prepares = [s for s in sources if found.is_accumulator(s) or id(s) in waiting]
        is_for_one = [modules.get(id(user)) for user in users[id(function)]] == [module]
        if module and len(sources) == len(prepares) == 1 and is_for_one:
            waiting |= {id(function)} - with_boxes
    return waiting


def _that_wait_for(function: Any, waiting: set[int]) -> list[Any]:
    """Return those that wait for a function, the first one first."""
    ahead = [source for _, source, _ in found.inputs(function) if id(source) in waiting]
    last_first = []
    while ahead:
        last_first.append(ahead.pop())
        ahead += [s for _, s, _ in found.inputs(last_first[-1]) if id(s) in waiting]
    return last_first[::-1]


def _that_come_last(segments: set[_Segment]) -> int:
    """Return the set of those that build on all the others: of two branches, that is neither."""
    everything = _together(segment.bit for segment in segments)
    last = (one.bit for one in segments if not everything & ~(one.behind | one.bit))
    return _together(last)


def _together(sets: Iterable[int]) -> int:
    return functools.reduce(operator.or_, sets, 0)


def _build_on(before: set[_Segment], segment: _Segment, segments: Sequence[_Segment]) -> None:
    """Let a segment build on others, and with it those that build on it."""
    segment.before |= before
    behind = _together(one.bit | one.behind for one in before)
    if behind & ~segment.behind:
        is_new = len(segment.functions) == 1
        for one in [segment] if is_new else segments:
            if one is segment or one.behind & segment.bit:
                one.behind |= behind


def _module_of_each(graph: found.Graph) -> dict[int, str]:
    """Return the module of each function that has one.

    It is that of the parameter nearest before it with nothing else between (a transposed weight,
    say); of two as near, the later module.
    """
    modules = _modules(graph)
    order = list(dict.fromkeys(modules.values()))
    # (Steps from the parameter, minus the module's place): the least of them is the nearest.
    near = {
        id(function): (0, -order.index(modules[id(function.variable)]))
        for function in graph.makers_first
        if found.is_accumulator(function) and id(function.variable) in modules
    }
    module_of = {}
    for function in graph.makers_first:
        sources = [id(source) for _, source, _ in found.inputs(function)]
        if candidates := [near[source] for source in sources if source in near]:
            steps, place = min(candidates)
            module_of[id(function)] = order[-place]
            if len(sources) == 1:
                near[id(function)] = (steps + 1, place)
    return module_of


def _modules(graph: found.Graph) -> Mapping[int, str]:
    """Return the module of each parameter's box: the finest level of names that fits on a page."""
    paths = {
        box: name.split(".")[:-1]
        for box, name in graph.names.items()
        if "." in name and graph.tensors[box].is_leaf
    }
    for level in range(max(map(len, paths.values()), default=1), 0, -1):
        modules = {box: ".".join(path[:level]) for box, path in paths.items()}
        if len(set(modules.values())) <= MOST_FUNCTIONS_UNFOLDED:
            break
    return modules


def _runs(segments: Sequence[_Segment]) -> _Parts:
    """Put segments that are alike and follow each other one by one into runs."""
    followers = Counter(before for segment in segments for before in segment.before)

    def kind(segment: _Segment) -> tuple:
        functions = Counter(map(found.function_name, segment.functions))
        return re.sub(r"\d+", "#", segment.module), functions

    next_of = {}
    for segment in segments:
        if len(segment.before) == 1 and not segment.cut:
            (before,) = segment.before
            if followers[before] == 1 and kind(before) == kind(segment):
                next_of[before] = segment
    joined = set(next_of.values())
    runs = [[segment] for segment in segments if segment not in joined]
    for run in runs:
        while run[-1] in next_of:
            run.append(next_of[run[-1]])
    return runs
