"""`Questions`: what a notebook asks, and the score. A wing's ``answers.py`` fills one."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.common import judging
from helpers.common.judging import Mistake, Verdict
from helpers.common.running import SECONDS, is_left_over, kept, own, watch_cells
from helpers.common.sentences import say, wrapped


class Answer:
    """A text that shows itself at the end of a cell, and is true if the answer was right."""

    def __init__(self, text: str, right: bool) -> None:
        self.text, self.right = text, right

    def __bool__(self) -> bool:
        """Say whether it was right."""
        return self.right

    def __repr__(self) -> str:
        """Wrap the text between words: IPython shows this, and nbval compares it."""
        return wrapped(self.text)


@dataclass(frozen=True)
class Prediction:
    """A question with one answer. The run judges; `right` is what it gave when this was written."""

    # The number or word, for tests and teachers, and where no run can tell.
    right: object
    # How far a number may be from the answer and still count as right, in the answer's unit.
    tolerance: float = 0.0
    # From a wrong guess that people often make to the sentence that helps them on.
    hints: Mapping[object, str] = field(default_factory=dict)
    # Words that may be guessed besides `right` and those of the hints.
    words: Sequence[str] = ()
    # Whether one run's answer differs from another's, as times do.
    varies: bool = False

    def judge(self, guess: object, *run: object) -> Verdict:
        """Judge a guess by the run, or by `right` where there is none."""
        answer = run[0] if run else self.right
        hints = {**dict.fromkeys((self.right, *self.words), ""), **self.hints}
        verdict = judging.prediction(guess, answer, self.tolerance, hints)
        right = judging.plain(self.right)
        if self.varies or judging.agree(right, judging.plain(answer), self.tolerance):
            return verdict
        # `right` has gone stale: a strict run of the notebook sees this line, guess or no guess.
        note = say("(Your run gave a different answer from the one we expected; your run counts.)")
        return verdict._replace(line=f"{verdict.line} {note}")


@dataclass(frozen=True)
class Exercise:
    """A function to write. Called, it gives the right answer; `hint` adds a mistake."""

    # Gives the right answer by another way than the solution's.
    oracle: Callable
    # What to try the reader's function on: several tuples of arguments, so that no fixed answer
    # fits all; or functions that return such a tuple, where arguments cannot be copied. A function
    # in place of the sequence is given the data that the notebook's cell hands over.
    inputs: Sequence | Callable[..., Sequence]
    # Largest difference from the oracle that counts as right, absolute and relative.
    tolerance: float = 1e-6
    # How long the reader's function may take for one input.
    seconds: float = SECONDS
    # Names of functions, or of a library, that the exercise asks the reader to do without.
    without: Sequence[str] = ()
    # Given the arguments after a run, says what is wrong with how they were used, or nothing.
    afterwards: Callable[..., str] = lambda *_: ""
    # By its name, what people write in place of the answer, and the hint for it.
    mistakes: dict[str, Mistake] = field(default_factory=dict)

    def __call__(self, *arguments):
        """Give the right answer, for mistakes that start from it."""
        return self.oracle(*arguments)

    def hint(self, sentence: str) -> Callable[[Callable], Callable]:
        """Add the hint for answers that do what the decorated function does."""

        def note(makes: Callable) -> Callable:
            assert makes.__name__ not in self.mistakes, f"two mistakes {makes.__name__}"
            self.mistakes[makes.__name__] = Mistake(sentence, makes)
            return makes

        return note

    def judge(self, attempt: object, *, seconds: float | None = None, **data: object) -> Verdict:
        """Run an attempt beside the oracle; `data` is what the inputs are made of."""
        inputs = self.inputs_from(**data)
        return judging.exercise(
            attempt,
            lambda: self._answers_to(inputs) if data else self._answers,
            inputs,
            list(self.mistakes.values()),
            self.tolerance,
            self.seconds if seconds is None else seconds,
            self.without,
            self.afterwards,
        )

    def needs(self) -> dict[str, object]:
        """Return what the inputs are made of, by name."""
        return dict(inspect.signature(self.inputs).parameters) if callable(self.inputs) else {}

    def inputs_from(self, **data: object) -> Sequence:
        """Return the inputs, made of the notebook's data where they need it."""
        return self.inputs(**data) if callable(self.inputs) else self.inputs

    def _answers_to(self, inputs: Sequence) -> list:
        return [kept(self.oracle(*own(arguments))) for arguments in inputs]

    @functools.cached_property
    def _answers(self) -> list:
        # Made when they are first asked for, and kept: some take seconds.
        return self._answers_to(self.inputs_from())


