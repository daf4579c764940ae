"""A sentence goes through one place, in the reader's language where a catalogue has it."""

import ast
import gettext
import struct
import textwrap

import pytest

from every_notebook.series import ROOT
from helpers.common import sentences
from helpers.common.questions import Questions


def catalogue(translations: dict[str, str]) -> bytes:
    """Return the bytes of a ``.mo`` file, as the manual of GNU gettext lays them out."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **translations}.items())
    entries = [text.encode() for pair in zip(*pairs, strict=True) for text in pair]
    start, table, data = 28 + 16 * len(pairs), b"", b""
    for entry in entries:
        table += struct.pack("<II", len(entry), start + len(data))
        data += entry + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    return head + table + data


@pytest.fixture
def german(tmp_path, monkeypatch):
    """A catalogue of a language, asked for."""
    folder = tmp_path / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    words = {"You predicted {guess}: right.": "{guess}: richtig.", "the sum": "die Summe"}
    words["That is their sum."] = "Das ist ihre Summe."
    words |= {"higher": "höher", "lower": "niedriger", "yes": "ja", "no": "nein"}
    (folder / "questions.mo").write_bytes(catalogue(words))
    monkeypatch.setattr(sentences, "_FOLDER", tmp_path)
    monkeypatch.setenv(sentences.LANGUAGE_VARIABLE, "de")
    sentences._catalogue.cache_clear()
    yield
    sentences._catalogue.cache_clear()


def test_a_reader_is_told_in_the_language_asked_for(german):
    check = Questions()
    check.prediction("the sum", right=3, hints={2: "That is their sum."})
    assert check("the sum", 3).text == "3: richtig."
    assert check("the sum", 2).text == "You predicted 2. Das ist ihre Summe."
    assert "To revisit: die Summe." in check.score().text
    check("the sum", None)
    assert "Still open: die Summe." in check.score().text
    adds = check.exercise("adds", inputs=[(1,), (2,)])(lambda x: x + 3)
    adds.hint("That is their sum.")(lambda x: x + 4)
    assert check("adds", lambda x: x + 4).text == "Not yet. Das ist ihre Summe."


def test_a_notebook_in_a_folder_of_the_language_is_told_in_it(german, monkeypatch):
    monkeypatch.delenv(sentences.LANGUAGE_VARIABLE)
    monkeypatch.setattr(sentences, "_STARTED_IN", "de")
    assert sentences.say("the sum") == "die Summe"


def test_a_guess_may_be_a_word_of_the_readers_language(german):
    check = Questions()
    check.prediction("the sum", right="higher", hints={"lower": "That is their sum."})
    assert check("the sum", "höher", "higher").right
    assert check("the sum", "higher", "higher").right
    assert (
        check("the sum", "niedriger", "higher").text
        == "You predicted niedriger. Das ist ihre Summe."
    )
    assert "'höher', 'niedriger'" in check("the sum", "breit", "higher").text
    assert check("the sum", "ja", True).right and not check("the sum", "nein", True).right


def test_without_a_catalogue_the_english_sentence_stands(monkeypatch):
    monkeypatch.setenv(sentences.LANGUAGE_VARIABLE, "xx")
    assert sentences.say("{count} parts", count=2) == "2 parts"


def test_what_is_no_sentence_is_looked_up_nowhere(german):
    """A catalogue has its own head under the empty key."""
    assert sentences.say("") == "" and sentences.say("", count=2) == ""


def test_braces_are_filled_where_there_are_values_alone(german):
    assert sentences.say("def f(): {x}") == "def f(): {x}"
    assert sentences.say("You predicted {guess}: right.", guess="{x}") == "{x}: richtig."
    assert sentences.say("{a}", a="the sum") == "the sum", "what is filled in is no key"


def test_each_language_has_its_own_catalogue_in_one_process(german, monkeypatch, tmp_path):
    folder = tmp_path / "fr" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "questions.mo").write_bytes(catalogue({"the sum": "la somme"}))
    for language, said in (("fr", "la somme"), ("de", "die Summe"), ("xx", "the sum")):
        monkeypatch.setenv("GRAPH_TO_GARMENT_LANGUAGE", language)
        assert sentences.say("the sum") == said
    # The variable counts for more than the folder.
    monkeypatch.setattr(sentences, "_STARTED_IN", "de")
    assert sentences.say("the sum") == "the sum"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (("a", "b", "c"), "a, b and c"),
        (["a", "b", "c", "d"], "a, b, c and d"),
    ],
)
def test_words_are_listed_with_an_and_before_the_last(words, said):
    assert sentences.listed(words) == said


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("ab cd", 5, ["ab cd"]),
        ("ab cd", 4, ["ab", "cd"]),
        ("ab cd ef", 5, ["ab cd", "> ef"]),
        ("ab\ncd ef", 5, ["ab", "cd ef"]),
        ("ab\n\ncd", 5, ["ab", "", "cd"]),
        ("  ab  cd", 9, ["  ab  cd"]),
        ("abcdefgh ij", 3, ["abcdefgh", "> ij"]),
        ("ij abcdefgh", 3, ["ij", "> abcdefgh"]),
        ("先算出", 6, ["先算出"]),
        ("先算出", 5, ["先算", "> 出"]),
        ("先，算", 4, ["先，", "> 算"]),
        ("", 5, [""]),
    ],
)
def test_a_line_is_broken_where_it_grows_too_long(text, columns, lines):
    later = "> " if any(line.startswith("> ") for line in lines) else ""
    assert sentences.wrapped(text, columns, later).split("\n") == lines
    if later:
        plain = [line.removeprefix(later) for line in lines]
        assert sentences.wrapped(text, columns).split("\n") == plain


def test_a_line_has_eighty_columns():
    assert sentences.wrapped("a" * 40 + " " + "b" * 39).count("\n") == 0
    assert sentences.wrapped("a" * 40 + " " + "b" * 40).count("\n") == 1
    assert sentences.wrapped("算" * 40).count("\n") == 0 and "\n" in sentences.wrapped("算" * 41)


def test_the_systems_language_is_not_asked(german, monkeypatch):
    monkeypatch.delenv(sentences.LANGUAGE_VARIABLE)
    monkeypatch.setenv("LANGUAGE", "de")
    assert gettext.find("questions", sentences._FOLDER) is not None, "the system's does ask for it"
    assert sentences.say("the sum") == "the sum"


def written_in(node: ast.AST):
    """Yield the strings of an expression that stand in no call of `say`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "say"):
        for part in ast.iter_child_nodes(node):
            yield from written_in(part)


