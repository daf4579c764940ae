"""The Chinese edition says what the English one says today, with its code and its results."""

import copy
from dataclasses import replace

import pytest
from nbformat.v4 import new_code_cell

from chinese import catalogue, edition, style
from chinese.exceptions import FREE
from every_notebook import pictures, rules
from every_notebook.series import NOTEBOOKS

EACH = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def both(path):
    """Return a notebook in English and in Chinese, as they are stored."""
    return edition.read(path), edition.read(edition.FOLDER / path.name)


@EACH
def test_the_chinese_is_that_of_todays_english(path):
    complaints = edition.drift(path.stem, edition.read(path), edition.chinese_of(path))
    assert not complaints, "\n\n".join(complaints)


def test_every_sentence_of_the_helpers_has_chinese():
    assert not (complaints := catalogue.drift()), "\n".join(complaints)


def test_the_compiled_catalogue_is_that_of_the_text():
    _, compiled = catalogue.files_of(catalogue.read())
    again = "run python tests/tools/translate.py outline"
    assert catalogue.MO.read_bytes() == compiled, again


@EACH
def test_the_stored_notebook_is_made_of_the_english_one_and_its_chinese(path):
    english, chinese = both(path)
    made = edition.made_of(english, edition.chinese_of(path))
    again = f"run python tests/tools/translate.py build {path.stem[:2]}"
    for want, cell in zip(made.cells, chinese.cells, strict=True):
        assert (want.id, want.source) == (cell.id, cell.source), again
        assert want.metadata == cell.metadata, again
    numbers = [cell.execution_count for cell in rules.code_cells(chinese)]
    assert numbers == list(range(1, len(numbers) + 1)), again


@EACH
def test_both_editions_run_the_same_code(path):
    english, chinese = both(path)
    for one, other in zip(english.cells, chinese.cells, strict=True):
        if one.cell_type == "code" and not one.source.startswith("%"):
            assert style.tree(one.source) == style.tree(other.source), one.id
        else:
            assert style.code_in_fences(one.source) == style.code_in_fences(other.source), one.id


@EACH
def test_both_editions_show_the_same_pictures(path):
    english, chinese = both(path)
    for one, other in zip(*map(rules.code_cells, (english, chinese)), strict=True):
        complaints = pictures.complaints(path.stem, one.id, other.outputs, one.outputs)
        assert not complaints, f"{one.id}: {complaints}"


@EACH
def test_marks_spaces_and_terms_are_written_one_way(path):
    known, found = style.terms(), []
    for block in edition.chinese_of(path).values():
        found += style.words_left_in_english(block)
        found += style.marks(block)
        found += style.renderings(block, known, FREE)
    assert not found, "\n".join(found)


# --- Each fault, planted, is named ---


@pytest.fixture
def first():
    """The first notebook, its Chinese, and a cell of prose in it."""
    path = NOTEBOOKS[0]
    notebook, translation = edition.read(path), edition.chinese_of(path)
    cell = next(cell for cell in notebook.cells if "computation graph" in cell.source)
    return notebook, translation, cell


def test_a_changed_english_sentence_is_shown_with_the_old_one_and_the_chinese(first):
    notebook, translation, cell = first
    old, cell.source = cell.source, cell.source + "\n\nOne more sentence."
    (complaint,) = edition.drift("01", notebook, translation)
    for part in (f"01, {cell.id}", old, "One more sentence.", translation[cell.id].chinese):
        assert part in complaint


def test_a_changed_comment_in_code_is_named(first):
    notebook, translation, _ = first
    cell = next(c for c in rules.code_cells(notebook) if edition.english_of(c).startswith("#"))
    cell.source = cell.source.replace("# ", "# Not ", 1)
    (complaint,) = edition.drift("01", notebook, translation)
    assert f"01, {cell.id}" in complaint and "# Not " in complaint


def test_a_new_cell_is_named(first):
    notebook, translation, cell = first
    notebook.cells.append(more := copy.deepcopy(cell))
    more.id = "one-more-cell"
    (complaint,) = edition.drift("01", notebook, translation)
    assert "one-more-cell: not translated" in complaint


