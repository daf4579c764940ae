"""The Chinese edition: what a translation is made of, and a notebook made with it.

`notebooks/zh/text/NN_….md` holds the Chinese of one notebook, a block for each cell that has
something to read. A block begins with the cell's kind and id, a digest of the English, and the
English itself, so that a change can be shown beside what was translated:

    <!-- markdown one-step-is-enough 1f0c6a52
    The English text, as it was when this was written.
    -->
    中文。

Of a code cell, what a reader reads is its docstrings, its comments, and the strings that it prints;
a block lists them, English above and Chinese below, one after the other, as Python writes them. The
code is never translated.
"""

import ast
import copy
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from every_notebook.series import ROOT

FOLDER = ROOT / "notebooks" / "zh"
TEXTS = FOLDER / "text"
# What a call of these is given is shown to the reader.
SHOWS = {"print", "fill", "wrapped", "textwrap.fill", "explore.slider", "explore.twin"}

_HEAD = re.compile(r"^<!-- (markdown|code) (\S+) (\S+)$")
# What stands between two prints of a line has no letters, and is Chinese everywhere.
_ENDS = {'end=", "': 'end="，"', 'end="; "': 'end="；"', 'end=": "': 'end="："'}
_LETTERS = re.compile(r"[A-Za-z]{2}")
_BADGE = "[![Launch on Binder]"


@dataclass(frozen=True)
class Block:
    """One cell's English, as it was when it was translated, and its Chinese."""

    kind: str
    cell: str
    digest: str
    english: str
    chinese: str

    def __str__(self) -> str:
        head = f"<!-- {self.kind} {self.cell} {self.digest}"
        return "\n".join([head, self.english, "-->", self.chinese]).rstrip() + "\n"


def text_of(notebook: Path) -> Path:
    """Return the file with the Chinese of a notebook."""
    return TEXTS / f"{notebook.stem}.md"


def digest_of(english: str) -> str:
    """Return the digest that stands in a block's head."""
    return hashlib.sha256(english.encode()).hexdigest()[:8]


def blocks(text: str) -> dict[str, Block]:
    """Return the blocks of a file of Chinese, by the id of the cell.

    Raises
    ------
    ValueError
        If a cell has two blocks, or a block's English does not end.
    """
    found: dict[str, Block] = {}
    lines = iter(text.splitlines())
    head, english, chinese = None, [], []

    def close() -> None:
        if head is None:
            return
        kind, cell, digest = head.groups()
        if cell in found:
            raise ValueError(f"two blocks for the cell {cell!r}: keep one")
        words = "\n".join(chinese).strip("\n").rstrip()
        found[cell] = Block(kind, cell, digest, "\n".join(english), words)

    for line in lines:
        if begins := _HEAD.match(line):
            close()
            head, english, chinese = begins, [], []
            for line in lines:  # noqa: B020  The English lines of this block.
                if line == "-->":
                    break
                english.append(line)
            else:
                raise ValueError(f"the English of {begins[2]!r} does not end: add a line -->")
        elif head is not None:
            chinese.append(line)
    close()
    return found


# --- What a reader reads in code ---


def read_in(source: str) -> list[tokenize.TokenInfo]:
    """Return a code cell's docstrings, comments, and strings that are shown, with their places."""
    if source.lstrip().startswith("%"):
        return []
    places = [*_docstrings(source), *_shown(source)]
    found, previous = [], ""
    for token in _tokens(source):
        inside = any(begin <= token.start and token.end <= end for begin, end in places)
        a_key = previous == "["
        if token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING and inside and not a_key
        ):
            if _LETTERS.search(token.string):
                found.append(token)
        previous = token.string
    return found


def _tokens(source: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(source).readline))


def _span(node: ast.AST, source: str) -> tuple[tuple[int, int], tuple[int, int]]:
    # A token's columns count characters, a node's bytes.
    lines = source.splitlines()

    def column(line: int, offset: int) -> int:
        return len(lines[line - 1].encode()[:offset].decode())

    begin = node.lineno, column(node.lineno, node.col_offset)
    return begin, (node.end_lineno, column(node.end_lineno, node.end_col_offset))


def _docstrings(source: str) -> Iterator[tuple]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            yield _span(node.body[0], source)


