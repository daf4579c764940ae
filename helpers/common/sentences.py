"""The one place that every sentence for a reader goes through.

The English sentence is its own key, so the project runs without any catalogue. Another language is
a file ``locale/<language>/LC_MESSAGES/questions.mo``; the variable `LANGUAGE_VARIABLE` asks for it.
The system's own language does not: what a notebook prints must be the same everywhere.
"""

import functools
import gettext
import os
from collections.abc import Sequence
from pathlib import Path

LANGUAGE_VARIABLE = "GRAPH_TO_GARMENT_LANGUAGE"
_FOLDER = Path(__file__).resolve().parent.parent / "locale"


@functools.cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("questions", _FOLDER, [language], fallback=True)


def say(sentence: str, **values: object) -> str:
    """Return a sentence in the reader's language, with the values in its braces.

    Give a plain string and the values apart, never an f-string: what is filled in is no key.
    """
    language = os.environ.get(LANGUAGE_VARIABLE, "en")
    said = _catalogue(language).gettext(sentence) if sentence else ""
    return said.format(**values) if values else said


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: a, b and c."""
    if len(words) < 2:
        return "".join(words)
    return say("{first} and {last}", first=", ".join(words[:-1]), last=words[-1])
