"""The checks of the notebooks, checked without a kernel.

What people type may stand in a wing's ``typed_answers.py``: ``TYPED``, by exercise and by the name
of the mistake; and, for an exercise that leans on its notebook, ``CELLS``, the ids of the cells to
run first, and ``NAMES``, a function that returns what stands in for the notebook's data. A wing's
``telling_words.py`` says which hint belongs to which wrong answer.
"""

import ast
import importlib
import linecache
import re
import symtable
import textwrap

import nbformat
import pytest
import torch

from every_notebook import rules
from every_notebook.series import ROOT, WINGS, part_of
from helpers.common import judging, running

FOLD = re.compile(r"<details><summary>Solution</summary>.*?```python\n(.*?)```", re.DOTALL)
BLANK = re.compile(r"^    (return )?\.\.\.\n?", re.MULTILINE)


class Wing:
    """A notebook, what it asks, and what people type."""

    def __init__(self, name: str, notebook: str) -> None:
        self.name = name
        self.check = importlib.import_module(f"helpers.{name}.answers").check
        self.typed_answers = part_of(name, "typed_answers")
        self.typed = getattr(self.typed_answers, "TYPED", {})
        self.notebook = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
        self.cells = self.notebook.cells
        self.code = list(rules.code_cells(self.notebook))
        calls = [call for cell in self.code if (call := rules.question(cell))]
        self.calls = {call.args[0].value: call for call in calls}
        assert len(self.calls) == len(calls), "two checks of one name"

    def tagged(self, tag: str) -> list:
        return [cell for cell in self.code if tag in rules.tags(cell)]

    def asked(self, name: str) -> str:
        """Return what is handed to a check: the name of a guess or of a function."""
        return ast.unparse(self.calls[name].args[1])

    def exercise_cell(self, name: str) -> str:
        (cell,) = [c for c in self.tagged("exercise") if rules.asked_for(c) == self.asked(name)]
        return cell.source

    def solution(self, name: str) -> str:
        folds = [fold[1] for cell in self.cells if (fold := FOLD.search(cell.source))]
        (found,) = [fold for fold in folds if f"def {self.asked(name)}(" in fold]
        return found

    def names_before(self, name: str) -> dict:
        """Return what the notebook has made before an exercise, as far as the exercise needs it."""
        names: dict = {}
        exec(self.code[0].source, names)
        names |= getattr(self.typed_answers, "NAMES", {}).get(name, dict)()
        sources = {cell.id: cell.source for cell in self.code}
        for cell in getattr(self.typed_answers, "CELLS", {}).get(name, ()):
            exec(sources[cell], names)
        return names

    def with_lines(self, name: str, lines: str) -> str:
        """Return an exercise's cell with lines in the place of the blank."""
        before, after = BLANK.sub("\0", self.exercise_cell(name)).split("\0")
        return before + textwrap.indent(lines.strip("\n"), "    ") + "\n" + after

    def judge(self, name: str, attempt):
        """Judge an attempt: a function, or the source of one."""
        names = self.names_before(name)
        if isinstance(attempt, str):
            # As in a kernel, the judge can read the source: a blank is found in it.
            linecache.cache["<cell>"] = (len(attempt), None, attempt.splitlines(True), "<cell>")
            exec(compile(attempt, "<cell>", "exec"), names)
            attempt = names[self.asked(name)]
        return self.check.exercises[name].judge(attempt, **self.data(name, names))

    def data(self, name: str, names: dict) -> dict:
        """Return what the notebook's cell hands over beside the reader's function."""
        keywords = self.calls[name].keywords
        return {word.arg: eval(ast.unparse(word.value), names) for word in keywords}


_WINGS = {name: Wing(name, notebook) for name, notebook in WINGS.items()}
every_wing = pytest.mark.parametrize("wing", _WINGS.values(), ids=list(_WINGS))


def every(what: str):
    """Ask a test for a wing and one of its predictions or exercises after the other."""
    pairs = [(wing, name) for wing in _WINGS.values() for name in getattr(wing.check, what)]
    return pytest.mark.parametrize(("wing", "name"), pairs, ids=[name for _, name in pairs])


