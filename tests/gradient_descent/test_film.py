"""The film of notebook 03: small, the same each time, readable without a kernel or a script."""

import re
import xml.etree.ElementTree

import pytest
import torch

from helpers.gradient_descent import descent, figures


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
        figures.race(hessian, paths | {"short": short}, title="Race", reach=3.2, still=still)


def test_a_path_that_stands_on_the_minimum_cannot_race(racers):
    hessian, _, still = racers
    round_bowl, start = descent.bowl([1.0, 1.0]), torch.ones(2).double()
    there = descent.run(round_bowl, start, lr=1.0, steps=3)
    assert there.distances()[-1] == 0
    with pytest.raises(ValueError, match="'there' reaches the minimum itself: give fewer"):
        figures.race(hessian, {"there": there}, title="Race", reach=3.2, still=still)


def test_names_of_racers_are_escaped(racers):
    hessian, paths, still = racers
    named = {"lr < 0.1": paths["plain"], "a & b": paths["momentum"]}
    player = figures.race(hessian, named, title="Race", reach=3.2, still=still)
    texts = [text.text for text in xml.etree.ElementTree.fromstring(player.svg).iter()]
    assert "lr < 0.1" in texts and "a & b" in texts


def test_the_film_marks_the_minimum_with_a_star(racers):
    root = xml.etree.ElementTree.fromstring(film(racers).svg)
    (star,) = root.iter("{http://www.w3.org/2000/svg}polygon")
    corners = [tuple(map(float, pair.split(","))) for pair in star.get("points").split()]
    assert len(corners) == 10
    # The middle of the left panel is the bowl's minimum.
    assert sum(x for x, _ in corners) / 10 == pytest.approx(180, abs=0.1)
    assert sum(y for _, y in corners) / 10 == pytest.approx(180, abs=0.1)
