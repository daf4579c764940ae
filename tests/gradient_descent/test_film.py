"""The film of notebook 03: small, the same each time, readable without a kernel or a script."""

import base64
import html
import math
import re
import xml.etree.ElementTree

import pytest
import torch

from helpers.common.picture import Figure
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
    assert base64.b64decode(page["image/png"]) == racers[2].png()
    first, rest = page["text/html"].split("\n", 1)
    assert first.startswith("<!-- ") and rest == player.html()
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


# --- Two descents of two steps, whose every number is worked out by hand ---

SVG = "{http://www.w3.org/2000/svg}"
STEEP = torch.tensor([[4.0, 0.0], [0.0, 16.0]], dtype=torch.float64)
PLACES = {
    "one": [[2.0, 1.0], [1.0, 0.0], [0.0, -0.1]],
    "two": [[-2.0, 0.0], [0.0, 2.0], [0.01, 0.0]],
}


@pytest.fixture(scope="module")
def small():
    points = {name: torch.tensor(places, dtype=torch.float64) for name, places in PLACES.items()}
    paths = {name: descent.Path(places, places[:, 0]) for name, places in points.items()}
    still = figures_of_steps.snapshots(landscapes.bowl([4.0, 16.0]), paths, [1, 2], reach=2.0)
    return film.race(STEEP, paths, title="Two of them", reach=2.0, still=still)


@pytest.fixture(scope="module")
def parts(small):
    return xml.etree.ElementTree.fromstring(small.svg)


def numbers(text):
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def test_each_racer_runs_over_the_bowl_and_falls_beside_it(parts):
    lines = parts.findall(f"{SVG}polyline")
    assert [line.get("stroke") for line in lines] == ["#0072B2"] * 2 + ["#D55E00"] * 2
    # 70 for a length of 1, from 180, and up is less.
    assert numbers(lines[0].get("points")) == [320, 110, 250, 180, 180, 187]
    assert numbers(lines[2].get("points")) == [40, 180, 180, 40, 180.7, 180]
    # The distances, √5, 1 and 0.1, and 2, 2 and 0.01, lie in three powers of ten, from 10 down.
    beside = [66 + 250 / 3 * (1 - power) for power in (0.34949, 0, -1)]
    assert numbers(lines[1].get("points")) == pytest.approx(
        [390, beside[0], 535, beside[1], 680, beside[2]], abs=0.06
    )
    assert numbers(lines[3].get("points"))[1::2] == pytest.approx(
        [66 + 250 / 3 * 0.69897] * 2 + [316], abs=0.06
    )


def test_a_line_grows_as_far_as_its_racer_has_come(parts):
    line = parts.find(f"{SVG}polyline")
    assert (line.get("pathLength"), line.get("stroke-dasharray")) == ("1", "1 1")
    grows = line.find(f"{SVG}animate")
    assert grows.get("attributeName") == "stroke-dashoffset"
    # First a step of √2, then one of √1.01.
    left = 1.01**0.5 / (2**0.5 + 1.01**0.5)
    assert numbers(grows.get("values")) == pytest.approx([1, left, 0, 0], abs=1e-4)
    # Two steps of 0.2 seconds, and a fifth more for the rest.
    assert (grows.get("dur"), grows.get("repeatCount")) == ("0.48s", "indefinite")
    assert numbers(grows.get("keyTimes")) == pytest.approx([0, 0.4167, 0.8333, 1])
    assert parts.get("data-seconds") == "0.48"


def test_the_second_racer_is_a_square_placed_by_its_corner(parts):
    dots = parts.findall(f"{SVG}circle")
    squares = [one for one in parts.findall(f"{SVG}rect") if one.get("stroke") == "white"]
    assert [dot.get("fill") for dot in dots] == ["#0072B2"] * 2
    assert [square.get("fill") for square in squares] == ["#D55E00"] * 2
    assert [(dot.get("cx"), dot.get("cy"), dot.get("r")) for dot in dots[:1]] == [
        ("180.0", "187.0", "5.5")
    ]
    square = squares[0]
    assert (square.get("x"), square.get("y")) == ("175.7", "175.0")
    assert (square.get("width"), square.get("height")) == ("10", "10")
    moves = {one.get("attributeName"): numbers(one.get("values")) for one in square}
    assert moves == {"x": [35, 175, 175.7, 175.7], "y": [175, 35, 175, 175]}
    dot = {one.get("attributeName"): numbers(one.get("values")) for one in dots[0]}
    assert dot == {"cx": [320, 250, 180, 180], "cy": [110, 180, 187, 187]}


def test_the_film_names_its_racers_its_panels_and_its_numbers(parts):
    names = parts.findall(f"{SVG}g")
    assert [(name.find(f"{SVG}text").text, name.get("fill")) for name in names] == [
        ("one", "#0072B2"),
        ("two", "#D55E00"),
    ]
    assert [numbers(name.get("transform")) for name in names] == [[50, 368], [290, 368]]
    assert [name[0].tag for name in names] == [f"{SVG}circle", f"{SVG}rect"]
    texts = [text for text in parts.findall(f"{SVG}text")]
    ticks = [text for text in texts if text.find(f"{SVG}tspan") is not None]
    assert ["".join(tick.itertext()) for tick in ticks] == ["101", "100", "10-1", "10-2"]
    heights = [66 + 250 / 3 * k for k in range(4)]
    lines = [line.get("y1") for line in parts.findall(f"{SVG}line")]
    assert [float(height) for height in lines] == pytest.approx(heights, abs=0.06)
    assert [float(tick.get("y")) - 4 for tick in ticks] == pytest.approx(heights, abs=0.06)
    said = {text.text: float(text.get("x")) for text in texts if text not in ticks}
    assert said == {
        "Two of them": 40,
        "the bowl from above; the star is its minimum": 180,
        "distance to the minimum": 535,
        "step": 535,
        **{"0": 390, "1": 535, "2": 680},
    }


