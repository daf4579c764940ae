"""A reader's code is run and outlived, whatever it does."""

import builtins
import contextvars
import random
import re
import sys
import threading
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from common.test_judging import check, forgets_return, raises
from helpers.common import running

ROOT = Path(__file__).resolve().parents[2]


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


LOOPS = [loops, loops_past_errors, loops_past_everything, loops_in_a_loop, loops_and_prints]


@pytest.mark.parametrize("attempt", [*LOOPS, loops_over_a_careful_function])
def test_a_loop_without_end_is_stopped(attempt, capsys):
    before = set(threading.enumerate())
    said = check(attempt, seconds=0.05)
    assert said.startswith("Not yet. Your code was still running after 0.05 s, so the check stop")
    assert set(threading.enumerate()) <= before
    assert len(capsys.readouterr().out) < 5_000


IN_A_KERNEL = """
from helpers.common.questions import Questions

check = Questions()
check.exercise("sizes", inputs=[(1,), (-2,)], seconds=0.1)(abs)

def loops(x):
    while True:
        try:
            print(x)
        except:
            pass

for attempt in (lambda x: exit(), lambda x: input(), loops):
    print(chr(10) + "Check:", check("sizes", attempt).text)
"""


@pytest.mark.proof
def test_a_kernel_lives_on_whatever_the_attempt_does():
    cells = [IN_A_KERNEL, "print(6 * 7, type(exit).__name__)"]
    notebook = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(ROOT)}}).execute()
    said = "".join(output.text for output in notebook.cells[0].outputs)
    told = re.findall("^Check: Not yet. Your code (quits|calls|was still)", said, re.MULTILINE)
    assert told == ["quits", "calls", "was still"]
    assert len(said) < 10_000
    assert notebook.cells[1].outputs[0].text == "42 ZMQExitAutocall\n"


def test_what_cannot_be_stopped_at_once_is_left_behind(monkeypatch):
    monkeypatch.setattr(running, "_SECONDS_TO_STOP", 0.05)
    gate, before = threading.Event(), set(threading.enumerate())
    said = check(lambda x: gate.wait(60), seconds=1.0)  # On a busy machine it begins late.
    assert said.startswith("Not yet. Your code was still running")
    (left_behind,) = set(threading.enumerate()) - before
    assert left_behind.daemon, "or Python would wait for it as it ends"
    gate.set()
    left_behind.join(60)
    assert not left_behind.is_alive(), "it does not end when it can"


def test_the_stop_button_stops_the_attempt_too(monkeypatch):
    def pressed(worker, seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "_wait", pressed)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        check(loops)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("usual", [torch.float32, torch.float64])
def test_an_attempt_leaves_no_traces(usual, monkeypatch):
    def careless(x):
        torch.manual_seed(1)
        random.seed(1)
        np.random.seed(1)
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float16)
        torch.set_num_threads(torch.get_num_threads() + 1)
        return (x**2).sum()

    def state():
        numbers = random.getstate(), torch.get_rng_state().tolist(), str(np.random.get_state())
        settings = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
        return *numbers, *settings, builtins.input, sys.stdout, sys.stderr

    def fails(x):
        careless(x)
        raise ValueError

    def loops_on(x):
        careless(x)
        loops(x)

    def pressed(worker, seconds):
        careless(torch.ones(1))
        raise KeyboardInterrupt

    ends = [(careless, "Right."), (fails, "Not yet. Your code stopped"), (loops_on, "Not yet. You")]
    at_first = torch.get_default_dtype()
    torch.set_default_dtype(usual)
    try:
        before = state()
        ways = "exit = quit = builtins.input = print\n    sys.stdout = None"
        meddles = f"def meddles(x):\n    global exit, quit\n    {ways}\n    raise {{}}"
        for error in ("ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit"):
            names = {"exit": exit, "quit": quit, "sys": sys, "builtins": builtins}
            exec(meddles.format(error), names)
            assert check(names["meddles"]).startswith("Not yet. Your code ")
            assert state() == before and (names["exit"], names["quit"]) == (exit, quit)
        for attempt, said in ends:
            assert check(attempt, seconds=0.5 if attempt is loops_on else 60).startswith(said)
            assert state() == before
        monkeypatch.setattr(running, "_wait", pressed)
        with torch.no_grad(), pytest.raises(KeyboardInterrupt):
            check(loops)
        assert state() == before
    finally:
        torch.set_default_dtype(at_first)


