"""What a drawing, a table and a strip look like to the letter, and where each of them ends."""

import re
from pathlib import Path

import pytest
import torch

from computation_graph.examples import Deep, Square, assert_refused, chain, leaf
from helpers.common import page
from helpers.computation_graph import boxes, found, graph, words

EXPECTED = Path(__file__).parent / "expected"


def all_roles():
    x = leaf([1.0, 2.0])
    z = Square.apply(x * 3).view(2, 1)
    return graph.draw(z, show=("value", "gradient"), x=x, title=r"Of \N kinds")


def second_step():
    output, named = chain()
    return graph.backtrack(output, **named).picture(2)


def by_module():
    net = Deep(17)
    named = dict(net.named_parameters())
    return graph.draw(net(torch.ones(3, 2)), show=["shape"], title="Deep", **named)


def as_in_notes():
    x = leaf([1.0, 2.0])
    y = x * torch.ones(3, 2)
    z = y.exp().log_softmax(-1)
    return graph.draw_as_in_notes(z, x=x, y=y, title="Notes", legend=False)


@pytest.mark.parametrize("draw", [all_roles, second_step, by_module, as_in_notes])
def test_a_drawing_is_as_expected_to_the_letter(draw):
    drawing = draw()
    found = f"{drawing.dot}\n{drawing.alt}\n\n{drawing}\n"
    file = EXPECTED / f"{draw.__name__}.dot"
    assert found == file.read_text(encoding="utf-8"), f"if it is meant to be so, change {file}"


def test_a_table_is_as_expected_to_the_letter():
    walk = graph.backtrack(leaf(2.0) * 3)
    rows = [
        ["step", "function", "its inputs", "what it saved"],
        ["1", "MulBackward0", "no name", "other = 3"],
        ["2", "AccumulateGrad", "no name", "nothing"],
    ]
    ends = [
        ["local derivative", "gradient in", "gradient out"],
        ["3", "1", "3 to no name"],
        ["1", "3", "3 to the leaf's grad"],
    ]
    kinds = ["th", "td", "td"]
    lines = [
        "".join(f'<{tag} style="text-align: left">{word}</{tag}>' for word in before + after)
        for tag, before, after in zip(kinds, rows, ends, strict=True)
    ]
    head, *body = (f"<tr>{line}</tr>".replace("'", "&#x27;") for line in lines)
    table = f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody></table>"
    bundle = walk._repr_mimebundle_()
    assert bundle == {"text/html": page.covered(table), "text/plain": repr(walk)}
    # Each column begins where its head does.
    first, *others = repr(walk).splitlines()
    starts = [first.index(word) for word in rows[0] + ends[0]]
    for line, before, after in zip(others, rows[1:], ends[1:], strict=True):
        cells = [line[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]
        assert [cell.rstrip() for cell in cells] == before + after and line == line.rstrip()
    assert (
        first
        == "  ".join(
            word.ljust(max(len(word), *map(len, below)))
            for word, *below in zip(*(a + b for a, b in zip(rows, ends, strict=True)), strict=True)
        ).rstrip()
    )


def test_the_pictures_of_a_strip_have_no_legend_and_a_single_one_has():
    output, named = chain()
    walk = graph.backtrack(output, **named)
    assert [drawing.legend for drawing in walk.strip().drawings] == [False] * 3
    assert walk.picture(1).legend and not walk.picture(1, legend=False).legend
    titles = [drawing.title for drawing in walk.strip().drawings]
    functions = ["ExpBackward0", "PowBackward0", "AccumulateGrad"]
    assert titles == [f"Step {step} of 3: {name}" for step, name in enumerate(functions, start=1)]
    assert [step.function for step in walk[1:]] == functions[1:] and walk[-1] is walk.steps[-1]
    assert walk.strip()._repr_mimebundle_()["text/plain"] == repr(walk.strip())


@pytest.mark.parametrize("draw", [graph.draw, graph.draw_as_in_notes])
def test_a_drawing_has_a_legend_unless_one_says_no(draw):
    output, named = chain()
    assert "cluster_legend" in draw(output, **named).dot
    assert "legend" not in draw(output, legend=False, **named).dot
    folded = graph.draw(output, fold=True, title="T", legend=False, **named)
    assert not folded.legend and folded.title == "T" and str(folded).startswith("T\n")


def test_boxes_say_value_and_shape_unless_one_says_otherwise():
    x = leaf([1.0, 2.0])
    for draw in (graph.draw, graph.draw_as_in_notes):
        for show, lines in {
            None: ("shape 2", "value [1, 2]"),
            ("value",): ("value [1, 2]",),
            ("gradient", "shape"): ("shape 2", "grad None"),
            (): (),
        }.items():
            drawn = draw(x * 2, x=x, **({} if show is None else {"show": show}))
            (box,) = [node for node in drawn.nodes if node.label == "x"]
            assert box.details == lines


def test_what_has_no_name_says_its_shape_in_the_other_drawing_if_asked():
    output = (leaf([1.0, 2.0]) * torch.ones(3, 2)).exp()
    for show, lines in ((("value", "shape"), ("shape 3 × 2",)), (("value",), ())):
        drawn = graph.draw_as_in_notes(output, show=show)
        between = [node for node in drawn.nodes if node.role == "intermediate"]
        assert [(node.label, node.details) for node in between] == [("no name", lines)]
    rows = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], requires_grad=True) * 2
    drawn = graph.draw_as_in_notes(rows.to_padded_tensor(0.0).sum())
    shapes = [node.details for node in drawn.nodes if node.role == "intermediate"]
    assert shapes == [("shape 2 × 3",), ("shape nested",)]


def sines(count):
    output = leaf(1.0)
    for _ in range(count - 1):  # and the accumulator
        output = output.sin()
    return output


