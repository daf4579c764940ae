"""The one place that every sentence for a reader goes through.

The English sentence is its own key, so the project runs without any catalogue. Another language is
a file ``locale/<language>/LC_MESSAGES/questions.mo``. A notebook in a folder of that name, such as
``notebooks/zh``, asks for it, and so does the variable `LANGUAGE_VARIABLE`. The system's own
language does not: what a notebook prints must be the same everywhere.
"""

import functools
import gettext
import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

LANGUAGE_VARIABLE = "GRAPH_TO_GARMENT_LANGUAGE"
_FOLDER = Path(__file__).resolve().parent.parent / "locale"
# A kernel starts in its notebook's folder.
_STARTED_IN = Path.cwd().name
# What a line is broken between: words, and in Chinese each character with the marks that follow it.
_UNIT = re.compile(r"\s*(?:[“（《]*[\u4e00-\u9fff][^\s\w“（《]*|[^\s\u4e00-\u9fff]+)")


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("questions", _FOLDER, [language], fallback=True)


def say(sentence: str, **values: object) -> str:
    """Return a sentence in the reader's language, with the values in its braces.

    Give a plain string and the values apart, never an f-string: what is filled in is no key.
    """
    language = os.environ.get(LANGUAGE_VARIABLE, _STARTED_IN)
    said = _catalogue(language).gettext(sentence) if sentence else ""
    return said.format(**values) if values else said


def wrapped(text: str, columns: int = 80, later: str = "") -> str:
    """Break lines where their language may be broken; a Chinese character takes two columns.

    What is broken off goes on behind `later`.
    """
    found: list[str] = []
    for line in text.split("\n"):
        found.append("")
        for unit in _UNIT.findall(line):
            if found[-1] and _columns(found[-1] + unit) > columns:
                found.append(later + unit.lstrip())
            else:
                found[-1] += unit
    return "\n".join(found)


def _columns(text: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text)


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return say("{first} and {last}", first=say(", ").join(words[:-1]), last=words[-1])
