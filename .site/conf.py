"""How Sphinx makes pages of what `build.py` has laid out for it."""

import tomllib
from pathlib import Path

from made_pages import SHOWN

_project = tomllib.loads(
    (Path(__file__).resolve().parents[1] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]

project = "Graph to Garment"
copyright = "its authors, under the MIT License"  # noqa: A001  Sphinx asks for this name.
language = "en"
release = version = _project["version"]

extensions = ["myst_nb"]
exclude_patterns: list[str] = []
# The pages show what is stored: nothing runs.
nb_execution_mode = "off"
nb_code_prompt_show = "Show the result"
nb_code_prompt_hide = "Hide the result"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
# A link to what is not there is an error; the word for it is Sphinx's own.
nitpicky = True

html_theme = "furo"
html_title = f"Graph to Garment {version}"
html_baseurl = _project["urls"]["Documentation"]
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
    "description": _project["description"],
    # The picture that goes with a link to any page: that of the front page.
    "html_baseurl": html_baseurl,
    "shown": SHOWN,
    "shown_alt": "A loss surface, with a fan of directions that leave one of its points",
}

# MathJax in parts, without its menu: half the bytes.
mathjax_path = "mathjax/startup.js"
mathjax3_config = {
    "loader": {"load": ["core", "input/tex", "output/chtml", "a11y/assistive-mml"]},
}