# --- Names and places ---


@every_wing
def test_cells_and_answers_have_the_same_names(wing):
    assert set(wing.calls) == wing.check.predictions.keys() | wing.check.exercises.keys()
    assert len(wing.check.exercises) == len(wing.tagged("exercise"))
    assert wing.typed.keys() <= wing.check.exercises.keys()


@every_wing
def test_questions_stand_in_the_order_of_the_notebook(wing):
    """So that the score names them in an order that a reader knows."""
    for names in (wing.check.predictions, wing.check.exercises):
        assert list(names) == [name for name in wing.calls if name in names]


@every_wing
def test_no_cell_holds_a_hint(wing):
    predictions, exercises = wing.check.predictions.values(), wing.check.exercises.values()
    hints = [hint for question in predictions for hint in question.hints.values()]
    hints += [mistake.hint for exercise in exercises for mistake in exercise.mistakes.values()]
    for cell in wing.code:
        assert not [hint for hint in hints if hint in cell.source], cell.source


@every_wing
def test_each_check_is_given_the_guess_of_its_own_prediction(wing):
    guesses = list(map(rules.asked_for, wing.tagged("prediction")))
    assert list(map(wing.asked, wing.check.predictions)) == guesses


@every_wing
def test_what_a_check_looks_at_is_not_made_anew_later(wing):
    """Else a check that is run again, after a look further down, judges something else."""
    made_later: set = set()
    for cell in reversed(wing.code):
        names = symtable.symtable(cell.source, cell.id, "exec").get_symbols()
        if cell.source.startswith("check("):
            assert not made_later & {name.get_name() for name in names}, cell.source
        made_later |= {name.get_name() for name in names if name.is_assigned()}


@every_wing
def test_the_first_line_of_a_folded_output_is_harmless(wing):
    """JupyterLab shows it beside the three dots."""
    predictions = wing.check.predictions
    rights = {wing.asked(name): str(predictions[name].right) for name in predictions}
    for cell, asked in rules.outputs_to_fold(wing.notebook):
        first = first_line(cell)
        words = re.findall(r"[\w.-]+", re.sub(r"(?<=\d)[ ,_](?=\d{3})", "", first))
        plain = [re.sub(r"(\.\d*?)0+$", r"\1", word).rstrip(".") for word in words]
        assert not {rights[guess] for guess in asked} & set(plain), (cell.id, first)


def first_line(cell) -> str:
    """Return the line that JupyterLab shows of a folded output."""
    output = cell.outputs[0]
    data = output.get("data", {})
    text = output.get("text") or data.get("text/html") or data.get("text/plain") or ""
    return next((line for line in text.splitlines() if line.strip()), "")


# --- Predictions ---


@every("predictions")
def test_a_right_guess_is_right_and_each_wrong_one_has_its_word(wing, name):
    question = wing.check.predictions[name]
    assert question.judge(question.right) == (f"You predicted {question.right}: right.", True, True)
    for wrong, hint in question.hints.items():
        assert question.judge(wrong) == (f"You predicted {wrong}. {hint}", True, False)
    for nothing in (None, ...):
        assert not question.judge(nothing).tried


@every("predictions")
def test_junk_is_no_right_guess(wing, name):
    question = wing.check.predictions[name]
    junk = ["", "the answer", float("nan"), float("inf"), -1e9, 10**400, [], object()]
    if question.right != "yes":  # Which True says, too.
        junk.append(True)
    for guess in (*junk, torch.ones(2), print, f"{question.right}?"):
        assert not question.judge(guess).right, guess


@every("predictions")
def test_each_word_that_a_cell_names_is_known(wing, name):
    """Else a reader who writes it is told to write another."""
    question = wing.check.predictions[name]
    (cell,) = [c for c in wing.tagged("prediction") if rules.asked_for(c) == wing.asked(name)]
    named = re.findall('"([^"]+)"', cell.source)
    if not isinstance(question.right, str):
        assert not named
        return
    for word in named:
        assert "write one of these" not in question.judge(word).line, word
    said = question.judge("none of them").line
    assert said.count("'") >= 2 * max(2, len(named)) and question.right in said


