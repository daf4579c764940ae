"""HTML that a browser reads as it was meant, whatever stands in a text."""

import base64
from html.parser import HTMLParser

import pytest

from helpers.common import page


class Tags(HTMLParser):
    """Keeps each tag with its attributes, and what is said in comments."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.comments = [], []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data):
        self.comments.append(data)


@pytest.mark.parametrize("alt", ['"quoted" <b> & so on', "it's", "a > b", "&lt;"])
def test_an_image_says_its_alt_text_and_holds_its_data(alt):
    ((tag, attributes),) = Tags(page.image(b"\x00picture", "png", alt)).tags
    assert tag == "img" and attributes["alt"] == alt
    head, data = attributes["src"].split(",")
    assert head == "data:image/png;base64" and base64.b64decode(data) == b"\x00picture"
    assert attributes["style"] == "max-width: 700px; width: 100%"
    assert attributes.keys() == {"src", "alt", "style"}


def test_a_drawing_of_lines_is_an_image_of_its_own_kind_and_style():
    ((_, attributes),) = Tags(page.image(b"<svg/>", "svg+xml", "A line.", "width: 9em")).tags
    assert attributes["src"] == f"data:image/svg+xml;base64,{base64.b64encode(b'<svg/>').decode()}"
    assert attributes["style"] == "width: 9em"


def test_what_is_covered_begins_with_a_harmless_line():
    first, rest = page.covered("<p>the answer</p>").split("\n", 1)
    assert (
        Tags(first).comments == [" Run this cell to see what it shows. "]
        and not Tags(first).tags
        and rest == "<p>the answer</p>"
    )