class Questions:
    """What one notebook asks. Called with a name and an answer, it judges and keeps the score.

    The score lives in the kernel and is stored nowhere else. Running a check again replaces what
    was noted under its name.

    Examples
    --------
    >>> check = Questions()
    >>> check.prediction("six times seven", right=42, hints={13: "That is their sum."})
    >>> check("six times seven", 13, 6 * 7)
    You predicted 13. That is their sum.
    >>> check("six times seven", 42, 6 * 7)
    You predicted 42: right.
    """

    def __init__(self) -> None:
        self.predictions: dict[str, Prediction] = {}
        self.exercises: dict[str, Exercise] = {}
        self._noted: dict[str, Verdict] = {}
        watch_cells()

    def prediction(self, name: str, right: object, **options: Any) -> None:
        """Ask for a number or a word, with a `Prediction`'s tolerance, hints and so on.

        A cell calls ``check(name, guess, run)``.
        """
        assert name not in self.predictions | self.exercises, f"two questions {name!r}"
        self.predictions[name] = Prediction(right, **options)

    def exercise(
        self, name: str, inputs: Sequence | Callable[..., Sequence], **options: Any
    ) -> Callable[[Callable], Exercise]:
        """Ask for a function; decorates its oracle. The options are an `Exercise`'s.

        A cell calls ``check(name, function)``.
        """
        assert name not in self.predictions | self.exercises, f"two questions {name!r}"

        def ask(oracle: Callable) -> Exercise:
            self.exercises[name] = Exercise(oracle, inputs, **options)
            return self.exercises[name]

        return ask

    def __call__(self, name: str, answer: object, *run: Any, **data: Any) -> Answer:
        """Judge an answer and note it: a guess against the run, or a function against its oracle.

        Parameters
        ----------
        name : str
            Of the question, as ``answers.py`` has it.
        answer : object
            What the reader wrote.
        *run : number, str or torch.Tensor
            For a prediction, what the run gave.
        **data : object
            For an exercise, what its inputs are made of.

        Raises
        ------
        ValueError
            If no question has this name.
        """
        question = (self.predictions | self.exercises).get(name)
        if question is None:
            names = [*self.predictions, *self.exercises]
            near = difflib.get_close_matches(str(name), names, 1, 0) or [""]
            raise ValueError(f"no question is called {name!r}: give {near[0]!r}, or another name")
        if isinstance(question, Exercise) and (run or data.keys() != question.needs().keys()):
            function = getattr(answer, "__name__", "your_function")
            call = ", ".join([f'check("{name}"', function, *(f"{n}={n}" for n in question.needs())])
            return Answer(say("Not checked. Give it this: {call})", call=call), right=False)
        if is_left_over(answer):
            ask = say("Not checked: its cell failed, so this is the old function. Mend that cell.")
            return Answer(ask, right=False)
        verdict = question.judge(answer, *run, **data)
        self._noted[name] = verdict
        return Answer(verdict.line, verdict.right)

    def score(self) -> Answer:
        """Say how many predictions and exercises were met, and which to revisit."""
        names = [*self.predictions, *self.exercises]
        tried = {name for name, verdict in self._noted.items() if verdict.tried}
        right = {name for name in tried if self._noted[name].right}
        revisit = say("; ").join(say(name) for name in names if name in tried - right)
        untouched = say("; ").join(say(name) for name in names if name not in tried)
        lines = [
            say(
                "Predictions: {made} of {asked} made, {right} right. "
                "Exercises: {solved} of {set} solved.",
                made=len(self.predictions.keys() & tried),
                asked=len(self.predictions),
                right=len(self.predictions.keys() & right),
                solved=len(self.exercises.keys() & right),
                set=len(self.exercises),
            )
        ]
        if revisit:
            lines.append(say("To revisit: {names}.", names=revisit))
        if untouched:
            lines.append(say("Still open: {names}.", names=untouched))
        if not revisit and not untouched:
            lines.append(say("Nothing to revisit."))
        return Answer("\n".join(lines), not revisit and not untouched)