@every("predictions")
def test_a_run_that_gives_another_answer_says_so(wing, name):
    question = wing.check.predictions[name]
    other = "something else" if isinstance(question.right, str) else question.right + 1000
    warned = "Your run gave a different answer" in question.judge(None, other).line
    assert warned != question.varies
    assert "Your run" not in question.judge(None, question.right).line


# --- Exercises ---


@every("exercises")
def test_the_solution_is_right_and_the_blank_is_untried(wing, name):
    assert wing.judge(name, wing.solution(name)).line == "Right."
    blank = wing.judge(name, wing.exercise_cell(name))
    assert blank.line.startswith("Nothing to check yet.") and not blank.tried


@every("exercises")
def test_each_mistake_meets_its_own_hint(wing, name):
    mistakes, typed = wing.check.exercises[name].mistakes, wing.typed.get(name, {})
    assert len(mistakes) >= 3
    for mistake in mistakes.keys() - typed.keys():  # What is typed is tried below.
        assert (
            wing.judge(name, mistakes[mistake].makes).line == f"Not yet. {mistakes[mistake].hint}"
        )


def test_people_have_typed_answers():
    assert sum(len(typed) for wing in _WINGS.values() for typed in wing.typed.values()) > 20


@every("exercises")
def test_each_typed_answer_meets_the_hint_of_its_mistake(wing, name):
    mistakes, typed = wing.check.exercises[name].mistakes, wing.typed.get(name, {})
    for mistake, lines in typed.items():
        said = wing.judge(name, wing.with_lines(name, lines)).line
        assert said == f"Not yet. {mistakes[mistake].hint}", mistake


@every("exercises")
def test_no_junk_and_no_answer_known_by_heart_is_right(wing, name):
    exercise = wing.check.exercises[name]
    inputs = exercise.inputs_from(**wing.data(name, wing.names_before(name)))
    answers = [exercise(*running.own(arguments)) for arguments in inputs]

    def is_right(attempt, mistakes=()) -> bool:
        # As the exercise judges it, without asking for the right answers anew each time.
        how = (mistakes, exercise.tolerance, 0.05)
        return judging.exercise(attempt, lambda: answers, inputs, *how).right

    def loops(*_):
        while True:
            pass

    junk = [lambda *_: 1 / 0, lambda: answers[0], loops, 7]
    if isinstance(answers[0], torch.Tensor) and answers[0].ndim:
        junk.append(lambda *a: torch.as_tensor(exercise(*a))[None])
    for value in (None, float("nan"), float("inf"), [[], [1]], "the answer"):
        junk.append(lambda *_, value=value: value)
    for attempt in junk:
        assert not is_right(attempt, exercise.mistakes.values()), attempt
    for answer in {repr(answer): answer for answer in answers}.values():
        assert not is_right(lambda *_, answer=answer: answer), answer


# --- Hints ---


@every_wing
def test_each_hint_speaks_of_its_own_mistake(wing):
    """What the hint of one mistake says of it is said of no other answer to the question."""
    predictions, exercises = wing.check.predictions, wing.check.exercises
    hints = {name: question.hints for name, question in predictions.items() if question.hints}
    for name, exercise in exercises.items():
        hints[name] = {mistake: hint for mistake, (hint, _) in exercise.mistakes.items()}
    telling = getattr(part_of(wing.name, "telling_words"), "WORDS", {})
    assert telling.keys() in (set(), hints.keys())
    for name, words in telling.items():
        assert words.keys() == hints[name].keys()
        for answer, few in words.items():
            said = {hint for hint in hints[name].values() if few in hint}
            assert said == {hints[name][answer]}, (name, answer, few)


# --- The judge's rounding ---


def test_the_tolerance_of_a_number_says_how_it_is_rounded():
    for guess in (0.23, 0.27):
        assert judging.agree(guess, 0.2503, 0.02)
    assert judging.agree(9, 691 / 69, 1) and not judging.agree(8, 691 / 69, 1)
    assert judging.agree(torch.tensor(3.0).item(), 3) and not judging.agree(3.1, 3)
