"""Streams that are closed, or know ASCII alone, or whose reader is gone."""

import errno
import io
import os
import subprocess
import sys

import pytest

from helpers.common import streams

needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs a shell and its signals")
PYTHON = [sys.executable, "-c"]


def said_by(code: str, shell: str = "", **environment: str) -> subprocess.CompletedProcess:
    line = [*PYTHON, f"from helpers.common import streams\nimport os, sys\n{code}"]
    if shell:
        line = ["sh", "-c", f'"$0" "$@" {shell}', *line]
    known = {**os.environ, "PYTHONIOENCODING": "", **environment}
    return subprocess.run(line, capture_output=True, env=known)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"PYTHONIOENCODING": "ascii"}, rb"gr\xf6\xdfe \u4e2d"),
        ({"PYTHONIOENCODING": "utf-8"}, "größe 中".encode()),
        ({"LC_ALL": "C"}, "größe 中".encode()),
    ],
)
def test_letters_that_a_stream_cannot_write_are_written_otherwise(environment, expected):
    code = "streams.mend()\nfor stream in (sys.stdout, sys.stderr): streams.put({!r}, stream)"
    # A name need not be UTF-8 either.
    done = said_by(code.format("größe 中\udcff"), **environment)
    assert done.stdout.strip() == done.stderr.strip() == expected + rb"\udcff"


@needs_posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_opened_after_a_stream_was_closed_does_not_take_its_place(closed, tmp_path):
    code = f"""
streams.mend()
with open({str(tmp_path / "file")!r}, "w") as file:
    assert file.fileno() > 2
    for stream in (sys.stdout, sys.stderr):
        assert streams.put("a line", stream)
    os.system("echo from a library >&2")
    file.write("alone")
"""
    done = said_by(code, closed)
    assert done.returncode == 0 and (tmp_path / "file").read_text() == "alone"
    assert done.stdout in (b"", b"a line\n") and b"Traceback" not in done.stderr


@needs_posix
def test_a_reader_who_is_gone_is_noticed_once_and_python_ends_in_peace():
    """The pipe's other end is closed before anything is written to it."""
    reading, writing = os.pipe()
    os.close(reading)
    code = (
        "from helpers.common import streams\nimport sys\n"
        "print([streams.put('a line', sys.stdout) for _ in range(2)], file=sys.stderr)"
    )
    done = subprocess.run([*PYTHON, code], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "[False, True]\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is full")
def test_a_disk_without_room_is_an_error_and_no_reader_who_is_gone():
    """The command must not say that a pipe was closed, nor that all is well."""
    code = """
for stream in (sys.stderr, sys.stdout):
    try:
        print(streams.put('a line', stream), file=log)
    except OSError as error:
        print(error, file=log)
"""
    full = f"log = os.fdopen(os.dup(0), 'w'){code}"
    done = said_by(full, "0>&1 >/dev/full 2>/dev/full")
    assert done.returncode == 0
    assert done.stdout.decode() == "False\n[Errno 28] No space left on device: 'stdout'\n"


class Broken:
    """A stream over a pipe that breaks in a way of one's own."""

    def __init__(self, number: int, descriptor: int) -> None:
        self.number, self.descriptor = number, descriptor

    def write(self, text: str) -> int:
        raise OSError(self.number, "a reason")

    def flush(self) -> None:
        raise OSError(self.number, "a reason")

    def fileno(self) -> int:
        return self.descriptor


@needs_posix
@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EPIPE", "EIO"])
@pytest.mark.parametrize("as_stderr", [True, False])
def test_what_has_no_room_is_told_apart_from_a_reader_who_is_gone(name, as_stderr, monkeypatch):
    reading, writing = os.pipe()
    stream = Broken(getattr(errno, name), writing)
    if as_stderr:
        monkeypatch.setattr(sys, "stderr", stream)
    if name in ("ENOSPC", "EDQUOT") and not as_stderr:
        with pytest.raises(OSError) as caught:
            streams.put("a line", stream)
        assert caught.value.errno == stream.number and caught.value.filename == "stdout"
        assert caught.value.strerror == os.strerror(stream.number)
        assert "\n" not in str(caught.value) and caught.value.__cause__.strerror == "a reason"
    else:
        assert streams.put("a line", stream) is False
    # What is left in a buffer goes nowhere, and the pipe is closed.
    os.write(writing, b"the rest")
    assert os.read(reading, 100) == b""
    os.close(reading)
    os.close(writing)


def test_a_line_is_written_at_once_and_ends_there():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="\n")
    assert streams.put("größe", stream) is True and streams.put("", stream) is True
    assert raw.getvalue() == "größe\n\n".encode()


def test_open_streams_stay_what_they_are(monkeypatch):
    made = {}
    for name in ("stdin", "stdout", "stderr"):
        made[name] = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
        monkeypatch.setattr(sys, name, made[name])
    streams.mend()
    assert [getattr(sys, name) for name in made] == [*made.values()]
    assert {name: stream.errors for name, stream in made.items()} == {
        "stdin": "strict",
        "stdout": "backslashreplace",
        "stderr": "backslashreplace",
    }
    for name in made:
        monkeypatch.setattr(sys, name, None)
    streams.mend()
    for name in made:
        with getattr(sys, name) as opened:
            assert opened.name == os.devnull and opened.writable()


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_stream_in_memory_that_breaks_has_no_pipe_to_close(number):
    class InMemory(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(number, "a reason")

    if number == errno.EPIPE:
        assert streams.put("a line", InMemory()) is False
    else:
        with pytest.raises(OSError, match=f"{os.strerror(number)}: 'stdout'$"):
            streams.put("a line", InMemory())