def test_what_an_attempt_may_call_is_put_back_as_it_was(monkeypatch):
    def mine(*_):
        return "mine"

    monkeypatch.setattr(builtins, "input", mine)
    source = "def leaves(x):\n    {}()\ndef asks(x):\n    return input()"
    for way, other in (("exit", "quit"), ("quit", "exit")):
        names = {way: mine, "torch": torch}
        exec(source.format(way), names)
        for name, said in (("leaves", "quits Python"), ("asks", "calls input()")):
            before = dict(names)
            assert check(names[name]).startswith(f"Not yet. Your code {said}")
            assert names == before and builtins.input is mine and other not in names


def test_an_attempt_finds_pytorch_as_the_notebook_left_it():
    seen = []
    with torch.no_grad():
        check(lambda x: seen.append((torch.is_grad_enabled(), torch.get_num_threads())))
    assert seen == 2 * [(False, torch.get_num_threads())]
    usual = torch.get_num_threads()
    torch.set_num_threads(usual + 2)
    try:
        assert running.outcome_of(torch.get_num_threads, ()) == usual + 2 == torch.get_num_threads()
        assert running.outcome_of(torch.is_grad_enabled, ()) is True
    finally:
        torch.set_num_threads(usual)


def test_little_that_an_attempt_prints_is_shown(capsys):
    check(forgets_return)
    assert capsys.readouterr().out == "5.0\n25.0\n"


def test_what_an_attempt_prints_is_cut_in_either_stream(capsys):
    def prints(x):
        for stream in (sys.stdout, sys.stderr):
            assert stream.write("a" * 3_000) == 3_000
            assert stream.write("b" * 3_000) == 3_000
            stream.write("c")
            stream.flush()

    outcome = running.outcome_of(prints, (1,))
    assert outcome is None
    shown = "a" * 3_000 + "b" * 1_000 + "\n…\n"
    assert capsys.readouterr() == (shown, shown)


def test_just_as_much_as_is_shown_is_followed_by_dots(capsys):
    running.outcome_of(lambda: print("a" * 3_998), ())
    assert capsys.readouterr().out == "a" * 3_998 + "\n"
    running.outcome_of(lambda: print("a" * 3_999), ())
    assert capsys.readouterr().out == "a" * 3_999 + "\n" + "\n…\n"


def failing(x):
    y = 2 * x
    return inner(y)


def inner(y):
    return y / 0


def calls_itself_once(n):
    if n == 0:
        raise ValueError("too small")
    return calls_itself_once(n - 1)


