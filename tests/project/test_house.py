"""The house keeps its plan: who imports whom, how long a file is, what stands at a wing's door."""

import ast

import pytest

from every_notebook.series import ROOT, WINGS

# From the ground up: each may use what stands before it.
ORDER = ("common", *WINGS)
MOST_LINES = 600
FILES = sorted(path for top in ("helpers", "tests") for path in (ROOT / top).rglob("*.py"))
IN_WINGS = sorted(path for wing in ORDER for path in (ROOT / "helpers" / wing).rglob("*.py"))


def imported_wings(source: str, wings: tuple[str, ...] = ORDER) -> set[str]:
    """Return the wings that a file of helpers imports, at its top or anywhere within it."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
    parts = [module.split(".") for module in modules if module.startswith("helpers.")]
    return {part[1] for part in parts if part[1] in wings}


def wings_out_of_reach(wing: str) -> set[str]:
    return set(ORDER[ORDER.index(wing) + 1 :])


@pytest.mark.parametrize("path", IN_WINGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_wing_imports_common_and_earlier_wings_only(path):
    source = path.read_text(encoding="utf-8")
    assert imported_wings(source) & wings_out_of_reach(path.parent.name) == set()


@pytest.mark.parametrize(
    "planted",
    [
        "from helpers.debugging_clinic import steps",
        "from helpers import debugging_clinic",
        "import helpers.debugging_clinic.steps as steps",
        "def late():\n    from helpers.debugging_clinic.steps import by_the_book",
    ],
)
def test_an_import_the_wrong_way_is_seen(planted):
    assert imported_wings(planted, ("debugging_clinic",)) == {"debugging_clinic"}
    assert set(WINGS) <= wings_out_of_reach("common")
    assert wings_out_of_reach(list(WINGS)[-1]) == set()


def test_every_wing_of_the_helpers_has_its_notebook():
    wings = {path.name for path in (ROOT / "helpers").iterdir() if path.is_dir()}
    assert wings - {"__pycache__", "locale"} == set(ORDER)


def test_what_is_asked_is_known_to_notebooks_alone():
    """Answers load figures, and what they are a process of notebook 06 need not know."""
    for path in IN_WINGS:
        source = path.read_text(encoding="utf-8")
        assert ".answers" not in source and "import answers" not in source, path


@pytest.mark.parametrize("wing", ORDER)
def test_at_the_door_of_a_wing_stands_a_docstring_and_no_code(wing):
    """Who needs one room of a wing must not wait for the others, nor load matplotlib for it."""
    door = ast.parse((ROOT / "helpers" / wing / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(door) and len(door.body) == 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_job(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: make two rooms of it"
