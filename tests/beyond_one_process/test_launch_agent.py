"""What is handed to the agent that starts the processes, and what is made of what it leaves."""

import os
from pathlib import Path

import pytest
import torch

from helpers.beyond_one_process import copies, launch


class Agent:
    """Writes what it is told to, at once, in place of processes; notes what is asked of it."""

    def __init__(self, said=None, results=(), noise=None, late=False, exitcode=0):
        self.said, self.results, self.noise = said or {}, results, noise
        self.late, self.exitcode, self.asked = late, exitcode, []

    def start(self, folder: Path, run, processes, restarts, environment):
        self.run, self.processes, self.restarts = run, processes, restarts
        self.environment, self.folder = environment, folder
        for name, text in self.said.items():
            (folder / "said" / name).write_text(text, encoding="utf-8")
        for rank, result in enumerate(self.results):
            torch.save(result, folder / str(rank))
        if self.noise is not None:
            (folder / "noise").write_text(self.noise, encoding="utf-8")
        return self

    def join(self, *seconds):
        self.asked.append(("join", *seconds))

    def is_alive(self):
        return self.late

    def terminate(self):
        self.asked.append(("terminate",))


@pytest.fixture
def agent(monkeypatch):
    def make(**told) -> Agent:
        made = Agent(**told)
        monkeypatch.setattr(copies, "start_agent", made.start)
        return made

    return make


def double(number):
    return 2 * number


def test_lines_come_in_the_order_of_attempts_and_ranks(agent):
    agent(said={"001-000": "fourth\n", "000-010": "third", "000-002": "first\nsecond\n"})
    launched = launch.module("some.command")
    assert launched.said == (
        (0, 2, "first"),
        (0, 2, "second"),
        (0, 10, "third"),
        (1, 0, "fourth"),
    )
    assert launched.results == ()
    assert str(launched).splitlines() == [
        "attempt 0, rank 2 | first",
        "attempt 0, rank 2 | second",
        "attempt 0, rank 10 | third",
        "attempt 1, rank 0 | fourth",
    ]


def test_one_attempt_is_not_counted(agent):
    agent(said={"000-000": "here", "000-001": "there"}, results=[4, [5]])
    launched = launch.in_processes(double, 2)
    assert str(launched) == "rank 0 | here\nrank 1 | there" and launched.results == (4, [5])


def test_a_second_attempt_is_counted_where_the_first_has_said_nothing(agent):
    agent(said={"000-000": "", "001-000": "here"}, results=[4, 5])
    assert str(launch.in_processes(double, 2, restarts=1)) == "attempt 1, rank 0 | here"


def test_two_processes_start_once_unless_more_is_asked_for(agent, monkeypatch):
    monkeypatch.setenv("GARMENT", "coat")
    started = agent(results=[0, 0, 0])
    launch.in_processes(double, 1)
    assert (started.processes, started.restarts) == (2, 0)
    more = {"OMP_NUM_THREADS": "1", "USE_LIBUV": "0", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    assert started.environment == {**os.environ, **more}
    assert started.environment["GARMENT"] == "coat"
    assert started.asked == [("join", 300.0), ("terminate",), ("join",)]
    assert not started.folder.exists()
    launch.in_processes(double, 1, processes=3, restarts=2)
    assert (started.processes, started.restarts) == (3, 2)
    launch.module("helpers.run", "--epochs", 3, Path("here"))
    assert (started.processes, started.restarts) == (2, 0)
    assert started.run.func is copies.run_main
    assert started.run.args == ("helpers.run", ["--epochs", "3", "here"])
    launch.module("helpers.run", processes=1)
    assert started.processes == 1


def test_a_function_is_sent_as_a_script_with_its_arguments(agent, monkeypatch):
    started, seen = agent(results=[0, 0]), {}
    start = started.start

    def look(folder, *more):
        seen["script"] = (folder / "script.py").read_text(encoding="utf-8")
        seen["arguments"] = torch.load(folder / "arguments", weights_only=True)
        return start(folder, *more)

    monkeypatch.setattr(copies, "start_agent", look)
    launch.in_processes(double, 1, "two", [3.0])
    assert seen["arguments"] == (1, "two", [3.0])
    assert "def double(number):\n    return 2 * number\n" in seen["script"]
    assert 'if __name__ == "__main__":' in seen["script"]
    assert started.run.keywords == {"run_name": "__main__"}
    compile(seen["script"], "script.py", "exec")


NO_START = 'nothing has begun; in a script, is what it runs under if __name__ == "__main__":?'


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (dict(late=True, noise="slow"), "the processes had not ended after 300 s:\nslow"),
        # What is ended from outside has an exit code as well.
        (dict(late=True, exitcode=-15, noise="slow"), "the processes had not ended after 300 s:\n"),
        (dict(exitcode=1, noise="on purpose"), "the processes ended with 1:\non purpose"),
        (dict(exitcode=-9, noise=""), "the processes ended with -9:\n"),
        (dict(exitcode=1), f"the processes ended with 1:\n{NO_START}"),
        (dict(late=True), f"the processes had not ended after 300 s:\n{NO_START}"),
        (dict(results=[1]), "double ended its process and returned nothing: let it return"),
    ],
)
def test_what_did_not_end_well_is_told_and_ended(agent, told, words):
    started = agent(**told)
    with pytest.raises(RuntimeError) as failed:
        launch.in_processes(double, 1)
    assert str(failed.value).startswith(words)
    assert started.asked[1:] == [("terminate",), ("join",)]
    assert not started.folder.exists()


def test_an_interrupt_ends_the_processes_first(agent):
    started = agent()

    def interrupted(*seconds):
        started.asked.append(("join", *seconds))
        if seconds:
            raise KeyboardInterrupt

    started.join = interrupted
    with pytest.raises(KeyboardInterrupt):
        launch.module("helpers.run")
    assert started.asked == [("join", 300.0), ("terminate",), ("join",)]
    assert not started.folder.exists()


def test_how_many_may_be_started(agent):
    started = agent(results=[0] * 64)
    launch.in_processes(double, 1, processes=64)
    assert started.processes == 64
    for start in (lambda n: launch.in_processes(double, 1, processes=n), None):
        start = start or (lambda n: launch.module("helpers.run", processes=n))
        for number in (0, 65):
            with pytest.raises(ValueError, match="^processes is "):
                start(number)
    with pytest.raises(ValueError, match="^restarts is -1"):
        launch.in_processes(double, 1, restarts=-1)


def test_only_what_def_made_and_what_can_be_handed_over_is_started(agent):
    started = agent()
    nameless = lambda: None  # noqa: E731
    exec("def sourceless(): ...", names := {})
    for work in (nameless, names["sourceless"]):
        words = f"^work is {work.__name__}, whose source cannot be found: write it with def$"
        with pytest.raises(ValueError, match=words):
            launch.in_processes(work)
    for argument in (torch.nn.Linear(1, 1), lambda: None):
        with pytest.raises(TypeError) as refused:
            launch.in_processes(double, 1, argument)
        said = str(refused.value)
        kinds = f"arguments are int, {type(argument).__name__}, and one of them cannot be handed"
        assert said.startswith(kinds)
        assert said.endswith("give numbers, strings, tensors, lists and dicts of them")
    assert not hasattr(started, "folder")
