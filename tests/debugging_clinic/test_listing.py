"""What stops a listing is said as Python says it, with the line of the listing."""

import runpy
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
