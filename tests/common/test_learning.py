"""What a reader is told for a guess or an exercise, whatever the code does."""

import builtins
import math
import random
import sys
import threading
from fractions import Fraction
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from helpers.common import learning

ROOT = Path(__file__).resolve().parents[2]

OTHERWISE = "the run says otherwise. Look at the output above once more."


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (None, learning.NO_GUESS),
        (..., learning.NO_GUESS),
        (4, "You predicted 4: right."),
        (4.0, "You predicted 4.0: right."),
        (4.05, "You predicted 4.05: right."),
        (2, "You predicted 2. The chain goes on."),
        (3, "You predicted 3; the run gave more."),
        (9, "You predicted 9; the run gave less."),
        (10**400, "You predicted a number of 1329 bits; the run gave less."),
        (Fraction(8, 2), "You predicted 4: right."),
        (math.nan, f"You predicted nan; {OTHERWISE}"),
        ("4", "You predicted '4', which is text; write a number, without quotes."),
        (torch.tensor(4.0), "You predicted 4.0: right."),
        (torch.tensor([[4.0], [4.0]]), f"You predicted tensor([[4.], [4.]]); {OTHERWISE}"),
        (np.int64(4), "You predicted 4: right."),
        (True, f"You predicted True; {OTHERWISE}"),
    ],
)
def test_a_prediction_gets_its_word(guess, said):
    words = {2: "The chain goes on."}
    assert learning.check_prediction(guess, 4, tolerance=0.1, misconceptions=words) == said


def test_a_choice_is_compared_as_it_stands():
    words = {"lower": "Think of the ends."}
    assert learning.check_prediction("higher", "higher").endswith("right.")
    assert learning.check_prediction(" Higher ", "higher").endswith("right.")
    assert OTHERWISE in learning.check_prediction("sideways", "higher")
    assert OTHERWISE in learning.check_prediction(1, "higher")
    assert "Think of the ends" in learning.check_prediction("lower", "higher", misconceptions=words)
    assert learning.check_prediction(True, True).endswith("right.")
    assert OTHERWISE in learning.check_prediction(False, True)


def test_a_run_may_answer_with_a_tensor_of_one_number():
    """Notebook 06 takes its first answer out of what a process brought back."""
    for answer in (torch.tensor(3.0), torch.tensor(3), np.float64(3)):
        assert learning.check_prediction(3, answer) == "You predicted 3: right."
        assert learning.check_prediction(2, answer) == "You predicted 2; the run gave more."


def test_a_guess_too_long_to_write_down_is_still_a_guess():
    said = learning.check_prediction(10**5000, 3)
    assert said == "You predicted a number of 16610 bits; the run gave less."


INPUTS = [(torch.tensor([1.0, 2.0]),), (torch.tensor([3.0, 0.0, 4.0]),)]


def check(attempt, **options) -> str:
    return learning.check_exercise(
        attempt,
        lambda x: sum(entry**2 for entry in x.tolist()),
        INPUTS,
        mistakes={
            "Take squares.": lambda x: float(x.sum()),
            "No root.": lambda x: float(x.norm()),
            "The vector is not always of length 2.": lambda x: x @ torch.ones(2),
            "Not the logarithm.": lambda x: (x - 1).log().sum() * math.nan,
        },
        **options,
    )


def forgets_return(x):
    print((x**2).sum().item())


def has_a_blank_between_lines(x):
    doubled = 2 * x
    ...
    doubled.grad  # noqa: B018


def divides_by_zero(x):
    count = 0
    return x.sum() / int(count) if count else 1 / count


def raises_nothing_said(x):
    raise RuntimeError


def raises_in_many_lines(x):
    raise ValueError("first\nsecond")


def calls_itself(x):
    return calls_itself(x)


def calls_itself_through_c(x):
    return sorted([x], key=calls_itself_through_c)


def ends_the_program(x):
    sys.exit(1)


def leaves(x):
    exit()


def asks(x):
    return float(input("How long is it? "))


