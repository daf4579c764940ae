"""What stops a listing is said as Python says it, with the line of the listing."""

import linecache
import runpy
import subprocess
import sys
import traceback
import warnings

import pytest

from helpers.debugging_clinic.listing import Complaint, first_error

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


def stops(depth):
    if depth == 1:
        raise LookupError("here")
    stops(depth - 1)


def calls(function):
    function()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_lines_of_other_files_below_the_listing_are_counted(depth):
    complaint = first_error(f"x = 1\nstops({depth})\n", stops=stops)
    assert complaint == Complaint("LookupError", "here", 2, f"stops({depth})", depth)


def test_the_last_line_of_the_listing_is_named_though_others_ran_it():
    listing = "def f():\n    stops(3)\n\ncalls(f)\n"
    complaint = first_error(listing, stops=stops, calls=calls)
    assert complaint == Complaint("LookupError", "here", 2, "stops(3)", 3)


@pytest.mark.parametrize(
    ("raised", "message"),
    [("ValueError('a\\nb\\nc')", "a"), ("ValueError", ""), ("ValueError('\\nb')", "")],
)
def test_the_first_line_of_what_was_said_is_the_message(raised, message):
    complaint = first_error(f"raise {raised}")
    assert complaint == Complaint("ValueError", message, 1, f"raise {raised}", 0)
    assert str(complaint) == f"ValueError: {message}\n    your line 1: raise {raised}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("before", ["x = 1", "x = '\u2028'", "x = '\x1c\x85'", "\x0c", "# \x0b"])
def test_lines_are_counted_as_python_counts_them(before, end):
    complaint = first_error(end.join([before, "", "  ", "1 / 0", "y = 2"]))
    assert (complaint.line, complaint.source) == (4, "1 / 0")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_source_that_a_listing_finds_of_itself_is_as_python_reads_it(end):
    said = []
    lines = ["import inspect", "", "def f():", "    return 7", "", "said.append(f)",
             "said.append(inspect.getsource(f))"]  # fmt: skip
    assert first_error(end.join(lines), said=said) is None
    assert said[1] == "def f():\n    return 7\n"


@pytest.mark.parametrize("kind", ["IndentationError", "TabError", "SyntaxError"])
def test_what_is_said_of_bad_syntax_is_said_without_a_place(kind):
    listing = {
        "IndentationError": "x = 1\n  y = 2\n",
        "TabError": "if x:\n        y = 1\n\tz = 2\n",
        "SyntaxError": "x = 1\n)\n",
    }[kind]
    complaint = first_error(listing)
    with pytest.raises(SyntaxError) as caught:
        compile(listing, "x", "exec")
    assert (complaint.kind, complaint.message) == (kind, caught.value.msg)
    assert (complaint.line, complaint.frames_below) == (caught.value.lineno, 0)
    assert "<listing>" not in str(complaint)


@pytest.mark.parametrize("listing", ["1 / 0", "raise KeyboardInterrupt", "raise GeneratorExit"])
def test_whatever_stops_a_listing_all_is_put_back(listing):
    main, filters = sys.modules["__main__"], [*warnings.filters]
    if "/" in listing:
        assert first_error(listing).kind == "ZeroDivisionError"
    else:  # It is not the listing's.
        with pytest.raises((KeyboardInterrupt, GeneratorExit)):
            first_error(listing)
    assert sys.modules["__main__"] is main and "<listing>" not in linecache.cache
    assert warnings.filters == filters


@pytest.mark.filterwarnings("error")
def test_warnings_do_not_stop_a_listing():
    loud = "import warnings\nwarnings.warn('x')\nwarnings.warn('y', DeprecationWarning)"
    assert first_error(loud + "\nassert '\\d'\n") is None


@pytest.mark.parametrize("code", ["", "None", "0", "1", "-1", "''"])
def test_a_script_was_stopped_by_any_code_but_nothing_and_zero(code):
    stopped = first_error(f"raise SystemExit({code})") is not None
    assert stopped is (code not in ("", "None", "0"))


def test_what_is_no_text_is_named():
    with pytest.raises(TypeError, match="^listing is a bytes: give a text$"):
        first_error(b"1 / 0")