@pytest.mark.parametrize(
    ("attempt", "hint", "error", "message"),
    [
        (
            failing,
            "Your code stopped in line 3 with ZeroDivisionError: division by zero",
            ZeroDivisionError,
            "division by zero",
        ),
        (
            calls_itself_once,
            "Your code stopped in line 3 with ValueError: too small",
            ValueError,
            "too small",
        ),
        (raises(KeyError()), "Your code stopped in line 2 with KeyError", KeyError, ""),
        (int, "Your code stopped with ValueError: invalid literal for int()", ValueError, None),
        (
            raises(RecursionError("deep")),
            "Your function never stops calling itself: give it a case in which it returns.",
            RecursionError,
            "deep",
        ),
        (
            lambda x: input(x),
            "Your code calls input(); use the function's arguments instead.",
            running._Asked,
            "",
        ),
        (
            raises(SystemExit(3)),
            "Your code quits Python; to leave a function, use return.",
            SystemExit,
            "3",
        ),
        (
            lambda: 1,
            "Your function is called with 1 argument; it takes no arguments.",
            TypeError,
            "arguments",
        ),
        (
            lambda x, *more, y: 1,
            "Your function is called with 1 argument; it takes x, more, y.",
            TypeError,
            "arguments",
        ),
    ],
)
def test_an_error_has_its_hint_its_kind_and_its_message(attempt, hint, error, message):
    given = "one" if attempt is int else 1
    failure = running.outcome_of(attempt, (given,))
    assert failure.hint == hint if message is not None else failure.hint.startswith(hint)
    assert failure.error is error and message in (None, failure.message)
    assert failure.is_like(failure._replace(hint="Another."))
    assert not failure.is_like(failure._replace(message="another"))
    assert not failure.is_like(failure._replace(error=OSError))
    assert not failure.is_like(tuple(failure))


def test_the_number_of_arguments_is_told():
    for given, said in (((), "0 arguments"), ((1,), "1 argument"), ((1, 2), "2 arguments")):
        hint = running.outcome_of(lambda a, b, c: 1, given).hint
        assert hint == f"Your function is called with {said}; it takes a, b, c."


def test_time_is_up_after_the_seconds_that_are_given():
    failure = running.outcome_of(loops, (1,), 0.25)
    assert failure.hint == (
        "Your code was still running after 0.25 s, so the check stopped waiting. Does its loop end?"
    )
    assert failure.error is running._Stopped and failure.message == ""
    assert running.SECONDS == 5.0


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (2**128, "a number of 129 bits"),
        (2**127, str(2**127)),
        ("a\n  b\tc", "a b c"),
        ("<b> at 0x1", "<b> at 0x1"),
        (ValueError("<b> at 0x1"), "<b> at 0x1"),
        (object(), "something of type object"),
        (len, "something of type builtin_function_or_method"),
        ([object()], "something of type list"),
        (sys, "something of type module"),
        ("a" * 300, "a" * 300),
        ("a" * 301, "a" * 300 + " …"),
        (None, "None"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_told_on_one_line(value, line):
    assert running.one_line(value) == line


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("", []),
        ("def f(x):\n    y = 1\n    return y", ["f"]),
        ("async def f(x):\n    y = 1", ["f"]),
        ("class F:\n    y = 1", ["F"]),
        ("f = g = 1\nh: int = 2\nk += 1", ["f", "g", "h", "k"]),
        ("(f, [g]) = 1, [2]", ["f", "g"]),
        ("for f in []:\n    with g as h:\n        k = 1", ["f", "h", "k"]),
        ("if (f := 1):\n    pass", ["f"]),
        ("f.g = 1\nf[0] = 2\nf(g=1)", []),
        ("    f = 1", ["f"]),
        ("    def f(x):\n        y = 1\n        return y", ["f"]),
        ("def f(x):\n    return '\0'", ["f"]),
        ("def f(x) 1", ["f"]),
        ("class F 1", ["F"]),
        ("f = 1 1; g = 2", ["f", "g"]),
        ("f == 1 1", []),
        ("class F:\n    def g(self) 1", ["F"]),
    ],
)
def test_the_names_that_a_cell_defines_are_found(cell, names):
    assert sorted(running._defined_in(cell)) == sorted(names)


def test_what_is_kept_is_nobody_elses():
    tensor, array = torch.ones(2, requires_grad=True), np.ones(2)
    for made in (tensor, [tensor], (tensor,), {1: tensor}.values(), iter([tensor])):
        kept = running.kept(made)
        (kept,) = kept if isinstance(kept, list) else (kept,)
        assert not kept.requires_grad and kept.data_ptr() != tensor.data_ptr()
        assert torch.equal(kept, torch.ones(2))
    (kept,) = running.kept([array])
    array[:] = 7
    assert kept.tolist() == [1, 1] and running.kept(range(3)) == [0, 1, 2]
    assert len(running.kept(range(10_001))) == 10_000 == len(running.kept([0] * 10_000))
    mapping = {1: 2}
    assert running.kept(mapping) is mapping and running.kept("ab") == "ab"