def interrupts(x):
    raise KeyboardInterrupt


def changes_its_argument(x):
    x *= x
    return x.sum()


ONE_TENSOR = torch.zeros(())


def answers_with_one_tensor(x):
    return ONE_TENSOR.copy_((x**2).sum())


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: (x**2).sum(), "Right."),
        (lambda x: float((x**2).sum()), "Right."),
        (lambda x: (x**2).sum().requires_grad_(), "Right."),
        (lambda x: np.sum(x.numpy() ** 2), "Right."),
        (changes_its_argument, "Right."),
        (answers_with_one_tensor, "Right."),
        (lambda x: None, learning.NO_ATTEMPT),
        (lambda x: ..., learning.NO_ATTEMPT),
        (has_a_blank_between_lines, learning.NO_ATTEMPT),
        (lambda: 5.0, "Not yet. Your function is called with 1 argument; it takes no arguments."),
        (lambda x, y: 5.0, "Not yet. Your function is called with 1 argument; it takes x, y."),
        (lambda x: x.sum(), "Not yet. Take squares."),
        (lambda x: x.norm(), "Not yet. No root."),
        (lambda x: 5.0, "Not yet. The value differs"),
        (lambda x: math.nan, "Not yet. Not the logarithm."),
        (lambda x: 5.0 if len(x) == 2 else math.nan, "Not yet. There is a NaN in it"),
        (lambda x: math.inf, "Not yet. The value differs"),
        (lambda x: 10**400, "Not yet. That is of type int"),
        (lambda x: True, "Not yet. That is True or False; give a number."),
        (lambda x: 5 + 0j, "Not yet. That holds complex numbers"),
        (
            lambda x: (x**2).sum().reshape(1),
            "Not yet. That has shape (1,); the answer has shape ().",
        ),
        (lambda x: x**2, "Not yet. That has shape (2,)"),
        (lambda x: [(x**2).sum()], "Not yet. That has shape (1,)"),
        (lambda x: "5", "Not yet. That is of type str; give a number or a tensor."),
        (lambda x: iter(x), "Not yet. That is of type"),
        (lambda x: torch.nn.Linear(2, 2), "Not yet. That is of type Linear"),
        (torch.nn.Linear(5, 2), "Not yet. Your code stopped with RuntimeError"),
        (lambda x: None if len(x) > 2 else 5.0, "Not yet. For one of the inputs your function"),
        (7, "Not yet. The answer is a function; yours is of type int."),
        (forgets_return, "Not yet. Your function gives nothing back. Does it end with return?"),
        (divides_by_zero, "Not yet. Your code stopped in line 3 with ZeroDivisionError: division"),
        (raises_nothing_said, "Not yet. Your code stopped in line 2 with RuntimeError: no message"),
        (raises_in_many_lines, "Not yet. Your code stopped in line 2 with ValueError: first secon"),
        (calls_itself, "Not yet. Your function calls itself again and again"),
        (calls_itself_through_c, "Not yet. Your function calls itself again and again"),
        (ends_the_program, "Not yet. Your code ends the program; leave a function with return."),
        (leaves, "Not yet. Your code ends the program; leave a function with return."),
        (asks, "Not yet. Your code asks with input(); take what it needs from its arguments."),
        (interrupts, "Not yet. Your code stopped in line 2 with KeyboardInterrupt"),
    ],
)
def test_an_exercise_gets_its_word(attempt, said):
    answer = check(attempt)
    assert answer.startswith(said)
    assert "\n" not in answer
    assert torch.equal(INPUTS[0][0], torch.tensor([1.0, 2.0])), "an input was changed"


def test_a_mistake_that_raises_has_its_hint_too():
    assert check(lambda x: x @ torch.ones(2)) == "Not yet. The vector is not always of length 2."


def loops(x):
    while True:
        pass


def loops_past_errors(x):
    while True:
        try:
            x.sum().item()
        except Exception:
            pass


def loops_past_everything(x):
    while True:
        try:
            x.sum().item()
        except:  # noqa: E722
            pass


