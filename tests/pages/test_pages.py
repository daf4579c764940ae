"""The site is whole, offline and light; it gives no answer away, and says what notebooks say."""

import re
import shutil

import nbformat
import pytest

from every_notebook.series import NOTEBOOKS, ROOT, WINGS
from helpers.common.sentences import LANGUAGE_VARIABLE
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
    checks.switched_wrong,
    checks.words_left_in_english,
]
# The notebooks of a language, by its folder; a fork may have no Chinese ones.
SERIES = {"": NOTEBOOKS, "zh": [path.parent / "zh" / path.name for path in NOTEBOOKS]}
LANGUAGES = [folder for folder, paths in SERIES.items() if paths[0].exists()]
# The time of a notebook in the table for teachers, and on its page.
TIMES = {
    "en": (r"(\d+), (in \d parts)", "{} minutes, {}"),
    "zh-CN": (r"(\d+)，(共 \d 部分)", "{} 分钟，{}"),
}
every_notebook = pytest.mark.parametrize(
    "path",
    [path for folder in LANGUAGES for path in SERIES[folder]],
    ids=lambda path: f"{path.stem}-{path.parent.name}",
)
every_language = pytest.mark.parametrize("folder", LANGUAGES)


def stored(path):
    return nbformat.read(path, as_version=4)


def page_of(site, path):
    """Return the page of a notebook, in the language of its folder."""
    return site / path.relative_to(ROOT / "notebooks").with_suffix(".html")


