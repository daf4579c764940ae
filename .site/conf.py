"""How Sphinx makes pages of what `build.py` has laid out for it, with `-t zh` in Chinese."""

import tomllib
from pathlib import Path

from made_pages import SHOWN
from search import SearchChinese
from words import CHINESE, ENGLISH

_project = tomllib.loads(
    (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
_edition, _other = (CHINESE, ENGLISH) if tags.has("zh") else (ENGLISH, CHINESE)  # noqa: F821
_words = _edition.words

project = "Graph to Garment"
copyright = _words["copyright"]  # noqa: A001  Sphinx asks for this name.
language = _words["locale"]
release = version = _project["version"]

extensions = ["myst_nb"]
exclude_patterns: list[str] = []
# The pages show what is stored: nothing runs.
nb_execution_mode = "off"
nb_code_prompt_show = _words["show"]
nb_code_prompt_hide = _words["hide"]
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# A link to what is not there is an error; the word for it is Sphinx's own.
nitpicky = True

html_theme = "furo"
html_title = f"Graph to Garment {version}"
html_baseurl = _project["urls"]["Documentation"] + _edition.folder
html_static_path = ["static"]
templates_path = ["templates"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "static/favicon.svg"
html_copy_source = False
html_show_sphinx = False
html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme_options = {
    "source_repository": _project["urls"]["Repository"] + "/",
    "top_of_page_buttons": [],
}
html_context = {
    "words": _words,
    "description": _words["description"] or _project["description"],
    "other": _other,
    "to_other": _edition.up + _other.folder,
    # The picture that goes with a link to any page: that of the front page.
    "shown": _project["urls"]["Documentation"] + SHOWN,
}

# MathJax in parts, without its menu: half the bytes. Both languages share it.
_upwards = f"../{_edition.up}_static/" * bool(_edition.up)
mathjax_path = f"{_upwards}mathjax/startup.js"
mathjax3_config = {
    "loader": {"load": ["core", "input/tex", "output/chtml", "a11y/assistive-mml"]},
}


def setup(app) -> None:
    """Let Sphinx search Chinese in our way."""
    app.add_search_language(SearchChinese)
