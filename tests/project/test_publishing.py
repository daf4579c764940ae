"""What the project says of itself where others look: its version, how to cite it, where it is."""

import json
import re
import subprocess

import pytest

from every_notebook.series import NOTEBOOKS, ROOT
from project.needed import needed, needed_command

CITATION, CHANGELOG = ROOT / "CITATION.cff", ROOT / "CHANGELOG.md"
FORM = ROOT / ".github" / "ISSUE_TEMPLATE" / "wrong-sentence.yml"
CONTAINER = ROOT / ".devcontainer" / "devcontainer.json"
# A file, and what check-jsonschema calls the schema that it carries for such files.
SCHEMAS = {CITATION: "vendor.citation-file-format", FORM: "vendor.github-issue-forms"}


def read(path):
    return needed("yaml").safe_load(path.read_text(encoding="utf-8"))


def against_its_schema(path, schema: str) -> subprocess.CompletedProcess:
    command = [needed_command("check-jsonschema"), "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)


@pytest.mark.proof
@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_a_file_fits_its_schema(path):
    run = against_its_schema(path, SCHEMAS[path])
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.proof
@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        (CITATION, "license: MIT", "license: My own"),
        (CITATION, "title:", "name:"),
        (FORM, "type: dropdown", "type: menu"),
        (FORM, "description: Something", "about: Something"),
    ],
)
def test_a_slip_in_it_is_seen(tmp_path, path, right, wrong):
    text = path.read_text(encoding="utf-8")
    assert right in text
    planted = tmp_path / path.name
    planted.write_text(text.replace(right, wrong), encoding="utf-8")
    assert against_its_schema(planted, SCHEMAS[path]).returncode == 1


def test_package_citation_and_changelog_share_one_version(pyproject):
    version = pyproject["project"]["version"]
    citation = CITATION.read_text(encoding="utf-8")
    dated = re.search(r'^date-released: "(.+)"$', citation, flags=re.MULTILINE)[1]
    assert re.search(r"^version: (.+)$", citation, flags=re.MULTILINE)[1] == version
    released = re.findall(
        r"^## \[(\d.*?)\] - (\S+)$", CHANGELOG.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert released[0] == (version, dated)


def test_every_address_follows_pyproject(pyproject, repository_url):
    urls = pyproject["project"]["urls"]
    owner, name = repository_url.removeprefix("https://github.com/").split("/")
    assert urls["Documentation"] == f"https://{owner}.github.io/{name}/"
    citation = CITATION.read_text(encoding="utf-8")
    assert f"\nrepository-code: {repository_url}\n" in citation
    assert f"\nurl: {urls['Documentation']}\n" in citation
    for path in (CHANGELOG, CITATION, ROOT / "README.md"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(rf"https://github\.com/([\w-]+)/{name}", text)) == {owner}
        assert set(re.findall(rf"https://([\w-]+)\.github\.io/{name}", text)) <= {owner}


def test_the_form_lists_every_notebook():
    (choice,) = (field for field in read(FORM)["body"] if field["type"] == "dropdown")
    listed = {option[:2] for option in choice["attributes"]["options"]}
    missing = {path.stem[:2] for path in NOTEBOOKS} - listed
    assert not missing, f"{FORM.relative_to(ROOT)}: add an option for notebook {missing}"


def test_a_codespace_sets_up_what_readme_sets_up(oldest_python):
    container = json.loads(CONTAINER.read_text(encoding="utf-8"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{container['postCreateCommand']} && " in readme
    python = re.fullmatch(r"python:(3\.\d+)-\w+", container["image"])[1]
    assert float(python[2:]) >= float(oldest_python[2:])
    (opened,) = container["customizations"]["codespaces"]["openFiles"]
    assert ROOT / opened == NOTEBOOKS[0]
    editor = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert editor == "${containerWorkspaceFolder}/.venv/bin/python"