def _shown(source: str) -> Iterator[tuple]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in SHOWS:
            yield _span(node, source)


def _listed(tokens: list[tokenize.TokenInfo]) -> str:
    return "\n".join(token.string for token in tokens)


def english_of(cell: NotebookNode) -> str:
    """Return what of a cell is to be translated: a text, or a list of what its code shows."""
    return cell.source if cell.cell_type == "markdown" else _listed(read_in(cell.source))


def _strings_and_comments(listed: str) -> list[str]:
    kinds = tokenize.COMMENT, tokenize.STRING
    return [token.string for token in _tokens(listed + "\n") if token.type in kinds]


def in_chinese(cell: NotebookNode, block: Block) -> str:
    """Return a cell's source with its Chinese in the place of its English.

    Raises
    ------
    ValueError
        If a code cell's block does not have a Chinese string or comment for each English one.
    """
    if cell.cell_type == "markdown":
        return block.chinese
    old, new = read_in(cell.source), _strings_and_comments(block.chinese)
    if len(old) != len(new):
        raise ValueError(
            f"{cell.id}: {len(old)} strings and comments, and {len(new)} in Chinese: write as many"
        )
    lines = cell.source.splitlines(keepends=True)
    for token, words in reversed(list(zip(old, new, strict=True))):
        (first, begin), (last, end) = token.start, token.end
        whole = lines[first - 1][:begin] + words + lines[last - 1][end:]
        lines[first - 1 : last] = [whole]
    return "".join(lines)


# --- The notebook ---


def made_of(notebook: NotebookNode, translation: dict[str, Block]) -> NotebookNode:
    """Return the Chinese notebook: the same cells, with the words of a translation, and no outputs.

    A cell that has no Chinese yet keeps its English.
    """
    made = copy.deepcopy(notebook)
    for cell in made.cells:
        if (block := translation.get(cell.id)) and block.chinese:
            cell.source = in_chinese(cell, block)
        if cell.cell_type == "code":
            for english, chinese in _ENDS.items():
                cell.source = cell.source.replace(english, chinese)
            cell.outputs, cell.execution_count = [], None
    return made


def to_translate(notebook: NotebookNode) -> dict[str, tuple[str, str]]:
    """Return, by cell, the kind and the English of all that is to be translated."""
    found = {cell.id: (cell.cell_type, english_of(cell)) for cell in notebook.cells}
    return {cell: (kind, english) for cell, (kind, english) in found.items() if english}


def drift(name: str, notebook: NotebookNode, translation: dict[str, Block]) -> list[str]:
    """Return a complaint for each cell whose Chinese is not of the English as it stands."""
    wanted, found = to_translate(notebook), []
    for cell, (_, english) in wanted.items():
        block = translation.get(cell)
        if block is None or not block.chinese:
            found.append(f"{name}, {cell}: not translated; English:\n{english}")
        elif digest_of(block.english) != block.digest:
            found.append(
                f"{name}, {cell}: the digest {block.digest} is not that of the English beside it, "
                f"{digest_of(block.english)}: see which of the two was changed"
            )
        elif block.english != english:
            found.append(
                f"{name}, {cell}: the English has changed; was:\n{block.english}\n"
                f"is:\n{english}\nChinese to be mended:\n{block.chinese}"
            )
    for cell in translation.keys() - wanted.keys():
        found.append(f"{name}, {cell}: translated, and no longer in the notebook: drop its block")
    return found


def outline(notebook: NotebookNode, translation: dict[str, Block]) -> str:
    """Return the file of Chinese brought up to date: each cell's English as it is, in its order.

    Chinese whose English has changed is kept, to be mended; its digest stays the old one, which
    `drift` names until it is put right by hand.
    """
    parts = []
    for cell, (kind, english) in to_translate(notebook).items():
        block = translation.get(cell) or Block(kind, cell, digest_of(english), english, "")
        parts.append(str(block))
    return "\n".join(parts)


def read(path: Path) -> NotebookNode:
    """Return a notebook of either edition."""
    return nbformat.read(path, as_version=4)


def chinese_of(notebook: Path) -> dict[str, Block]:
    """Return the translation of a notebook; empty if there is none."""
    file = text_of(notebook)
    return blocks(file.read_text(encoding="utf-8")) if file.exists() else {}
