"""The film of notebook 03: small, the same each time, readable without a kernel or a script."""

import re
import xml.etree.ElementTree

import pytest
import torch

from helpers.gradient_descent import descent, figures_of_steps, film, landscapes, theory


@pytest.fixture(scope="module")
def racers():
    curvatures = torch.tensor([1.0, 20.0], dtype=torch.float64)
    bowl = landscapes.bowl(curvatures, tilt=30)
    start = torch.tensor([2.6, 1.2], dtype=torch.float64)
    paths = {
        name: descent.run(bowl, start, steps=24, **settings)
        for name, settings in theory.best_settings(curvatures).items()
    }
    still = figures_of_steps.snapshots(bowl, paths, [3, 12, 24], reach=3.2)
    return torch.func.hessian(bowl)(start), paths, still


def drawn(racers):
    hessian, paths, still = racers
    return film.race(hessian, paths, title="A race & its title", reach=3.2, still=still)


@pytest.fixture(scope="module")
def root(racers):
    return xml.etree.ElementTree.fromstring(drawn(racers).svg)


def test_the_film_is_a_small_image_with_alt_text_and_a_still(racers):
    player = drawn(racers)
    page = player._repr_mimebundle_()
    assert len(page["text/html"]) < 100_000
    assert page["text/plain"] == player.alt == racers[2].alt
    assert page["text/html"].count("<img") == 1
    assert re.search(
        rf'<img src="data:image/svg\+xml;base64,[^"]+" alt="{player.alt}"', player.html()
    )
    assert "<script" not in player.html()
    assert page["image/png"]
    assert drawn(racers).html() == player.html()


def test_the_film_shows_the_paths_and_rests_where_they_end(racers, root):
    dot = root.find("{*}circle")
    x = dot.find("{*}animate[@attributeName='cx']")
    values, times = (list(map(float, x.get(key).split(";"))) for key in ("values", "keyTimes"))
    expected = [180 + 140 / 3.2 * float(point[0]) for point in racers[1]["plain"].points]
    assert values == pytest.approx([*expected, expected[-1]], abs=0.06)
    assert len(times) == len(values) and times[0] == 0 and times[-1] == 1
    assert times == sorted(times)
    # So long the slider below thinks that a round takes.
    assert x.get("dur") == f"{root.get('data-seconds')}s"
    # Where nothing moves, the picture is the last frame.
    assert float(dot.get("cx")) == pytest.approx(expected[-1], abs=0.06)


def test_names_of_racers_are_escaped(racers):
    hessian, paths, still = racers
    named = {"lr < 0.1": paths["plain"], "a & b": paths["momentum"]}
    player = film.race(hessian, named, title="Race", reach=3.2, still=still)
    texts = [text.text for text in xml.etree.ElementTree.fromstring(player.svg).iter()]
    assert "lr < 0.1" in texts and "a & b" in texts


def test_the_film_marks_the_minimum_with_a_star(root):
    (star,) = root.iter("{http://www.w3.org/2000/svg}polygon")
    corners = [tuple(map(float, pair.split(","))) for pair in star.get("points").split()]
    assert len(corners) == 10
    # The middle of the left panel is the bowl's minimum.
    assert sum(x for x, _ in corners) / 10 == pytest.approx(180, abs=0.1)
    assert sum(y for _, y in corners) / 10 == pytest.approx(180, abs=0.1)