def test_60_functions_fit_on_a_page_and_61_do_not():
    assert len(graph.draw_as_in_notes(sines(60)).nodes) == 60
    assert len(graph.backtrack(sines(60)).picture(60).nodes) == 62
    say = "^the graph has 61 functions, too many for "
    draw = r"this picture: use draw, which folds them, or draw a smaller part\Z"
    read = r"a picture of each step: read the table, or draw a smaller part\Z"
    assert_refused(ValueError, say + draw, lambda: graph.draw_as_in_notes(sines(61)))
    assert_refused(ValueError, say + read, lambda: graph.backtrack(sines(61)).picture(1))


def test_one_function_more_than_python_survives_is_too_many(monkeypatch):
    assert found._MOST_FUNCTIONS == 25_000
    monkeypatch.setattr(found, "_MOST_FUNCTIONS", 1_000)
    assert len(found.find(sines(1_000), {}).functions) == 1_000
    more = "^output has more than 1,000 functions behind it, too many to look at: pass that of"
    assert_refused(ValueError, more, lambda: found.find(sines(1_001), {}))


def test_arrows_may_cross_1500_rows_and_no_more(monkeypatch):
    assert boxes._MOST_ROWS_CROSSED == 1500
    # One arrow from row to row, and one past all of them.
    chain = "".join(f"n{k + 1} -> n{k}\n" for k in range(750))
    assert boxes._rows_crossed(f"{chain}n750 -> n0\n") == 1500
    assert boxes._rows_crossed("a -> b\nc -> b\n") == 2
    assert boxes._rows_crossed("a -> b\nb -> c\na -> c\nlegend_a -> legend_b\n") == 5
    drawn = []
    monkeypatch.setattr(boxes, "_rendered", lambda dot: drawn.append(dot) or ("<svg/>", "it"))
    assert boxes.PlainDrawing(f"{chain}n750 -> n0\n", "alt").svg() == "<svg/>"
    more = boxes.PlainDrawing(f"{chain}n750 -> n0\nn1 -> n0\n", "alt")
    assert_refused(ValueError, "its arrows cross 1,501 rows of boxes", more.svg)
    assert len(drawn) == 1


# --- Words ---


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (2.0, "2"),
        (-0.0, "0"),
        (0.123456, "0.1235"),
        (123456.0, "1.235e+05"),
        (123456, "123456"),
        (True, "True"),
        (1 / 3 - 2j, "0.3333-2j"),
        ([[1.0, -0.0], [2.5, 3.0]], "[[1, 0], [2.5, 3]]"),
        ([], "[]"),
    ],
)
def test_numbers_have_four_digits(values, said):
    assert words.numbers(values) == said


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (None, "none"),
        (torch.arange(6.0), "[0, 1, 2, 3, 4, 5]"),
        (torch.arange(7.0), "(7)"),
        (torch.ones(2, 4), "(2 × 4)"),
        (torch.ones(1, 1), "[[1]]"),
        (torch.ones(2, device="meta"), "(2)"),
        (torch.ones((), device="meta"), "(scalar)"),
        (torch.eye(2).to_sparse(), "[[1, 0], [0, 1]]"),
    ],
)
def test_a_small_tensor_is_told_by_its_numbers_and_a_large_one_by_its_shape(tensor, said):
    assert words.short(tensor) == said


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_a_quantised_tensor_has_numbers_too():
    assert words.short(torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8)) == "[1, 1]"


def test_what_lacks_memory_is_known_to_the_byte():
    for dtype in (torch.float32, torch.float64, torch.int8):
        whole = torch.ones(4, 3, dtype=dtype)
        size = whole.element_size()
        part = whole[1:, ::2]  # Its last entry is the last of all.
        assert words.bytes_lacking(whole) == words.bytes_lacking(part) == 0
        views = part[:, 1], part[:, 0], whole[2:3], whole[4:]
        whole.untyped_storage().resize_(11 * size)
        assert words.bytes_lacking(whole) == words.bytes_lacking(part) == size
        assert list(map(words.bytes_lacking, views)) == [size, 0, 0, 0]
        shown = ["(3)", "[1, 1, 1]", "[[1, 1, 1]]", "[]"]
        assert [words.short(view) for view in views] == shown


class Mine(RuntimeError):
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("It went wrong. So it did."), "It went wrong"),
        (RuntimeError("  It went wrong:\nhere"), "It went wrong"),
        (Mine("It went wrong Hint: look."), "It went wrong"),
        (ValueError("1.5 is off."), "ValueError 1.5 is off"),
        (KeyError("x"), "KeyError 'x'"),
        (RuntimeError(), "no reason given"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_error_is_told_by_its_first_sentence(error, said):
    assert words.first_sentence(error) == said


def test_a_list_of_words_ends_with_how_many_more_there_are():
    assert words.listing("ab") == "a and b"
    assert words.listing("abcd") == "a, b, c and d"
    assert words.listing("abcde") == "a, b, c, d and 1 more"
    assert words.listing("abcdef", most=2) == "a, b and 4 more"


def test_an_alt_text_is_cut_at_300_signs():
    assert words.cut("a\nb") == "a b"
    assert words.cut("x" * 300) == "x" * 300
    assert words.cut("x" * 301) == "x" * 299 + "…"


@pytest.mark.filterwarnings("ignore:distutils Version classes:DeprecationWarning")
def test_of_torchvizs_boxes_eight_are_told():
    import torchviz

    dots = torchviz.make_dot(sines(10))
    told = re.findall("SinBackward0", graph.plain(dots).alt)
    # The first is the output, which torchviz gives no name.
    assert len(told) == 7 and graph.plain(dots).alt.endswith(" and 4 more.")