def test_of_many_steps_about_six_have_a_number(root):
    texts = [text for text in root.iter(f"{SVG}text") if (text.text or "").isdigit()]
    assert [text.text for text in texts if text.get("y") == "336"] == [*map(str, range(0, 25, 4))]


def test_the_rings_are_those_of_the_bowl(parts):
    sizes = (0.25, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10)
    rings = parts.findall(f".//{SVG}ellipse")
    # A loss of 1/2 at 1/√4 and at 1/√16; 70 for a length of 1.
    across = [float(ring.get("rx")) for ring in rings]
    up = [float(ring.get("ry")) for ring in rings]
    assert across == pytest.approx([35 * size for size in sizes], abs=0.06)
    assert up == pytest.approx([17.5 * size for size in sizes], abs=0.06)


def test_the_rings_turn_with_the_bowl(root):
    (turn,) = {ring.get("transform") for ring in root.iter(f"{SVG}ellipse")}
    assert numbers(turn) == [-30]  # SVG counts downwards.
    rings = [(float(r.get("rx")), float(r.get("ry"))) for r in root.iter(f"{SVG}ellipse")]
    assert all(across / up == pytest.approx(20**0.5, rel=0.02) for across, up in rings)


def test_the_star_has_five_points(parts):
    (star,) = parts.iter(f"{SVG}polygon")
    assert (star.get("fill"), star.get("stroke")) == ("#E69F00", "black")
    x, y = numbers(star.get("points"))[::2], numbers(star.get("points"))[1::2]
    lengths = [math.hypot(a - 180, b - 180) for a, b in zip(x, y, strict=True)]
    assert lengths == pytest.approx([10, 4] * 5, abs=0.1)
    assert (x[0], y[0]) == (180, 170)  # One points up.


def test_the_slider_counts_the_steps_and_the_script_their_seconds(small):
    page = small.html()
    assert '<input type="range" min="0" max="2" value="0" ' in page
    assert "<button>Pause</button> <label>step <input" in page
    assert page.count("display: none") == 1 and '<div style="max-width: 700px">' in page
    script = html.unescape(re.search('onload="([^"]*)"', page)[1])
    assert script.count("/ 0.2") == script.count("* 0.2") == 1 and "SECONDS" not in script
    assert "button.textContent = on ? 'Play' : 'Pause'" in script
    data = re.search('base64,([^"]*)', page)[1]
    assert base64.b64decode(data).decode("ascii") == small.svg


def test_paths_of_different_lengths_do_not_race(small):
    paths = {
        name: descent.Path(torch.ones(count, 2), torch.ones(count))
        for name, count in (("one", 3), ("two", 4))
    }
    with pytest.raises(ValueError):
        film.race(STEEP, paths, title="", reach=1.0, still=small._still)


def test_a_stills_alt_text_is_the_films_whatever_stands_in_it(racers):
    hessian, paths, _ = racers
    still = Figure(alt='a < b & "c"')
    player = film.race(hessian, paths, title="Race", reach=3.2, still=still)
    assert player.alt == 'a < b & "c"'
    assert ' alt="a &lt; b &amp; &quot;c&quot;" ' in player.html()


def test_what_runs_out_of_the_left_panel_is_drawn_no_farther_than_its_edge(parts):
    size, background = parts.get("viewBox"), parts.find(f"{SVG}rect")
    assert size == "0 0 700 380" and background.get("fill") == "white"
    assert (background.get("width"), background.get("height")) == ("700", "380")
    # An image within the image cuts the rings off; the minimum, 180 and 180, is its middle.
    (panel,) = parts.findall(f"{SVG}svg")
    corner, ends = (panel.get("x"), panel.get("y")), (panel.get("width"), panel.get("height"))
    assert (corner, ends, panel.get("viewBox")) == (("40",) * 2, ("280",) * 2, "40 40 280 280")
    assert panel.find(f"{SVG}g").get("transform") == "translate(180 180)"
    assert not panel.findall(f".//{SVG}polyline") and not panel.findall(f".//{SVG}circle")


def test_lines_of_powers_of_ten_are_as_wide_as_the_steps(parts):
    ends = {(line.get("x1"), line.get("x2")) for line in parts.findall(f"{SVG}line")}
    assert ends == {("390", "680")}
    for line in parts.findall(f"{SVG}line"):
        assert line.get("y1") == line.get("y2")
    marks = [text for text in parts.findall(f"{SVG}text") if text.find(f"{SVG}tspan") is not None]
    assert {(mark.get("x"), mark.get("text-anchor")) for mark in marks} == {("384", "end")}


def test_distances_that_stay_the_same_are_drawn_on_the_highest_line(small):
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    paths = {"round": descent.Path(points, points[:, 0])}
    player = film.race(STEEP, paths, title="", reach=1.0, still=small._still)
    _, beside = xml.etree.ElementTree.fromstring(player.svg).findall(f"{SVG}polyline")
    assert numbers(beside.get("points")) == [390, 66, 535, 66, 680, 66]