def test_a_cell_that_is_gone_is_named(first):
    notebook, translation, cell = first
    notebook.cells.remove(cell)
    (complaint,) = edition.drift("01", notebook, translation)
    assert f"{cell.id}: translated, and no longer in the notebook" in complaint


def test_a_changed_digest_is_named(first):
    notebook, translation, cell = first
    translation[cell.id] = replace(translation[cell.id], digest="00000000")
    (complaint,) = edition.drift("01", notebook, translation)
    assert f"01, {cell.id}: the digest 00000000 is not that of the English" in complaint


def test_a_hint_without_chinese_and_one_that_is_said_no_more_are_named(monkeypatch):
    chinese, already = catalogue.read(), catalogue.drift()
    hint = next(sentence for sentence in chinese if sentence.endswith("."))
    del chinese[hint]
    chinese["A hint that was removed."] = "一个删去的提示。"
    monkeypatch.setattr(catalogue, "read", lambda: chinese)
    missing, gone = (complaint for complaint in catalogue.drift() if complaint not in already)
    assert f"no Chinese for {hint!r}" in missing
    assert "said no more: 'A hint that was removed.'" in gone


def test_another_rendering_of_a_term_is_named(first):
    _, translation, cell = first
    known = style.terms()
    block = translation[cell.id]
    assert not [*style.renderings(block, known, FREE)]
    other = replace(block, chinese=block.chinese.replace(known["computation graph"][0], "运算图"))
    (complaint,) = style.renderings(other, known, FREE)
    assert complaint.startswith(f"{cell.id}: 'computation graph' is not 计算图")
    (complaint,) = style.renderings(replace(block, chinese="向前传播" + block.chinese), known, FREE)
    assert "write 前向传播" in complaint


def test_a_paragraph_left_in_english_is_named(first):
    _, translation, cell = first
    block = translation[cell.id]
    assert not [*style.words_left_in_english(block)]
    other = replace(
        block, chinese=block.chinese + "\n\nThis paragraph was never translated at all."
    )
    (complaint,) = style.words_left_in_english(other)
    assert complaint.startswith(f"{cell.id}: left in English: 'This paragraph")


@pytest.mark.parametrize("wrong", ["张量,", "张 量", "，张量", "张量tensor"])
def test_marks_and_spaces_out_of_the_way_are_named(wrong):
    text = {"，张量": "， 张量"}.get(wrong, wrong)
    block = edition.Block("markdown", "a-cell", "", "", f"这里有{text}")
    assert len([*style.marks(block)]) == 1
    right = edition.Block("markdown", "a-cell", "", "", "这里有张量，tensor 有 3 个。")
    assert not [*style.marks(right)]


def test_two_blocks_for_a_cell_are_refused():
    block = str(edition.Block("markdown", "a-cell", "0", "English.", "中文。"))
    assert edition.blocks(block)["a-cell"].chinese == "中文。"
    with pytest.raises(ValueError, match="two blocks for the cell 'a-cell'"):
        edition.blocks(block + block)


def test_code_keeps_all_but_what_is_read():
    source = (
        'def f(x):\n    """Say it."""\n    # Why.\n    return d["key"]\n\n\n'
        'print(f"loss {x}", d["b"])'
    )
    cell = new_code_cell(source, id="a-cell")
    assert edition.english_of(cell) == '"""Say it."""\n# Why.\nf"loss {x}"'
    block = edition.Block("code", "a-cell", "", "", '"""说出来。"""\n# 为什么。\nf"损失 {x}"')
    assert edition.in_chinese(cell, block) == (
        'def f(x):\n    """说出来。"""\n    # 为什么。\n    return d["key"]\n\n\n'
        'print(f"损失 {x}", d["b"])'
    )
    with pytest.raises(ValueError, match="3 strings and comments, and 2 in Chinese"):
        edition.in_chinese(cell, replace(block, chinese='"""说。"""\n# 为什么。'))