def test_arguments_are_copied_or_made():
    table = [torch.ones(2)]
    (copied,) = running.own((table,))
    assert copied is not table and copied[0].data_ptr() != table[0].data_ptr()
    assert running.own(lambda: (table,))[0] is table


def test_the_functions_that_are_called_are_noted_with_their_library():
    called: set = set()

    def attempt(x):
        torch.nn.functional.softmax(x, 0)
        torch.special.gammaln(x + 1)
        return torch.linalg.inv(x @ x) + max(1, 2) + my_own(x)

    def my_own(x):
        return x.exp()

    usual = sys.getprofile()
    assert running.outcome_of(attempt, (torch.eye(2),), called=called).shape == (2, 2)
    assert {"softmax", "torch", "inv", "max", "exp", "gammaln"} <= called
    assert (
        not {"my_own", "attempt", "linalg_inv", "special_gammaln", "numpy", "common", "kept"}
        & called
    )
    assert sys.getprofile() is usual
    assert running.outcome_of(attempt, (torch.eye(2),)).shape == (2, 2)


def test_an_attempt_finds_the_notebooks_context():
    precision = contextvars.ContextVar("precision", default=1)
    precision.set(7)

    def attempt():
        found = precision.get()
        precision.set(9)
        return found

    assert running.outcome_of(attempt, ()) == 7 == precision.get()


def test_the_size_of_a_threads_stack_is_put_back():
    usual = threading.stack_size(2**20)
    try:
        assert running.outcome_of(lambda: threading.stack_size(), ()) in (2**20, 64 * 2**20)
        assert threading.stack_size() == 2**20
    finally:
        threading.stack_size(usual)


def test_a_thread_begins_with_room_for_deep_recursion(monkeypatch):
    begun, start = [], threading.Thread.start

    def noted(thread):
        begun.append(threading.stack_size())
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", noted)
    assert running.outcome_of(abs, (-1,)) == 1 and begun == [64 * 2**20]


@pytest.mark.parametrize(
    ("room", "noted"),
    [
        ("torch.nn", {"torch", "helps"}),
        ("numpy.linalg", {"numpy", "helps"}),
        ("scipy.special", {"scipy", "helps"}),
        ("helpers.ols_and_ridge.formulas", {"helpers", "helps"}),
        ("helpers.common.judging", set()),
        ("my.torch", set()),
        (None, set()),
    ],
)
def test_a_function_is_noted_if_it_comes_from_a_library(room, noted):
    names = {"__name__": room}
    exec("def helps(): pass", names)
    called: set = set()
    running.outcome_of(lambda: names["helps"](), (), called=called)
    assert {"helps", "torch", "numpy", "scipy", "helpers", "my"} & called == noted


def test_what_has_begun_to_load_is_loaded_to_its_end(tmp_path, monkeypatch):
    """PyTorch loads parts of itself when they are first used; half of one would stay broken."""
    slow = "import time\nfor _ in range(10):\n    time.sleep(0.05)\nLOADED = True"
    (tmp_path / "a_slow_module.py").write_text(slow)
    monkeypatch.syspath_prepend(tmp_path)

    def imports(x):
        import a_slow_module

        while a_slow_module.LOADED:
            pass

    assert check(imports, seconds=0.1).startswith("Not yet. Your code was still running")
    assert sys.modules.pop("a_slow_module").LOADED


def test_an_error_that_cannot_be_written_down_is_named():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    assert (
        check(raises(Mute))
        == "Not yet. Your code stopped in line 2 with Mute: something of type Mute"
    )
