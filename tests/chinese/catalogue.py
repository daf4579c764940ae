"""Every sentence that the helpers may say to a reader: the keys of a catalogue, and its files."""

import ast
import importlib
import io
from collections.abc import Iterator

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from every_notebook.series import ROOT, WINGS
from helpers.common.questions import Questions

PO = ROOT / "helpers" / "locale" / "zh" / "LC_MESSAGES" / "questions.po"
MO = PO.with_suffix(".mo")


def _said_in(path) -> Iterator[str]:
    """Yield the sentences that stand in calls of `say`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "say":
            if isinstance(key := node.args[0], ast.Constant) and key.value:
                yield key.value


def _asked_in(check: Questions) -> Iterator[str]:
    """Yield the names of questions, the words that may be guessed, and the hints."""
    for name, prediction in check.predictions.items():
        yield name
        guesses = [prediction.right, *prediction.words, *prediction.hints]
        yield from (guess for guess in guesses if isinstance(guess, str))
        yield from filter(None, prediction.hints.values())
    for name, exercise in check.exercises.items():
        yield name
        yield from (mistake.hint for mistake in exercise.mistakes.values())


def sentences() -> dict[str, str]:
    """Return each sentence and where it stands first: a file, from the root."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "helpers").rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        wing = path.parent.name
        if path.stem == "answers" and wing in WINGS:
            check = importlib.import_module(f"helpers.{wing}.answers").check
            found |= {key: found.get(key, where) for key in _asked_in(check)}
        found |= {key: found.get(key, where) for key in _said_in(path)}
    # A fork that dropped a wing keeps its sentences, which do no harm.
    dropped = {m.id: place for m in _messages() for place, _ in m.locations if _is_gone(place)}
    return dropped | found


def _is_gone(place: str) -> bool:
    return not (ROOT / place).parent.exists()


def _messages() -> list[Message]:
    if not PO.exists():
        return []
    with PO.open("rb") as file:
        return [message for message in read_po(file) if message.id]


def read() -> dict[str, str]:
    """Return the Chinese of each sentence that has some."""
    return {message.id: message.string for message in _messages()}


class _Catalogue(Catalog):
    # Not when and with what it was written: the files change with their words alone.
    mime_headers = [("Language", "zh"), ("Content-Type", "text/plain; charset=utf-8")]


def files_of(chinese: dict[str, str]) -> tuple[bytes, bytes]:
    """Return the bytes of the catalogue as text and as `gettext` reads it, by file."""
    catalogue = _Catalogue(locale="zh", fuzzy=False)
    for sentence, where in sorted(sentences().items(), key=lambda pair: pair[1]):
        catalogue.add(sentence, chinese.get(sentence, ""), locations=[(where, None)])
    catalogue.header_comment = "# The Chinese of what the helpers say to a reader."
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, catalogue, width=100)
    write_mo(compiled, catalogue)
    return text.getvalue(), compiled.getvalue()


def write() -> None:
    """Bring both files up to date with the helpers, and keep the Chinese there is."""
    text, compiled = files_of(read())
    PO.parent.mkdir(parents=True, exist_ok=True)
    PO.write_bytes(text)
    MO.write_bytes(compiled)


def drift() -> list[str]:
    """Return a complaint for each sentence without Chinese, and each that is said no more."""
    wanted, chinese = sentences(), read()
    found = [
        f"{where}: no Chinese for {sentence!r}: add it to {PO.relative_to(ROOT)}"
        for sentence, where in wanted.items()
        if not chinese.get(sentence)
    ]
    gone = chinese.keys() - wanted.keys()
    return found + [f"said no more: {sentence!r}: drop it from the catalogue" for sentence in gone]