def for_teachers(folder):
    return (ROOT / "notebooks" / folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("check", OF_THE_SITE, ids=lambda check: check.__name__)
def test_the_site_keeps_what_is_promised(site, check):
    assert [*check(site)] == []


@every_notebook
def test_a_page_gives_no_answer_away(site, path):
    page = page_of(site, path)
    assert [*checks.unfolded(page, stored(path))] == []
    (wing,) = (wing for wing, name in WINGS.items() if name == path.stem)
    hints = checks.hints_of((ROOT / "helpers" / wing / "answers.py").read_text(encoding="utf-8"))
    assert len(hints) >= 10
    assert [*checks.hints_told(page, {*checks.in_its_language(page, hints)})] == []


@every_notebook
def test_a_page_says_what_its_notebook_says(site, path):
    assert [*checks.stale(page_of(site, path), stored(path))] == []


@every_notebook
def test_a_page_says_how_to_run_it(site, path, repository_url):
    page = checks.read(page_of(site, path))
    name, where = repository_url.removeprefix("https://github.com/"), path.relative_to(ROOT)
    binder = f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/{where.as_posix()}"
    colab = f"https://colab.research.google.com/github/{name}/blob/main/{where.as_posix()}"
    for way in (".ways-to-run", ".run-it"):
        assert [link["href"] for link in page.select_one(way).select("a")] == [
            binder,
            colab,
            path.name,
        ]
    # One for each exercise, beside the check that it cannot run.
    exercises = sum("exercise" in cell.metadata.get("tags", []) for cell in stored(path).cells)
    assert len(page.select(".run-it")) == exercises
    assert page_of(site, path).with_name(path.name).read_bytes() == path.read_bytes()
    time, said = TIMES[page.html["lang"]]
    table = path.with_name("README.md").read_text(encoding="utf-8")
    found = re.search(rf"{path.name}\) \| {time} \|", table)
    assert page.select_one(".minutes").get_text() == said.format(*found.groups())


@every_notebook
def test_a_page_has_the_first_cell_for_elsewhere(site, path):
    pip, *more = checks.read(page_of(site, path)).select_one(".elsewhere pre").text.splitlines()
    assert pip in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert more == [f"%env {LANGUAGE_VARIABLE}=zh"] * (path.parent.name == "zh")


@every_notebook
def test_a_page_has_its_neighbours_and_its_outline(site, path):
    page = checks.read(page_of(site, path))
    headings = [h for h in page.select("article h2")]
    assert len(page.select(".toc-tree a")) >= len(headings) > 8
    order = [f"{other.stem}.html" for other in NOTEBOOKS]
    place = order.index(f"{path.stem}.html")
    before = order[place - 1] if place else "index.html"
    assert page.select_one("a.prev-page")["href"] == before
    assert page.select_one("a.next-page")["href"] == [*order, "symptoms.html"][place + 1]


@pytest.mark.skipif(len(LANGUAGES) < 2, reason="there is no Chinese edition")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_paragraph_has_the_same_place_in_both_languages(site, path):
    one, other = (
        [place["id"] for place in checks.read(page).select("[id^=nb]")]
        for page in (site / f"{path.stem}.html", site / "zh" / f"{path.stem}.html")
    )
    assert one == other and len(one) > 40


@every_language
def test_all_terms_and_symbols_are_on_one_page(site, folder):
    text = checks.bare(checks.read(site / folder / "terms.html").find("article").get_text())
    for path in SERIES[folder]:
        table = next(c.source for c in stored(path).cells if re.match("## (Terms|术语)", c.source))
        rows = re.findall(r"^\| ([^|`$]+) \| ([^|]+) \|", table, flags=re.MULTILINE)[2:]
        assert len(rows) >= 5
        assert [row for row in rows if checks.bare("".join(row)) not in text] == []
    table = re.split("## (?:Symbols|符号)", for_teachers(folder))[1].split("\n## ")[0]
    symbols = re.findall(r"^\| ([^|]+?) \| [^|]*\| (?:in )?\d\d", table, flags=re.MULTILINE)
    assert symbols and [each for each in symbols if checks.bare(each) not in text] == []


@pytest.mark.skipif(len(LANGUAGES) < 2, reason="there is no Chinese edition")
def test_chinese_terms_stand_by_their_sound_and_english_ones_are_marked(site):
    rows = checks.read(site / "zh" / "terms.html").select_one("article table").select("tbody tr")
    chinese = [row.td.get_text() for row in rows]
    some = ["残差", "动量", "梯度", "链式法则", "张量"]  # cán, dòng, tī, liàn, zhāng
    assert sorted(some, key=chinese.index) == ["残差", "动量", "链式法则", "梯度", "张量"]
    assert all(row.select("td")[1].find(lang="en") for row in rows)


def test_a_title_names_the_version_of_the_package(site, pyproject):
    titles = {checks.read(page).title.get_text() for page in checks.pages(site)}
    version = f"Graph to Garment {pyproject['project']['version']}"
    assert all(title.endswith(version) for title in titles)


@every_language
@pytest.mark.parametrize("page_name", ["index", NOTEBOOKS[0].stem])
def test_a_link_that_is_sent_shows_what_it_leads_to(site, pyproject, folder, page_name):
    name = f"{folder}/{page_name}".lstrip("/")
    page = checks.read(site / f"{name}.html")
    said = {meta["property"]: meta["content"] for meta in page.select("meta[property]")}
    address = pyproject["project"]["urls"]["Documentation"]
    assert said["og:url"] == f"{address}{name}.html"
    assert said["og:image"].startswith(address)
    assert (site / said["og:image"].removeprefix(address)).read_bytes().startswith(b"\x89PNG")
    assert len(said["og:image:alt"]) > 20 < len(said["og:description"])
    assert page.select_one("meta[name=description]")["content"] == said["og:description"]


@every_language
def test_the_front_page_leads_to_every_notebook(site, folder):
    page = checks.read(site / folder / "index.html")
    rows = page.select("article table tbody tr")
    assert [row.a["href"] for row in rows] == [f"{path.stem}.html" for path in NOTEBOOKS]
    assert all(re.search(r"\d+ (minutes|分钟)", row.get_text()) for row in rows)
    assert page.select_one("article img")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    start = next(line for line in readme.splitlines() if line.endswith("jupyter lab notebooks"))
    commands = [block.get_text().strip() for block in page.select("article pre")]
    assert commands[0].startswith("git clone ") and commands[1] == start
    (binder,) = {a["href"] for a in page.select("article a") if "mybinder" in a["href"]}
    assert binder.endswith(f"lab/tree/notebooks/{folder}".rstrip("/"))


# --- Each promise, broken on purpose ---


@pytest.fixture
def copied(site, tmp_path):
    return shutil.copytree(site, tmp_path / "html", ignore=shutil.ignore_patterns("*.ipynb"))


PLANTED = [
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
]
PLANTED_IN_CHINESE = [
    (checks.broken_links, "zh/index", 'href="symptoms.html"', 'href="symptom.html"', "no file"),
    (checks.symptoms_lead_somewhere, "zh/symptoms", "#nb01-everything", "#nb01-x", "nowhere"),
    (checks.switched_wrong, "index", 'href="zh/index', 'href="zh/terms', "leads"),
    (checks.switched_wrong, "zh/terms", 'rel="alternate"', "", "leads to the other"),
    (checks.switched_wrong, "zh/search", 'lang="zh-CN"', 'lang="zh"', "let it be zh-CN"),
    (checks.words_left_in_english, "zh/index", ">下一页<", ">Next<", "'Next'"),
    (checks.words_left_in_english, "zh/index", 'placeholder="搜索"', 'title="Search"', "Search"),
]


@pytest.mark.parametrize(
    ("check", "page", "old", "new", "words"),
    [*PLANTED, *PLANTED_IN_CHINESE] if len(LANGUAGES) > 1 else PLANTED,
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


@pytest.mark.parametrize(
    ("folder", "solution", "unanswered"),
    [("", "Solution", "No guess yet."), ("zh", "参考答案", "还没有猜测。")][: len(LANGUAGES)],
)
def test_an_answer_in_sight_is_seen(copied, folder, solution, unanswered):
    path = SERIES[folder][0]
    page = copied / folder / f"{path.stem}.html"
    text = page.read_text(encoding="utf-8")
    for old, words in (
        ('<details class="admonition hide below', "in sight"),
        (f"<details><summary>{solution}", "open"),
    ):
        assert old in text
        page.write_text(text.replace(old, old.replace("<details", "<details open")), "utf-8")
        found = [*checks.unfolded(page, stored(path))]
        assert found and all(words in line for line in found)
    page.write_text(text.replace("</article>", f"{unanswered}</article>"), "utf-8")
    assert [*checks.unfolded(page, stored(path))] == [f"{path.stem}: says {unanswered!r}"]


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


@pytest.fixture(scope="module")
def of_a_fork(tmp_path_factory):
    """A copy without the Chinese edition, with two links to nowhere: its build, and its site."""
    folder = tmp_path_factory.mktemp("fork")
    root = folder / "copy"
    for name in (".site", "notebooks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("build"))
    shutil.rmtree(root / "notebooks" / "zh", ignore_errors=True)
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
    return build(folder / "out", root), folder / "out" / "html"


def test_a_link_to_nowhere_stops_the_build(of_a_fork):
    """A symptom, and a notebook's link: both are named, and nothing is published."""
    run, _ = of_a_fork
    assert run.returncode
    assert "nb01-nothing" in run.stderr and "09_nowhere.ipynb" in run.stderr


def test_without_the_chinese_edition_pages_are_english_and_have_no_switch(of_a_fork):
    _, site = of_a_fork
    assert len(checks.pages(site)) == len(NOTEBOOKS) + 5 and not (site / "zh").exists()
    assert [*checks.switched_wrong(site)] == []