def test_what_a_figure_says_to_those_who_do_not_see_it_is_looked_up():
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "alt":
                words = " ".join(written_in(node.value))
                assert not any(map(str.isalpha, words)), f"{path.name}: {words!r} is not in say()"


def test_a_sentence_is_never_put_together_before_it_is_looked_up():
    """What an f-string has filled in is no key, and a catalogue's tools do not see it."""
    # Names and hints stand in data.
    from_data = {"name", "word", "hint", "mistake.hint"}
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "say":
                key = node.args[0]
                plain = isinstance(key, ast.Constant) and isinstance(key.value, str)
                assert plain or ast.unparse(key) in from_data, f"{path.name}: {ast.unparse(node)}"


def test_a_line_is_wrapped_where_its_language_may_be():
    english = "You predicted 3; the run gave more. A word_that_is_" + 80 * "long" + " stays whole."
    words = textwrap.TextWrapper(80, break_long_words=False, break_on_hyphens=False)
    assert sentences.wrapped(english).splitlines() == words.wrap(english)
    chinese = "你猜的是 3。先算出“梯度”，再调用 backward()，" * 6
    lines = sentences.wrapped(chinese).splitlines()
    assert "".join(lines).replace(" ", "") == chinese.replace(" ", "")
    widths = [sum(2 if ord(letter) > 0x2E80 else 1 for letter in line) for line in lines]
    assert max(widths) <= 80 and min(widths[:-1]) > 70
    # No line begins with a mark that closes, or ends with one that opens.
    assert not any(line[0] in "，。”" or line[-1] == "“" for line in lines)
