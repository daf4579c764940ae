"""The README's lines, links and pictures."""

import operator
import re

import nbformat
import pytest

from every_notebook import pictures
from every_notebook.series import NOTEBOOKS, ROOT, WINGS
from project.traces import tracked_files

README = (ROOT / "README.md").read_text(encoding="utf-8")
SET_UP = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && "


def test_each_command_is_one_line_that_sets_everything_up():
    lines = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    assert lines == [
        f"{SET_UP}.venv/bin/jupyter lab notebooks\n",
        f"{SET_UP}.venv/bin/pytest\n",
    ]


def test_ci_runs_the_readmes_own_test_line():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -m 1 '([^']+)' README.md", script)[1]
    found = [line for line in README.splitlines() if re.search(pattern, line)]
    assert found == [f"{SET_UP}.venv/bin/pytest"]


def test_every_address_of_the_repository_is_the_one_in_pyproject(repository_url):
    owner_and_name = repository_url.removeprefix("https://github.com/")
    texts = {"README.md": README}
    texts |= {path.name: path.read_text(encoding="utf-8") for path in NOTEBOOKS}
    for name, text in texts.items():
        addresses = re.findall(r"mybinder\.org/v2/gh/([^/]+/[^/]+)/", text)
        addresses += re.findall(r"github\.com/([^/\s]+/graph-to-garment)", text)
        assert addresses, name
        assert set(addresses) == {owner_and_name}, name


def of_a_dropped_notebook(link: str) -> bool:
    """Say whether a link leads to a notebook that a fork has taken out of the series."""
    stem = re.fullmatch(r"notebooks/(?:pictures/|zh/)?(\d\d_\w+)\.\w+", link)
    wing = re.fullmatch(r"helpers/(\w+)/.+", link)
    if wing and wing[1] not in WINGS:
        return True
    no_chinese = link.startswith("notebooks/zh") and not (ROOT / "notebooks" / "zh").exists()
    return no_chinese or (bool(stem) and stem[1] not in WINGS.values())


def test_every_local_link_leads_somewhere():
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
        missing = [link for link in links if not (path.parent / link).exists()]
        assert [link for link in missing if not of_a_dropped_notebook(link)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_readme_lists_and_pictures_each_notebook(path):
    title = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
    assert f"[{title}](notebooks/{path.name})" in README
    file, stored = pictures.shown_in_readme(path, nbformat.read(path, as_version=4).cells)
    with_words = rf"!\[[^\]]{{20,}}\]\(notebooks/pictures/{file.name}\)"
    assert re.search(with_words, README), f"README shows no {file.name}, or without alt text"
    # Pixels are compared as everywhere, a drawing by its text; neither is printed.
    shown = file.read_bytes()
    of_png = pictures.disagreement if file.suffix == ".png" else operator.ne
    differs = of_png(stored, shown)
    assert not differs, f"{file.name}: run python tests/tools/store.py --as-run {path.name}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_minutes_and_memory_are_the_same_wherever_they_are_said(path):
    cells = nbformat.read(path, as_version=4).cells
    first, number = cells[0].source, path.stem[:2]
    minutes = re.search(
        r"\*\*Minutes\*\* \| ((\d+) for the text, (\d+) for the exercises),? (in \d parts) \|",
        first,
    )
    asked = [re.search(r"· (\d+) minutes", cell.source) for cell in cells]
    assert sum(int(each[1]) for each in asked if each) == int(minutes[3])
    memory = re.search(r"\*\*Memory\*\* \| (.+) \|", first)[1]
    for_teachers = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    whole, parts = int(minutes[2]) + int(minutes[3]), minutes[4].removeprefix("in ")
    wanted = [
        ("notebooks/README.md", for_teachers, f"**Minutes.** {minutes[1]}"),
        ("notebooks/README.md", for_teachers, f"{path.name}) | {whole}, in {parts} |"),
        ("README.md", README, f"| {number} | {memory} |"),
    ]
    if (ROOT / "notebooks" / "zh" / path.name).exists():
        in_chinese = f"(notebooks/zh/{path.name}) | {whole} 分钟，共 {parts.split()[0]} 部分 |"
        wanted.append(("README.md", README, in_chinese))
        for_teachers = (ROOT / "notebooks" / "zh" / "README.md").read_text(encoding="utf-8")
        in_chinese = f"**用时。** 正文 {minutes[2]} 分钟，练习 {minutes[3]} 分钟"
        wanted.append(("notebooks/zh/README.md", for_teachers, in_chinese))
    missing = [
        f"{file} lacks {text!r}: write it there" for file, page, text in wanted if text not in page
    ]
    if missing:
        pytest.fail("\n".join(missing), pytrace=False)


def test_the_top_level_holds_what_was_agreed():
    allowed = {"notebooks", "helpers", "tests", "binder", "requirements.txt", "README.md"}
    allowed |= {"LICENSE", "CONTRIBUTING.md", "pyproject.toml"}
    # Where others look for them, and nowhere else: CONTRIBUTING says who.
    allowed |= {"CITATION.cff", "CHANGELOG.md"}
    tops = {path.relative_to(ROOT).parts[0] for path in tracked_files()}
    assert {name for name in tops if not name.startswith(".")} <= allowed
    hidden = {".ci", ".devcontainer", ".github", ".site", ".gitattributes", ".gitignore"}
    assert {name for name in tops if name.startswith(".")} <= hidden
