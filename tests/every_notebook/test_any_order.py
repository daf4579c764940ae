"""Any order, any state: whatever a reader does with a notebook, the results are the stored ones.

In one kernel each notebook has every cell run twice in a row, and is then run once more from top to
bottom. So each cell meets what it left behind itself, and what the whole notebook left behind. In
the three notebooks that train for long, the kernel is interrupted in the middle of it, the cell is
run again, and all that follows. Each run is compared as nbval compares it: the cells are its own.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from queue import Empty

import psutil
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, coalesce_streams

from every_notebook import pictures
from every_notebook.series import NOTEBOOKS, exceptions

TESTS = Path(__file__).resolve().parent
# For a notebook that hangs; a busy machine is to stay far below it.
SECONDS_A_CELL = 1_200

_PIPELINE = "04_fashion_mnist_pipeline"
_PROCESSES = "06_beyond_one_process"
# Cells that are not run twice in a row: (notebook, cell id) and the reason.
RUN_ONCE = exceptions("RUN_ONCE")
# In these the kernel is interrupted first: (notebook, cell id) and in the middle of what.
INTERRUPTED = exceptions("INTERRUPTED")

# Run in these kernels first. What is only timed is no state, and takes no time here: notebook 04's
# slow ways, timed in one round with what they walk, are told ten seconds, and all else is told one.
TIME_STANDS_STILL = {
    _PIPELINE: """
from helpers.fashion_mnist_pipeline import training as _training

_training.seconds = lambda _, *given, rounds=3: 10.0 if given and rounds == 1 else 1.0
""",
    _PROCESSES: """
from helpers.beyond_one_process import launch as _launch

_in_processes = _launch.in_processes


def _start(work, *arguments, **options):
    if work.__name__ == "time_a_step":
        return _launch.Launched((), ({"notebook 04's": 1.0, "small CNN": 1.0},))
    return _in_processes(work, *arguments, **options)


_launch.in_processes = _start
""",
}
# Run in a kernel before a cell that trains: its hundredth step takes this back and interrupts the
# kernel. So it happens there, however fast or busy the machine is.
INTERRUPT_AT_A_STEP = """
import signal as _signal

from helpers.fashion_mnist_pipeline import training as _training
from torch.optim.optimizer import register_optimizer_step_post_hook as _register

_steps, _ours = [0], _training.MomentumSGD.step  # which is no optimizer of PyTorch's


def _note(*_):
    _steps[0] += 1
    if _steps[0] == 100:
        _hook.remove()
        _training.MomentumSGD.step = _ours
        _signal.raise_signal(_signal.SIGINT)


def _noted(self):
    _ours(self)
    _note()


_hook, _training.MomentumSGD.step = _register(_note), _noted
"""

# They take longest, and change least.
WEEKLY = ("03_gradient_descent", "05_debugging_clinic")


@pytest.fixture(
    params=[
        pytest.param(path, marks=pytest.mark.weekly if path.stem in WEEKLY else pytest.mark.proof)
        for path in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
def notebook(request, monkeypatch):
    option = request.config.option
    monkeypatch.setattr(option, "nbval_sanitize_with", str(TESTS / "nbval_sanitize.cfg"))
    monkeypatch.setattr(option, "nbval_cell_timeout", SECONDS_A_CELL)
    pictures.compare_pictures_too()
    # Not its own set-up, which measures the memory: here it is run several times.
    opened = IPyNbFile.from_parent(request.session, path=request.param)
    opened.kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=str(request.param.parent))
    opened.setup_sanitize_files()
    yield opened
    opened.kernel.stop()


def complaint(cell: IPyNbCell) -> str:
    """Run a cell and return in words what is wrong with its outputs; nothing if all is well."""
    try:
        cell.runtest()
    except NbCellError as error:
        return f"{cell.cell.id}: {error}\n{error.inner_traceback or ''}"
    return ""


def run(kernel: RunningKernel, source: str, meanwhile: Callable = lambda: None) -> str | None:
    """Run a source, do something again and again `meanwhile`; return the name of its error."""
    kernel.execute_cell_input(source, allow_stdin=False)
    while True:
        with contextlib.suppress(Empty):
            return kernel.get_message("shell", timeout=0.01)["content"].get("ename")
        meanwhile()
        assert kernel.is_alive(), "the kernel has died"


def _has_said(process: psutil.Process) -> int | None:
    """Return how many bytes a process has said; None if it is not one that takes part."""
    try:
        files = [Path(file.path) for file in process.open_files()]
        return next((file.stat().st_size for file in files if file.parent.name == "said"), None)
    except (psutil.Error, OSError):
        return None  # It has only begun, or has just ended.


def interrupt_the_processes(kernel: RunningKernel, source: str) -> None:
    """Interrupt a cell while its processes train, and see that none of them is left behind."""
    parent = psutil.Process(kernel.km.provisioner.pid)
    stopped: list[psutil.Process] = []

    def interrupt_if_they_train() -> None:
        """Interrupt once two processes have begun to say what they do, while they stand still."""
        said = {child: _has_said(child) for child in parent.children(recursive=True)}
        workers = [child for child, words in said.items() if words is not None]
        if stopped or len(workers) < 2 or not any(said.values()):
            return
        for worker in workers:
            worker.suspend()
        stopped.extend(workers)
        kernel.interrupt()
        for worker in workers:
            worker.resume()

    for _ in range(5):
        # They may end between the look and the stop: the cell comes to its end, and is run again.
        error = run(kernel, source, interrupt_if_they_train)
        if stopped:
            break
    assert error == "KeyboardInterrupt"
    gone, alive = psutil.wait_procs(stopped, timeout=120)
    for process in alive:
        process.kill()
    assert len(gone) == 2 and not alive, "processes that nobody ends"
    # What Python itself has started for the kernel stays, with nothing under it.
    for child in parent.children():
        left = [one.status() for one in child.children(recursive=True)]
        assert set(left) <= {psutil.STATUS_ZOMBIE}, "the agent itself"


def test_any_order_any_state_the_same_results(notebook):
    name, kernel = notebook.path.stem, notebook.kernel
    cells = list(notebook.collect())
    for cell in cells:  # Else nbval would lengthen them in each run.
        cell.cell.outputs = coalesce_streams(cell.cell.outputs)
    assert run(kernel, TIME_STANDS_STILL.get(name, "")) is None
    found = []
    for cell in cells:
        what = INTERRUPTED.get((name, cell.cell.id))
        if what == "processes":
            interrupt_the_processes(kernel, cell.cell.source)
        elif what:
            assert run(kernel, INTERRUPT_AT_A_STEP) is None
            assert run(kernel, cell.cell.source) == "KeyboardInterrupt"
        found.append(("the first time", complaint(cell)))
        if (name, cell.cell.id) not in RUN_ONCE:
            found.append(("the second time in a row", complaint(cell)))
    # Notebook 04 takes a minute and more, and makes anew in each cell what it trains: a run from
    # top to bottom after that of each cell would tell little that is new.
    if name != _PIPELINE:
        found += [("once more, after all others", complaint(cell)) for cell in cells]
    complaints = [f"{when}, {words}" for when, words in found if words]
    assert not complaints, "\n".join(complaints)
