"""What Binder, or a hub, will build from this repository, read from repo2docker's own recipe.

No Docker is needed: repo2docker writes the recipe, and pip itself is asked which builds it would
take. Outside of this are repo2docker's own layers (Debian packages, conda and its base environment,
held by repo2docker's own lock files) and what the addresses answer on the day of the build.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from every_notebook.series import ROOT
from project.needed import needed

BINDER = ROOT / "binder"
ITS_PYTHON = (BINDER / "runtime.txt").read_text().strip().removeprefix("python-")
EXACT = re.compile(r"[\w.-]+(\[\w+\])?==[\w.]+")
INSTALL = '/bin/pip install --no-cache-dir -r "binder/requirements.txt"'


def lines_of(file: Path) -> list[str]:
    """The lines of a requirements file that say something."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def pins(file: Path) -> list[Requirement]:
    """The packages that a requirements file names, without its options."""
    return [Requirement(line) for line in lines_of(file) if not line.startswith("-")]


def versions_in(*files: Path) -> dict[str, str]:
    found = (pin for file in files for pin in pins(file))
    return {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in found}


def python(*words: str, **options) -> str:
    """What Python prints, called with these words."""
    command = [sys.executable, *words]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert run.returncode == 0, run.stderr
    return run.stdout


def render(folder: Path) -> list[str]:
    """The lines of the recipe that repo2docker writes for a folder."""
    needed("repo2docker")
    said = python("-m", "repo2docker", "--no-build", "--debug", ".", cwd=folder)
    return [line.strip() for line in said.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def recipe() -> list[str]:
    return render(ROOT)


def place(recipe: list[str], words: str) -> int:
    """Where the one line with these words stands in the recipe."""
    found = [number for number, line in enumerate(recipe) if words in line]
    assert len(found) == 1, (words, [recipe[number] for number in found])
    return found[0]


# --- The recipe ---


def test_its_python_is_one_that_the_helpers_run_on(oldest_python):
    assert Version(ITS_PYTHON) >= Version(oldest_python)


@pytest.mark.proof
def test_the_image_has_the_python_that_runtime_txt_names(recipe):
    # The name of the lock file stands there with each "." and "-" as "-" and its code.
    names = [re.sub(r"-([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), line) for line in recipe]
    locks = {lock for line in names for lock in re.findall(r"environment\.py-([\d.]+)-", line)}
    assert locks == {ITS_PYTHON}


@pytest.mark.proof
def test_the_helpers_are_installed_from_the_copy_in_the_image(recipe):
    """`-e .` means the folder that pip runs in: it must be the repository's, and be filled."""
    install = place(recipe, INSTALL)
    assert place(recipe, "COPY --chown=0:0 src/ ${REPO_DIR}/") < install
    folders = [line for line in recipe[:install] if line.startswith("WORKDIR ")]
    assert folders[-1] == "WORKDIR ${REPO_DIR}"


@pytest.mark.proof
def test_the_repository_adds_one_step_to_the_recipe_and_no_more(recipe, tmp_path):
    """No package of Debian or npm, no script: what repo2docker writes for us is one call of pip."""
    (tmp_path / "binder").mkdir()
    (tmp_path / "binder" / "runtime.txt").write_bytes((BINDER / "runtime.txt").read_bytes())
    without_us = set(render(tmp_path))
    ours = [line for line in recipe if line not in without_us]
    assert ours == [
        "COPY --chown=0:0 src/binder/requirements.txt ${REPO_DIR}/binder/requirements.txt",
        "RUN ${KERNEL_PYTHON_PREFIX}" + INSTALL,
    ]


# --- What that step installs ---


def test_nothing_is_fetched_that_is_not_pinned(pyproject):
    index, *others = lines_of(BINDER / "requirements.txt")
    assert re.fullmatch(r"--extra-index-url https://\S+/whl/cpu", index)
    assert others == ["-c constraints.txt", "-r ../requirements.txt"]
    *named, helpers = lines_of(ROOT / "requirements.txt")
    assert helpers == "-e ."
    behind = lines_of(BINDER / "constraints.txt")
    build = pyproject["build-system"]["requires"]  # For `-e .`.
    assert [line for line in named + behind + build if not EXACT.fullmatch(line)] == []


def on_binder(requirement: Requirement, extra: str = "") -> bool:
    """Whether a requirement counts on Binder, whatever machine this test runs on."""
    machine = {
        "python_version": ITS_PYTHON,
        "python_full_version": f"{ITS_PYTHON}.0",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "extra": extra,
    }
    # The CPU build of PyTorch needs none of the packages for a GPU.
    gpu = requirement.name.startswith(("nvidia-", "cuda-", "triton"))
    return not gpu and (requirement.marker is None or requirement.marker.evaluate(machine))


def needs_of(requirement: Requirement, version: str) -> list[Requirement]:
    """What a package needs itself; nothing is known of one that is not installed in this version.

    So the versions that came out since the pins were written cannot turn the test red.
    """
    installed = next(iter(metadata.distributions(name=requirement.name)), None)
    if installed is None or installed.version.split("+")[0] != version:
        return []
    needs = [Requirement(line) for line in installed.requires or []]
    return [need for need in needs for extra in ("", *requirement.extras) if on_binder(need, extra)]


def test_what_the_packages_need_themselves_is_pinned_as_well():
    files = ROOT / "requirements.txt", BINDER / "constraints.txt"
    named, behind = map(pins, files)
    versions = versions_in(*files)
    assert len(versions) == len(named + behind), "one package is pinned twice"

    to_visit, seen = list(named), set()
    while to_visit:
        requirement = to_visit.pop()
        name = canonicalize_name(requirement.name)
        if (name, *requirement.extras) not in seen:
            seen.add((name, *requirement.extras))
            to_visit += needs_of(requirement, versions.get(name, ""))
    reached = {name for name, *_ in seen}
    assert reached - set(versions) == set()
    assert {"numpy", "jinja2", "jupyter-server", "wasmtime"} <= reached, "the walk stopped early"


def write_a_tiny_wheel(index: Path, name: str, version: str) -> None:
    """A package without content, put into a folder that pip takes for a registry."""
    folder = index / name
    folder.mkdir(parents=True)
    stem = f"{name.replace('-', '_')}-{version}"
    wheel = folder / f"{stem}-py3-none-any.whl"
    about = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as content:
        for file, text in about.items():
            content.writestr(f"{stem}.dist-info/{file}", text)
    (folder / "index.html").write_text(f'<a href="{wheel.name.replace("+", "%2B")}">x</a>')


@pytest.mark.proof
def test_pip_takes_the_cpu_builds(tmp_path):
    """Pip itself chooses, between two folders that stand for the registry and PyTorch's index."""
    registry, cpu = tmp_path / "registry", tmp_path / "cpu"
    expected = versions_in(ROOT / "requirements.txt")
    for name, version in expected.items():
        write_a_tiny_wheel(registry, name, version)
    for name in ("torch", "torchvision"):
        expected[name] += "+cpu"
        write_a_tiny_wheel(cpu, name, expected[name])

    copy = tmp_path / "copy"
    (copy / "binder").mkdir(parents=True)
    for file in ("requirements.txt", "binder/requirements.txt", "binder/constraints.txt"):
        text = (ROOT / file).read_text(encoding="utf-8")
        text = text.replace("https://download.pytorch.org/whl/cpu", cpu.as_uri())
        text = text.replace("-e .\n", "")  # It would fetch setuptools, to build.
        (copy / file).write_text(text, encoding="utf-8")

    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    words = "-m pip install -r binder/requirements.txt --dry-run --ignore-installed --quiet"
    words += f" --no-cache-dir --index-url {registry.as_uri()} --report report.json"
    python(*words.split(), cwd=copy, env=clean | {"PIP_CONFIG_FILE": os.devnull})
    report = json.loads((copy / "report.json").read_text(encoding="utf-8"))["install"]
    chosen = [entry["metadata"] for entry in report]
    assert {about["name"]: about["version"] for about in chosen} == expected


# --- What a reader lands on ---


def test_every_badge_opens_jupyterlab_at_something_that_is_there():
    both = [ROOT / "notebooks", ROOT / "notebooks" / "zh"]
    pages = {page: [page] for folder in both for page in sorted(folder.glob("*.ipynb"))}
    for page, expected in {ROOT / "README.md": both, **pages}.items():
        opened = []
        for link in re.findall(r"https://mybinder\.org/v2/[^\s)\"\\]+", page.read_text("utf-8")):
            address = urlsplit(link)
            (landing,) = parse_qs(address.query)["urlpath"]
            assert address.path.endswith("/HEAD")
            assert landing.startswith("lab/tree/notebooks"), page.name
            opened.append(ROOT / landing.removeprefix("lab/tree/"))
        assert opened == expected, page.name
    assert "jupyterlab" in {pin.name for pin in pins(ROOT / "requirements.txt")}