def loops_in_a_loop(x):
    while True:
        try:
            while True:
                x.sum().item()
        except BaseException:
            continue


def loops_over_a_careful_function(x):
    def careful():
        try:
            x.sum().item()
        except:  # noqa: E722
            return 1
        finally:
            len("a")

    while True:
        careful()


def loops_and_prints(x):
    while True:
        print("still here")


@pytest.mark.parametrize(
    "attempt",
    [
        loops,
        loops_past_errors,
        loops_past_everything,
        loops_in_a_loop,
        loops_over_a_careful_function,
        loops_and_prints,
    ],
)
def test_a_loop_without_end_is_stopped(attempt, capsys):
    threads = threading.active_count()
    said = check(attempt, seconds=0.05)
    assert said.startswith("Not yet. Your code still ran after 0.05 s and was stopped.")
    assert threading.active_count() == threads
    assert len(capsys.readouterr().out) < 5_000


IN_A_KERNEL = """
from helpers.common import learning

def leaves(x):
    exit()

def asks(x):
    return input()

def loops(x):
    while True:
        try:
            print(x)
        except:
            pass

for attempt in (leaves, asks, loops):
    said = learning.check_exercise(attempt, abs, [(1,), (-2,)], seconds=0.1)
    print(chr(10) + "Check:", said)
"""


def test_a_kernel_lives_on_whatever_the_attempt_does():
    cells = [IN_A_KERNEL, "print(6 * 7, type(exit).__name__)"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(ROOT)}}).execute()
    said = [output.text for output in notebook.cells[0].outputs]
    checks = [line for line in "".join(said).splitlines() if line.startswith("Check: ")]
    assert [check.split()[5:7] for check in checks] == [
        ["ends", "the"],
        ["asks", "with"],
        ["still", "ran"],
    ]
    assert len("".join(said)) < 10_000
    assert notebook.cells[1].outputs[0].text == "42 ZMQExitAutocall\n"


def test_what_cannot_be_stopped_at_once_is_left_behind(monkeypatch):
    monkeypatch.setattr(learning, "_SECONDS_TO_STOP", 0.05)
    gate, before = threading.Event(), set(threading.enumerate())
    said = check(lambda x: gate.wait(60), seconds=0.05)
    assert said.startswith("Not yet. Your code still ran")
    (left_behind,) = set(threading.enumerate()) - before
    gate.set()
    left_behind.join(60)
    assert not left_behind.is_alive(), "it does not end when it can"


