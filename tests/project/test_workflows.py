"""GitHub's workflows: well-formed as actionlint sees it, and asking for what was promised."""

import re
import subprocess
from pathlib import Path

import pytest

from every_notebook.series import ROOT
from project.needed import needed, needed_command

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PUBLISHING = {"pages": "write", "id-token": "write"}
TESTS = ROOT / ".github" / "workflows" / "tests.yml"


def lint(*files: Path) -> subprocess.CompletedProcess:
    command = [needed_command("actionlint"), "-no-color", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)


def read(workflow: Path) -> dict:
    return needed("yaml").safe_load(workflow.read_text(encoding="utf-8"))


@pytest.mark.proof
def test_actionlint_has_nothing_to_say():
    assert WORKFLOWS
    run = lint(*WORKFLOWS)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.proof
@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        ("matrix.python }}", "matrix.snake }}", 'property "snake" is not defined'),
        ("runs-on: ", "runs_on: ", "runs_on"),
        ("cache-dependency-path", "cache-path", 'input "cache-path" is not defined'),
    ],
)
def test_actionlint_notices_a_slip(tmp_path, right, wrong, words):
    text = TESTS.read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "tests.yml").write_text(text.replace(right, wrong), encoding="utf-8")
    run = lint(tmp_path / "tests.yml")
    assert run.returncode == 1 and words in run.stdout


def test_every_system_runs_the_oldest_and_the_newest_python(oldest_python):
    job = read(TESTS)["jobs"]["tests"]
    systems, pythons = job["strategy"]["matrix"]["os"], job["strategy"]["matrix"]["python"]
    assert {system.split("-")[0] for system in systems} == {"ubuntu", "macos", "windows"}
    assert len(pythons) == 2 and pythons[0] == oldest_python
    on_linux, elsewhere = (step for step in job["steps"] if "run" in step)
    assert on_linux["if"] == "runner.os == 'Linux'" and on_linux["run"] == ".ci/run"
    assert elsewhere["if"] == "runner.os != 'Linux'"
    assert "grep -m 1 'pytest$' README.md" in elsewhere["run"]


def test_what_is_published_is_what_the_one_command_builds():
    build, publish = read(ROOT / ".github" / "workflows" / "pages.yml")["jobs"].values()
    commands = [step["run"] for step in build["steps"] if "run" in step]
    assert commands == ["pip install -r .site/requirements.txt", "python .site/build.py"]
    uploaded = [step["with"]["path"] for step in build["steps"] if "upload" in step.get("uses", "")]
    assert uploaded == [".site/build/html"]
    assert [step["uses"].split("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_and_says_which_actions_it_uses(workflow):
    content = read(workflow)
    assert content["permissions"] == {"contents": "read"}
    for name, job in content["jobs"].items():
        # To publish takes more than to read; only the job that does nothing else may.
        allowed = PUBLISHING if (workflow.stem, name) == ("pages", "publish") else None
        assert job.get("permissions") == allowed
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in used)
