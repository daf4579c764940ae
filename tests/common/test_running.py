"""A reader's code is run and outlived, whatever it does."""

import builtins
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
def test_an_attempt_leaves_no_traces(usual):
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

    at_first = torch.get_default_dtype()
    torch.set_default_dtype(usual)
    try:
        before = state()
        assert check(careless) == "Right."
        assert state() == before
    finally:
        torch.set_default_dtype(at_first)


def test_an_attempt_finds_pytorch_as_the_notebook_left_it():
    seen = []
    with torch.no_grad():
        check(lambda x: seen.append((torch.is_grad_enabled(), torch.get_num_threads())))
    assert seen == 2 * [(False, torch.get_num_threads())]


def test_little_that_an_attempt_prints_is_shown(capsys):
    check(forgets_return)
    assert capsys.readouterr().out == "5.0\n25.0\n"


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