def test_the_stop_button_stops_the_attempt_too(monkeypatch):
    def pressed(worker, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(learning, "_wait", pressed)
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        check(loops)
    assert threading.active_count() == threads


def test_an_attempt_leaves_no_traces():
    def careless(x):
        torch.manual_seed(1)
        random.seed(1)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(torch.get_num_threads() + 1)
        return (x**2).sum()

    torch.manual_seed(0)
    random.seed(0)
    expected = torch.rand(1), random.random()
    torch.manual_seed(0)
    random.seed(0)
    threads, usual_input, stdout = torch.get_num_threads(), builtins.input, sys.stdout
    assert check(careless) == "Right."
    assert (torch.rand(1), random.random()) == expected
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads
    assert builtins.input is usual_input
    assert sys.stdout is stdout


def test_an_attempt_finds_pytorch_as_the_notebook_left_it():
    seen = []
    with torch.no_grad():
        check(lambda x: seen.append((torch.is_grad_enabled(), torch.get_num_threads())))
    assert seen == 2 * [(False, torch.get_num_threads())]


def test_little_that_an_attempt_prints_is_shown(capsys):
    check(forgets_return)
    assert capsys.readouterr().out == "5.0\n25.0\n"


def test_an_answer_may_be_a_value():
    def word(attempt):
        mistakes = {"That is the other end.": lambda: "left"}
        return learning.check_exercise(attempt, lambda: "right", [()], mistakes=mistakes)

    assert word(" Right ") == "Right."
    assert word(None) == learning.NO_ATTEMPT
    assert word(...) == learning.NO_ATTEMPT
    assert word("left") == "Not yet. That is the other end."
    assert word("up").startswith("Not yet. Another word is right")
    assert word(3) == "Not yet. That is of type int; give one of the words, in quotes."

    def table(attempt):
        return learning.check_exercise(attempt, lambda: torch.eye(2), [()])

    assert table([[1, 0], [0, 1]]) == "Right."
    assert table(torch.ones(2)).startswith("Not yet. That has shape (2,)")
    assert table(3).startswith("Not yet. That has shape ()")
    assert table(torch.eye(2) * math.nan).startswith("Not yet. There is a NaN")


def test_an_answer_may_have_parts():
    def word(attempt):
        mistakes = {"The other way round.": lambda n: ("even", torch.ones(n))}
        return learning.check_exercise(
            attempt, lambda n: (torch.ones(n), "even"), [(2,), (4,)], mistakes=mistakes
        )

    assert word(lambda n: (torch.ones(n), "Even")) == "Right."
    assert word(lambda n: [torch.ones(n), "even"]) == "Right."
    assert word(lambda n: ("even", torch.ones(n))) == "Not yet. The other way round."
    assert word(lambda n: torch.ones(n)) == (
        "Not yet. The answer has 2 parts: give them with commas between."
    )
    assert word(lambda n: (torch.ones(2), "even")).startswith("Not yet. That has shape (2,)")
    assert word(lambda n: (torch.ones(n), None)).startswith("Not yet. That is of type NoneType")


def test_inputs_with_a_graph_are_made_anew():
    def leaf_and_loss():
        x = torch.tensor(3.0, requires_grad=True)
        return x, x**2

    def slope(x, loss):
        loss.backward()
        return x.grad

    inputs = [leaf_and_loss, leaf_and_loss]
    assert learning.check_exercise(slope, lambda x, loss: 6.0, inputs) == "Right."
    with pytest.raises(TypeError, match="inputs holds something that cannot be copied: give a"):
        learning.check_exercise(slope, lambda x, loss: 6.0, [leaf_and_loss()])


def test_a_check_without_inputs_or_name_is_refused():
    with pytest.raises(ValueError, match="inputs is empty"):
        learning.check_exercise(lambda x: x, lambda x: x, [])
    for name in ("", "  ", None):
        with pytest.raises(ValueError, match="name is .*: give a few words"):
            learning.Progress().check_prediction(name, 1, 1)


def test_progress_counts_and_names_what_to_revisit():
    progress = learning.Progress()
    assert str(progress) == (
        "Predictions: 0 of 0 made, 0 right. Exercises: 0 of 0 solved.\nNothing to revisit."
    )
    assert progress.check_prediction("the sum", None, 3) == learning.NO_GUESS
    assert progress.check_prediction("the product", 3, 2) == "You predicted 3; the run gave less."
    assert progress.check_prediction("the quotient", 1, 1).endswith("right.")
    progress.check_exercise("squares", lambda x: x**3, lambda x: x**2, [(2,), (3,)])
    progress.check_exercise("roots", lambda x: ..., math.sqrt, [(2,), (3,)])
    assert str(progress).splitlines() == [
        "Predictions: 2 of 3 made, 1 right. Exercises: 0 of 2 solved.",
        "To revisit: the product; squares.",
        "Still open: the sum; roots.",
    ]
    progress.check_prediction("the sum", 3, 3)
    progress.check_prediction("the product", 2, 2)
    progress.check_exercise("squares", lambda x: x * x, lambda x: x**2, [(2,), (3,)])
    progress.check_exercise("roots", math.sqrt, math.sqrt, [(2,), (3,)])
    assert str(progress) == (
        "Predictions: 3 of 3 made, 3 right. Exercises: 2 of 2 solved.\nNothing to revisit."
    )
    progress.check_prediction("the sum", 4, 3)
    assert "To revisit: the sum." in str(progress)
