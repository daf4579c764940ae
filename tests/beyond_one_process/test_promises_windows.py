"""What PyTorch lacks on Windows: shown here by taking it away, so that it can be tried anywhere."""

import os

import pytest
import torch.distributed as dist

from beyond_one_process.processes import TORCHRUN, ended_well

pytestmark = pytest.mark.proof

# Python runs this file at its start, in whichever process: then no store may use libuv, in the
# words of PyTorch's wheels for Windows.
WITHOUT_LIBUV = """
import torch.distributed as dist
from torch.distributed import rendezvous

class TCPStore(dist.TCPStore):
    def __init__(self, *args, use_libuv=True, **more):
        if use_libuv:
            wheel = "PyTorch was build without libuv support"
            raise RuntimeError("use_libuv was requested but " + wheel)
        super().__init__(*args, use_libuv=False, **more)

dist.TCPStore = rendezvous.TCPStore = TCPStore
"""


@pytest.fixture
def without_libuv(tmp_path, monkeypatch):
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(WITHOUT_LIBUV)
    (folder / "scratch files").mkdir()
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(name, str(folder / "scratch files"))
    return folder


def add_up(note):
    if note:
        try:
            dist.TCPStore("127.0.0.1", 0, is_master=True)
        except RuntimeError as error:
            print(error)
    brought = torch.ones(1)  # noqa: F821
    dist.all_reduce(brought)
    return brought.item()


# What a script on Windows is: it starts processes that begin anew.
SCRIPT = """
import sys
from helpers.beyond_one_process import copies, launch
from beyond_one_process.test_promises_windows import add_up

copies._COPIES = False
if __name__ == "__main__":
    launched = launch.in_processes(add_up, "try libuv", processes=2)
    print(launched, launched.results, sep="\\n")
"""


def test_launched_processes_meet_without_libuv(without_libuv, monkeypatch):
    script = without_libuv / "a script.py"
    script.write_text(SCRIPT)
    tests = os.path.dirname(os.path.dirname(__file__))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], tests]))
    *said, results = ended_well(script).splitlines()
    assert results == "(2.0, 2.0)"
    assert len(said) == 2 and all("build without libuv support" in line for line in said)


def test_readmes_line_for_windows_meets_without_libuv(without_libuv, data, monkeypatch):
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    monkeypatch.setenv("USE_LIBUV", "0")  # Which is what it is on Windows by itself.
    line = [*TORCHRUN, "--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file"]
    kept = without_libuv / "the run.pt"
    line += ["--nproc-per-node", 2, "-m", "helpers.run", "--data", data, "--epochs", 1]
    said = ended_well(*line, "--checkpoint", kept)
    assert "2 processes" in said and kept.exists()
