"""The site is whole, offline and light; it gives no answer away, and says what notebooks say."""

import re
import shutil

import nbformat
import pytest

from every_notebook.series import NOTEBOOKS, ROOT, WINGS
from pages import checks
from pages.conftest import build

pytestmark = pytest.mark.proof

OF_THE_SITE = [
    checks.broken_links,
    checks.foreign_loads,
    checks.symptoms_lead_somewhere,
    checks.pictures_without_words,
    checks.pictures_stored_twice,
    checks.heavy,
]
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def stored(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("check", OF_THE_SITE, ids=lambda check: check.__name__)
def test_the_site_keeps_what_is_promised(site, check):
    assert [*check(site)] == []


@every_notebook
def test_a_page_gives_no_answer_away(site, path):
    page = site / f"{path.stem}.html"
    assert [*checks.unfolded(page, stored(path))] == []
    (wing,) = (wing for wing, name in WINGS.items() if name == path.stem)
    hints = checks.hints_of((ROOT / "helpers" / wing / "answers.py").read_text(encoding="utf-8"))
    assert len(hints) >= 10
    assert [*checks.hints_told(page, hints)] == []


@every_notebook
def test_a_page_says_what_its_notebook_says(site, path):
    assert [*checks.stale(site / f"{path.stem}.html", stored(path))] == []


@every_notebook
def test_a_page_says_how_to_run_it(site, path, repository_url):
    page = checks.read(site / f"{path.stem}.html")
    name = repository_url.removeprefix("https://github.com/")
    binder = f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/notebooks/{path.name}"
    colab = f"https://colab.research.google.com/github/{name}/blob/main/notebooks/{path.name}"
    for way in (".ways-to-run", ".run-it"):
        assert [link["href"] for link in page.select_one(way).select("a")] == [
            binder,
            colab,
            path.name,
        ]
    # One for each exercise, beside the check that it cannot run.
    exercises = sum("exercise" in cell.metadata.get("tags", []) for cell in stored(path).cells)
    assert len(page.select(".run-it")) == exercises
    assert (site / path.name).read_bytes() == path.read_bytes()
    for_teachers = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    total, parts = re.search(rf"{path.name}\) \| (\d+), (in \d parts) \|", for_teachers).groups()
    assert page.select_one(".minutes").get_text() == f"{total} minutes, {parts}"


@every_notebook
def test_a_page_has_its_neighbours_its_outline_and_its_language(site, path):
    page = checks.read(site / f"{path.stem}.html")
    assert page.html["lang"] == "en"
    headings = [h for h in page.select("article h2")]
    assert len(page.select(".toc-tree a")) >= len(headings) > 8
    order = [f"{other.stem}.html" for other in NOTEBOOKS]
    place = order.index(f"{path.stem}.html")
    before = order[place - 1] if place else "index.html"
    assert page.select_one("a.prev-page")["href"] == before
    assert page.select_one("a.next-page")["href"] == [*order, "symptoms.html"][place + 1]


def test_all_terms_and_symbols_are_on_one_page(site):
    text = checks.bare(checks.read(site / "terms.html").find("article").get_text())
    for path in NOTEBOOKS:
        table = next(cell.source for cell in stored(path).cells if "\n| English | " in cell.source)
        rows = re.findall(r"^\| ([^|`$]+) \| ([^|]+) \|", table, flags=re.MULTILINE)[2:]
        assert len(rows) >= 5
        assert [row for row in rows if checks.bare("".join(row)) not in text] == []
    for_teachers = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    symbols = re.findall(r"^\| ([^|]+?) \| [^|]*\| (?:in \d\d)", for_teachers, flags=re.MULTILINE)
    assert symbols and [each for each in symbols if checks.bare(each) not in text] == []


def test_a_title_names_the_version_of_the_package(site, pyproject):
    titles = {checks.read(page).title.get_text() for page in checks.pages(site)}
    version = f"Graph to Garment {pyproject['project']['version']}"
    assert all(title.endswith(version) for title in titles)


@pytest.mark.parametrize("name", ["index", NOTEBOOKS[0].stem])
def test_a_link_that_is_sent_shows_what_it_leads_to(site, pyproject, name):
    page = checks.read(site / f"{name}.html")
    said = {meta["property"]: meta["content"] for meta in page.select("meta[property]")}
    address = pyproject["project"]["urls"]["Documentation"]
    assert said["og:url"] == f"{address}{name}.html"
    assert said["og:image"].startswith(address)
    assert (site / said["og:image"].removeprefix(address)).read_bytes().startswith(b"\x89PNG")
    assert len(said["og:image:alt"]) > 20 < len(said["og:description"])
    assert page.select_one("meta[name=description]")["content"] == said["og:description"]


def test_the_front_page_leads_to_every_notebook(site):
    page = checks.read(site / "index.html")
    rows = page.select("article table tbody tr")
    assert [row.a["href"] for row in rows] == [f"{path.stem}.html" for path in NOTEBOOKS]
    assert all(re.search(r"\d+ minutes", row.get_text()) for row in rows)
    assert page.select_one("article img")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = next(line for line in readme.splitlines() if line.endswith("jupyter lab notebooks"))
    commands = [block.get_text().strip() for block in page.select("article pre")]
    assert commands[0].startswith("git clone ") and commands[1] == start


# --- Each promise, broken on purpose ---


@pytest.fixture
def copied(site, tmp_path):
    return shutil.copytree(site, tmp_path / "html", ignore=shutil.ignore_patterns("*.ipynb"))


@pytest.mark.parametrize(
    ("check", "page", "old", "new", "words"),
    [
        (checks.broken_links, "index", 'href="symptoms.html"', 'href="symptom.html"', "no file"),
        (checks.broken_links, "index", 'src="pictures/', 'src="picture/', "no file"),
        (checks.broken_links, "terms", '.html#nb01-terms"', '.html#nb01-term"', "no place"),
        (checks.foreign_loads, "index", "</head>", '<script src="//example.org/a.js">', "a.js"),
        (
            checks.foreign_loads,
            "terms",
            "</head>",
            '<link rel="icon" href="https://x.org/">',
            "x.org",
        ),
        (checks.pictures_without_words, "02_ols_and_ridge", ' alt="', ' title="', "None"),
        (checks.symptoms_lead_somewhere, "symptoms", "#nb01-everything", "#nb01-every", "nowhere"),
        (checks.symptoms_lead_somewhere, "symptoms", "<tr", "<p", "give at least"),
        (checks.heavy, "index", "</body>", "", "MB, at most"),
    ],
)
def test_what_is_planted_is_seen(copied, check, page, old, new, words, monkeypatch):
    monkeypatch.setitem(checks.MOST_MEGABYTES, "page", 0.001 if check is checks.heavy else 1.5)
    file = copied / f"{page}.html"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    found = [*check(copied)]
    assert found and all(words in line for line in found if page in line or "symptom" in line)


def test_a_picture_stored_twice_is_seen(copied):
    pictures = sorted((copied / "pictures").glob("*.png"))
    shutil.copy(pictures[0], copied / "again.png")
    assert len([*checks.pictures_stored_twice(copied)]) == 1


def test_an_answer_in_sight_is_seen(copied):
    path = NOTEBOOKS[0]
    page = copied / f"{path.stem}.html"
    text = page.read_text(encoding="utf-8")
    for old, words in (
        ('<details class="admonition hide below', "in sight"),
        ("<details><summary>Sol", "open"),
    ):
        assert old in text
        page.write_text(text.replace(old, old.replace("<details", "<details open")), "utf-8")
        found = [*checks.unfolded(page, stored(path))]
        assert found and all(words in line for line in found)
    page.write_text(text.replace("</article>", "No guess yet.</article>"), "utf-8")
    assert [*checks.unfolded(page, stored(path))] == [f"{path.stem}: says 'No guess yet.'"]


def test_a_told_hint_is_seen(copied):
    page = copied / "index.html"
    hints = checks.hints_of("""
check.prediction("a", hints={1: "Count once more."})

@exercise.hint("Less.")
def b(): ...
""")
    assert hints == {"Count once more.", "Less."}
    page.write_text("<article>Count once\nmore.</article>", encoding="utf-8")
    assert len([*checks.hints_told(page, hints)]) == 1


def test_a_notebook_changed_without_its_page_is_seen(site):
    path = NOTEBOOKS[0]
    page = site / f"{path.stem}.html"
    for kind, change in (
        ("code", lambda cell: cell.update(source=cell.source + "\nprint(1)")),
        ("code", lambda cell: cell.outputs[0].update(text="torch 0.0.1")),
        ("markdown", lambda cell: cell.update(source=cell.source + "\n\nOne more sentence.")),
    ):
        notebook = stored(path)
        change(next(cell for cell in notebook.cells if cell.cell_type == kind))
        assert len([*checks.stale(page, notebook)]) == 1
    notebook = stored(path)
    notebook.cells.append(nbformat.v4.new_code_cell("1"))
    assert len([*checks.stale(page, notebook)]) == 1


def test_a_link_to_nowhere_stops_the_build(tmp_path):
    """A symptom, and a notebook's link: both are named, and nothing is published."""
    root = tmp_path / "copy"
    for name in (".site", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("build"))
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    symptoms = root / ".site" / "written" / "symptoms.md"
    text = symptoms.read_text(encoding="utf-8")
    symptoms.write_text(text.replace("#nb01-everything-cut-off", "#nb01-nothing"), "utf-8")
    path = root / "notebooks" / NOTEBOOKS[-1].name
    notebook = stored(path)
    notebook.cells[1].source = "[nowhere](09_nowhere.ipynb)"
    notebook.cells[1].cell_type = "markdown"
    nbformat.write(notebook, path)
    run = build(tmp_path / "out", root)
    assert run.returncode
    assert "nb01-nothing" in run.stderr and "09_nowhere.ipynb" in run.stderr
