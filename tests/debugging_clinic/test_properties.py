"""What holds for whatever is put in, with input that chance makes up: the same in each run."""

import ast

import pytest

from common.chance import given, settings, st
from helpers.debugging_clinic.listing import first_error

pytestmark = pytest.mark.proof


LINES = ["x = 1", "1 / 0", "def f(:", "    y = 2", "if x:", "raise ValueError('a\\nb')", "(", ")"]
LINES += ["", "\x0c", "'", '"""', "\u2028 = 1", "\\", "\tx", "class A:", "x = = 2", "return"]


@settings(max_examples=150)
@given(lines=st.lists(st.sampled_from(LINES), max_size=5), end=st.sampled_from(["", "\n", "\r\n"]))
def test_whatever_stops_a_listing_is_reported_with_its_line(lines, end):
    listing = "\n".join(lines) + end
    found = first_error(listing)
    try:
        ast.parse(listing)
    except SyntaxError as error:
        assert found.kind == type(error).__name__
    if found is not None:
        assert "\n" not in found.message and found.frames_below >= 0
        assert 0 <= found.line <= len(lines) + 1
        assert found.source in [line.strip() for line in (*lines, "")]
