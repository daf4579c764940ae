"""Notebook 03 with its exercises solved and its predictions made: each is found right."""

import contextlib
import io
import re
import xml.etree.ElementTree
from pathlib import Path
from unittest import mock

import nbformat
import notebook_rules as rules
import pytest
import torch

from helpers import descent, figures, learning

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "03_gradient_descent.ipynb"

RIGHT_GUESSES = {
    "guess_level_angle": 90,
    "guess_share": 0.25,
    "guess_steps": 1,
    "guess_end": "neither",
    "guess_bound": 0.2,
    "guess_factor": 1.1,
    "guess_ratio": 10,
    "guess_longer": 5,
    "guess_with_momentum": 2,
    "guess_shrink": 4,
}


def solution_after(cells, place):
    """The Python inside the next folded solution."""
    for cell in cells[place + 1 :]:
        if folded := re.search(r"<details>.*?```python\n(.*?)```", cell.source, re.DOTALL):
            return folded[1]
    raise AssertionError(f"no solution after cell {cells[place].id}")


@pytest.fixture(scope="module")
def solved():
    """The notebook, what it prints once it is solved, and the arguments of each check."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    checks = []

    def check_and_keep(attempt, oracle, inputs, *, mistakes, **settings):
        checks.append((oracle, inputs, mistakes, settings))
        return check(attempt, oracle, inputs, mistakes=mistakes, **settings)

    check = learning.check_exercise
    printed = ""
    namespace = {}
    threads = torch.get_num_threads()
    with mock.patch.object(learning, "check_exercise", check_and_keep):
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            source = cell.source
            if "exercise" in rules.tags(cell):
                source = solution_after(notebook.cells, place)
            for name, guess in RIGHT_GUESSES.items():
                source = re.sub(rf"^{name} = None", f"{name} = {guess!r}", source, flags=re.M)
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(source, namespace)
            printed += output.getvalue()
            if "figures" in namespace:
                # Drawing has its own test below and in nbval.
                namespace["figures"] = namespace["explore"] = mock.MagicMock()
    torch.set_num_threads(threads)
    return notebook, printed, checks


def test_every_folded_solution_is_right(solved):
    notebook, printed, _ = solved
    exercises = [cell for cell in notebook.cells if "exercise" in rules.tags(cell)]
    assert len(exercises) >= 4
    assert len(re.findall(r"^Right\.$", printed, flags=re.M)) == len(exercises)


def test_every_hint_is_given_for_its_mistake(solved):
    _, _, checks = solved
    for oracle, inputs, mistakes, settings in checks:
        for hint, mistake in mistakes.items():
            said = learning.check_exercise(mistake, oracle, inputs, mistakes=mistakes, **settings)
            assert said == f"Not yet. {hint}"


def test_every_right_guess_is_found_right(solved):
    notebook, printed, _ = solved
    predictions = [cell for cell in notebook.cells if "prediction" in rules.tags(cell)]
    assert len(predictions) == len(RIGHT_GUESSES)
    assert len(re.findall(r"^You predicted .*: right\.$", printed, flags=re.M)) == len(
        RIGHT_GUESSES
    )


@pytest.fixture(scope="module")
def racers():
    curvatures = torch.tensor([1.0, 20.0], dtype=torch.float64)
    bowl = descent.bowl(curvatures, tilt=30)
    start = torch.tensor([2.6, 1.2], dtype=torch.float64)
    paths = {
        name: descent.run(bowl, start, steps=24, **settings)
        for name, settings in descent.best_settings(curvatures).items()
    }
    still = figures.snapshots(bowl, paths, [3, 12, 24], reach=3.2)
    return torch.func.hessian(bowl)(start), paths, still


def film(racers):
    hessian, paths, still = racers
    return figures.race(hessian, paths, title="A race & its title", reach=3.2, still=still)


def test_the_film_is_a_small_image_with_alt_text_and_a_still(racers):
    player = film(racers)
    page = player._repr_mimebundle_()
    assert len(page["text/html"]) < 100_000
    assert page["text/plain"] == player.alt == racers[2].alt
    assert page["text/html"].count("<img") == 1
    assert re.search(
        rf'<img src="data:image/svg\+xml;base64,[^"]+" alt="{player.alt}"', player.html()
    )
    assert "<script" not in player.html()
    assert page["image/png"]
    assert film(racers).html() == player.html()


def test_the_film_shows_the_paths_and_rests_where_they_end(racers):
    _, paths, _ = racers
    root = xml.etree.ElementTree.fromstring(film(racers).svg)
    name = "{http://www.w3.org/2000/svg}"
    dot = root.find(f"{name}circle")
    x = next(a for a in dot.findall(f"{name}animate") if a.get("attributeName") == "cx")
    values = [float(value) for value in x.get("values").split(";")]
    times = [float(value) for value in x.get("keyTimes").split(";")]
    scale = 140 / 3.2
    expected = [180 + scale * float(point[0]) for point in paths["plain"].points]
    assert values == pytest.approx([*expected, expected[-1]], abs=0.06)
    assert len(times) == len(values) and times[0] == 0 and times[-1] == 1
    assert times == sorted(times)
    # Where nothing moves, the picture is the last frame.
    assert float(dot.get("cx")) == pytest.approx(expected[-1], abs=0.06)


def test_paths_of_different_lengths_cannot_race(racers):
    hessian, paths, still = racers
    short = descent.run(descent.bowl([1.0, 20.0]), torch.ones(2).double(), lr=0.01, steps=5)
    with pytest.raises(ValueError, match=r"the paths have \[5, 24\] steps: give"):
        figures.race(hessian, paths | {"short": short}, title="", reach=3.2, still=still)
