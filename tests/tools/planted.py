"""Plants one fault at a time and tells which of them the tests catch.

    python tests/tools/planted.py --sample 8 --only helpers/common helpers/ols_and_ridge

Each fault of `faults_by_hand.py` (or of a batch written without a look at the tests, with `--blind
1` to `4`) is planted in a copy of the project and meets the tests that can see it, the nearest
first: those of the file, of its wing, of all answers or figures, the wing's notebook in a strict
run, and the later notebooks that mention the file. A sentence is known to the tests of its Chinese,
too. A test that fails, or does not end, has caught it. Exit code 1 if fewer than 95 % are caught.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from every_notebook.series import ROOT, WINGS  # noqa: E402  It lies in the folder of the line above.
from tools import (  # noqa: E402
    faults_blind,
    faults_blind_fourth,
    faults_blind_second,
    faults_blind_third,
    faults_by_hand,
)

LEAST_CAUGHT = 0.95
# A fault that makes a test run for ever is caught when this is over; no test takes half as long.
SECONDS = 900
_BATCHES = (
    faults_by_hand,
    faults_blind,
    faults_blind_second,
    faults_blind_third,
    faults_blind_fourth,
)


@dataclass(frozen=True)
class Fault:
    """One fault: what is changed where."""

    path: str
    place: str  # a function in a helper, a cell in a notebook
    what: str
    plant: Callable[[str], str] = field(repr=False, compare=False)

    @property
    def key(self) -> str:
        """What it is called in lists of faults, whatever line it stands in."""
        return f"{self.path} · {self.place} · {self.what}"


def all_faults(blind: int = 0) -> Iterator[Fault]:
    """Yield the faults in helpers, then those in notebooks; or those of a blind batch."""
    for path, place, old, new, *_ in _BATCHES[blind].IN_HELPERS:
        if not (ROOT / path).exists():
            continue  # A fork may have dropped it.
        what = " ".join(f"{old} → {new}".split())
        yield Fault(path, place, what, _rewrite(path, place, old, new))
    for fault in () if blind else faults_by_hand.in_notebooks():
        yield Fault(*fault)


def _rewrite(path: str, place: str, old: str, new: str) -> Callable[[str], str]:
    def plant(source: str) -> str:
        count = source.count(old)
        if count != 1:
            where = f"{path} ({place}) {count} times"
            raise ValueError(f"{old!r} stands in {where}: give what is there once")
        return source.replace(old, new)

    return plant


def tests_for(path: str) -> list[list[str]]:
    """Return what can see a fault in a file, the nearest first: arguments of pytest."""
    file = ROOT / path
    if file.suffix == ".ipynb":
        rules = f"tests/every_notebook/test_rules.py::test_notebook_keeps_the_rules[{file.stem}]"
        return [[rules], [path]]
    wing, stem = file.parent.name, file.stem
    # What belongs to no wing may have its tests in any: those of the command are in the last one's.
    near = sorted((ROOT / "tests").glob(f"{'*' if wing == 'helpers' else wing}/test_{stem}*.py"))
    found = [[test.relative_to(ROOT).as_posix() for test in near]]
    found.append(["tests/project" if wing == "helpers" else f"tests/{wing}"])
    edition = "tests/chinese/test_edition.py"  # It knows each sentence; a fork may have none.
    speaks = stem == "answers" or "say(" in file.read_text(encoding="utf-8")
    if (ROOT / edition).exists() and speaks:
        found.append([edition])
    if stem in ("answers", "judging"):
        asked = ("test_checks", "test_checks_limits", "test_forbidden")
        found.append([f"tests/every_notebook/{name}.py" for name in asked])
    if "figures" in stem or stem in ("page", "picture"):
        found.append(["tests/every_notebook/test_figures.py"])
    notebooks = [f"notebooks/{name}.ipynb" for name in WINGS.values()]
    mention = re.compile(rf"from helpers\.{wing} import .*\b{stem}\b|from helpers\.{wing}\.{stem} ")
    uses = [name for name in notebooks if mention.search((ROOT / name).read_text(encoding="utf-8"))]
    own = [f"notebooks/{WINGS[wing]}.ipynb"] if wing in WINGS else []
    return [part for part in found if part] + [[name] for name in dict.fromkeys(own + uses[:2])]


def _run(tests: list[str], folder: Path) -> int:
    # What is marked as proof or weekly sees faults, too, but the whole notebooks have their turn.
    of_a_wing = tests[0].startswith("tests/") and "every_notebook" not in tests[0]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    command += [*tests, "-m", "" if of_a_wing else "not weekly"]
    settings = {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    options = {"cwd": folder, "env": {**os.environ, **settings}, "timeout": SECONDS}
    try:
        run = subprocess.run(command, capture_output=True, **options)
    except subprocess.TimeoutExpired:
        return 1
    return 0 if run.returncode == 5 else run.returncode  # 5: no test of that kind


def _copy(folder: Path) -> None:
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


@cache
def _passes_without(tests: tuple[str, ...]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        _copy(Path(folder))
        return _run(list(tests), Path(folder)) == 0


def caught_by(fault: Fault) -> str:
    """Plant a fault in a copy and return the tests that caught it; nothing if it lives."""
    with tempfile.TemporaryDirectory() as folder:
        _copy(Path(folder))
        file = Path(folder, fault.path)
        file.write_text(fault.plant(file.read_text(encoding="utf-8")), encoding="utf-8")
        for tests in tests_for(fault.path):
            if _run(tests, Path(folder)) and _passes_without(tuple(tests)):
                return " ".join(tests)
    return ""


def main() -> int:
    """Plant the faults asked for, say which were caught, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[""], help="paths that begin so")
    parser.add_argument("--sample", type=int, help="as many of them, the same each time")
    parser.add_argument("--blind", type=int, choices=(1, 2, 3, 4), default=0, help="a blind batch")
    parser.add_argument("--list", action="store_true", help="plant nothing")
    options = parser.parse_args()
    faults = [
        fault for fault in all_faults(options.blind) if fault.path.startswith(tuple(options.only))
    ]
    if not faults:
        parser.error(f"nothing to plant in {options.only}: give paths such as helpers/common")
    if options.sample:
        faults = random.Random(0).sample(faults, min(options.sample, len(faults)))
    if options.list:
        print(*(fault.key for fault in faults), sep="\n")
        return 0
    caught = 0
    with ThreadPoolExecutor(2) as pool:
        for fault, tests in zip(faults, pool.map(caught_by, faults), strict=True):
            caught += bool(tests)
            print("caught" if tests else "LIVES ", fault.key, f"({tests})", flush=True)
    print(f"{caught} of {len(faults)} planted faults caught")
    return 0 if caught >= LEAST_CAUGHT * len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
