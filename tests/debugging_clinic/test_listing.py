"""What stops a listing is said as Python says it, with the line of the listing."""

import linecache
import runpy
import subprocess
import sys
import traceback

import pytest

from helpers.debugging_clinic.listing import first_error

LOUD = {
    "def f(x)\n    return x\n": 1,
    "x = 1\ny = (x + 1\n": 2,
    "x = 1\n\nprint(missing)\n": 3,
    "def f():\n    return 1 / 0\n\nf()\n": 2,
    "import json\n\ntext = '{'\njson.loads(text)\n": 4,
}


@pytest.mark.parametrize("listing", LOUD)
def test_the_first_error_is_the_one_that_python_reports(listing, tmp_path):
    file = tmp_path / "listing.py"
    file.write_text(listing)
    with pytest.raises(Exception) as caught:  # noqa: PT011  The listing's, whichever it is.
        runpy.run_path(str(file))
    said = "".join(traceback.format_exception(caught.value)).splitlines()
    complaint = first_error(listing)
    assert said[-1].endswith(f"{complaint.kind}: {complaint.message}")
    lines = [line for line in said if f'"{file}", line' in line]
    assert complaint.line == LOUD[listing] == int(lines[-1].split("line ")[1].split(",")[0])
    assert complaint.source == listing.splitlines()[complaint.line - 1].strip()
    assert (complaint.frames_below > 0) == ("json" in listing)
    assert str(complaint).endswith(f"your line {complaint.line}: {complaint.source}")


def test_a_listing_finds_the_names_it_is_given_and_leaves_none_behind():
    given = []
    assert first_error("given.append(len('abc'))\nleft = 1\n", given=given) is None
    assert given == [3]
    assert first_error("left").kind == "NameError"


@pytest.mark.parametrize("listing", ["x = '\ud800'", "x\0"])
def test_what_no_file_can_hold_is_complained_of_before_the_first_line(listing):
    assert first_error(listing).line == first_error(listing).frames_below == 0


SOUND = {
    "a function's source": "import torch\n\ndef f(x):\n    return x\n\ntorch.jit.script(f)",
    "a form feed": "import inspect\n\x0c\ndef f():\n    7\n\nassert '7' in inspect.getsource(f)",
    "pickle": "import pickle\n\nclass A:\n    pass\n\npickle.loads(pickle.dumps(A()))",
    "the end": "import sys\n\nsys.exit()\n1 / 0",
    "a good end": "raise SystemExit(0)",
}


@pytest.mark.parametrize("name", SOUND)
def test_a_script_that_runs_to_its_end_is_not_complained_of(name, tmp_path):
    file = tmp_path / "listing.py"
    file.write_text(SOUND[name])
    assert subprocess.run([sys.executable, "-W", "ignore", file], check=False).returncode == 0
    main = sys.modules["__main__"]
    assert first_error(SOUND[name]) is None
    assert sys.modules["__main__"] is main and "<listing>" not in linecache.cache


def test_what_stands_under_the_main_guard_is_run_too():
    assert first_error("if __name__ == '__main__':\n    1 / 0").line == 2


@pytest.mark.parametrize("code", ["2", "'no data'"])
def test_a_script_that_gives_up_was_stopped(code):
    complaint = first_error(f"import sys\n\nsys.exit({code})")
    assert str(complaint).startswith(f"SystemExit: {code.strip(chr(39))}\n") and complaint.line == 3


def test_bad_syntax_that_a_listing_meets_is_placed_in_the_listing():
    complaint = first_error("x = 1\neval('\\n\\n\\n\\n(')")
    assert (complaint.kind, complaint.line) == ("SyntaxError", 2)
