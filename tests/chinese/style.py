"""How the Chinese is written: a term one way, marks and spaces one way, nothing left in English.

Each function goes from a block to its complaints, a line each, with the cure.
"""

import ast
import copy
import re
from collections.abc import Iterator

from chinese.edition import FOLDER, Block
from chinese.exceptions import ALSO

HAN = "\u4e00-\u9fff"
# Renderings that are wrong everywhere, and the word to write.
NEVER = {
    "向前传播": "前向传播",
    "向后传播": "反向传播",
    "后向传播": "反向传播",
    "叶节点": "叶子节点",
    "海森": "黑塞",
    "海塞": "黑塞",
    "迭代次数": "轮次",
    "脊回归": "岭回归",
    "正交方程": "正规方程",
    "法方程": "正规方程",
    "特徵": "特征",
    "学习速率": "学习率",
    "动量项": "动量",
    "校验集": "验证集",
    "过度拟合": "过拟合",
    "批次规范化": "批量规范化",
    "批量归一化": "批量规范化",
    "批归一化": "批量规范化",
}


def terms() -> dict[str, list[str]]:
    """Return the table of terms in `notebooks/zh/README.md`: English in small letters, and Chinese.

    Of several English terms in a row, each may be rendered by any of the row's Chinese words.
    """
    found: dict[str, list[str]] = copy.deepcopy(ALSO)
    rows = FOLDER.joinpath("README.md").read_text(encoding="utf-8").split("## 术语")[1]
    for row in re.findall(r"^\|(.+)\|$", rows.split("\n## ")[0], flags=re.MULTILINE):
        english, chinese, *_ = (entry.strip() for entry in row.split("|"))
        if re.search(f"[{HAN}]", chinese) and english != "English":
            words = [word for word in re.split(r"[，,、（）]\s*", chinese) if word]
            for name in filter(None, re.split(r", | \(|\)", english.lower())):
                if not name.startswith("of a"):  # Whose bias or rank is meant tells the word.
                    found.setdefault(name, []).extend(words)
    return found


def prose(text: str) -> str:
    """Return Markdown without addresses and HTML tags, and with a sign for code and formulas."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$", "", text, flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`|\$[^$]*\$", "¤", text)
    return re.sub(r"!?\[|\]\([^)]*\)|<br>|<[^>\n]*>", "", text)


def words_left_in_english(block: Block) -> Iterator[str]:
    """Name a paragraph that has no Chinese in it, and more than names."""
    if block.kind != "markdown":
        return
    for paragraph in re.split(r"\n\s*\n", prose(block.chinese)):
        words = re.findall(r"[A-Za-z]{2,}", paragraph)
        small = [word for word in words if word.islower()]
        if len(small) >= 4 and not re.search(f"[{HAN}]", paragraph) and not _names_only(paragraph):
            yield f"{block.cell}: left in English: {paragraph.strip()[:60]!r}; write it in Chinese"


def _names_only(paragraph: str) -> bool:
    # A reference to a book or an article keeps its title.
    return bool(re.search(r"\b(19|20)\d\d\b", paragraph))


def marks(block: Block) -> Iterator[str]:
    """Name half-width punctuation behind Chinese, and spaces that are missing or too many."""
    wrong = {
        rf"[{HAN}][,;:?!]": "a half-width mark behind Chinese; write the full-width one",
        rf"[{HAN}] [{HAN}]": "a space between two Chinese characters; drop it",
        r"[，。；：？！、] ": "a space behind a full-width mark; drop it",
        rf"[{HAN}][A-Za-z0-9]|[A-Za-z0-9][{HAN}]": "no space between Chinese and Latin; add one",
    }
    text = prose(block.chinese).replace("T恤", "恤") if block.kind == "markdown" else ""
    for pattern, cure in wrong.items():
        for found in re.finditer(pattern, text):
            around = text[max(0, found.start() - 8) : found.end() + 8].replace("\n", " ")
            yield f"{block.cell}: {around!r}: {cure}"


def renderings(
    block: Block, known: dict[str, list[str]], free: set[tuple[str, str]]
) -> Iterator[str]:
    """Name a term of the table that is in the English and not, as the table has it, in the Chinese.

    `free` holds pairs of a cell and a term that are rightly rendered otherwise there.
    """
    for wrong, right in NEVER.items():
        if wrong in block.chinese:
            yield f"{block.cell}: {wrong}; write {right}, as everywhere"
    if block.kind != "markdown" or block.english.startswith("## References"):
        return
    english = prose(block.english).lower()
    for term, words in known.items():
        if re.search(rf"(?<![\w-]){re.escape(term)}s?(?![\w-])", english):
            if not any(word in block.chinese for word in words) and (block.cell, term) not in free:
                yield f"{block.cell}: {term!r} is not {' or '.join(words)} here; write it so"


def code_in_fences(text: str) -> list[str]:
    """Return the syntax trees, as text, of the Python in a Markdown text, without docstrings."""
    fences = re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [tree(fence) for fence in fences]


def tree(source: str) -> str:
    """Return the syntax tree of code as text, without docstrings and the words that it prints."""
    parsed = ast.parse(source)
    for node in ast.walk(parsed):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body[0].value.value = ""
        shown = isinstance(node, ast.Call) and re.search(
            r"^(print|fill|wrapped|explore\.\w+)$|\.fill$", ast.unparse(node.func)
        )
        for part in ast.walk(node) if shown else ():
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                part.value = ""
            if isinstance(part, ast.JoinedStr):  # In whatever order the language wants.
                fields = [v for v in part.values if isinstance(v, ast.FormattedValue)]
                part.values = sorted(fields, key=ast.unparse)
    return ast.dump(parsed)
