"""What each drawn garment looks like, known by six numbers, with chance taken out of it."""

import pytest
import torch

from helpers.fashion_mnist_pipeline import fashion, standin

T_SHIRT, TROUSER, PULLOVER, DRESS, COAT, SANDAL, SHIRT, SNEAKER, BAG, BOOT = range(10)


def look_of(image: torch.Tensor) -> tuple[float, ...]:
    """Return mean and deviation, the step to the next pixel across and down, and the centre."""
    x = image.double()
    across, down = (x.diff(dim=axis).abs().mean() for axis in (1, 0))
    places = torch.arange(28.0, dtype=torch.float64)
    centre = [(x.sum(dim=axis) * places).sum() / x.sum() for axis in (0, 1)]
    return tuple(round(float(one), 2) for one in (x.mean(), x.std(), across, down, *centre))


def kinds(monkeypatch, class_number: int, drawn: float) -> list[tuple[float, ...]]:
    """Return the look of each kind of garment of a class, where all that is drawn is the same."""
    monkeypatch.setattr(torch, "rand", lambda *shape, generator: torch.full(shape, drawn))
    monkeypatch.setattr(torch, "randn", lambda *shape, generator: torch.full(shape, 2 * drawn - 1))
    images = standin.draw(torch.full((40,), class_number), seed=0)
    different = {image.numpy().tobytes(): image for image in images}
    return sorted(map(look_of, different.values()))


# In the middle of all that chance may do.
LOOKS = {
    T_SHIRT: [
        (44.28, 67.74, 9.37, 4.68, 13.5, 14.2),
        (52.04, 71.93, 9.51, 6.86, 13.5, 13.58),
        (54.91, 72.48, 9.41, 7.3, 13.5, 12.91),
        (56.07, 72.23, 9.51, 7.34, 13.5, 13.58),
    ],
    TROUSER: [
        (31.6, 59.14, 12.02, 3.48, 13.5, 12.54),
        (38.07, 63.01, 15.64, 3.95, 13.5, 12.64),
        (47.57, 68.53, 17.58, 5.55, 13.5, 13.39),
    ],
    PULLOVER: [
        (69.34, 74.09, 14.24, 9.29, 13.5, 13.85),
        (71.77, 74.89, 11.1, 9.1, 13.5, 13.32),
        (71.9, 75.21, 15.42, 9.25, 13.5, 13.87),
    ],
    DRESS: [
        (37.76, 63.86, 10.75, 5.8, 13.5, 15.24),
        (39.72, 65.2, 10.02, 5.79, 13.5, 15.21),
        (42.39, 65.74, 15.22, 6.61, 13.5, 12.85),
    ],
    COAT: [
        (74.2, 71.9, 15.82, 9.21, 13.5, 14.29),
        (75.33, 73.74, 15.46, 9.27, 13.5, 14.02),
        (77.81, 73.57, 12.83, 9.26, 13.5, 14.7),
    ],
    SANDAL: [
        (13.06, 36.83, 8.78, 9.34, 10.97, 16.19),
        (14.16, 39.11, 3.92, 12.08, 14.22, 17.54),
    ],
    SHIRT: [
        (56.63, 72.45, 10.17, 7.26, 13.5, 13.18),
        (57.9, 73.0, 9.39, 7.9, 13.5, 13.24),
        (68.61, 73.52, 16.62, 9.16, 13.5, 13.94),
        (71.77, 73.93, 15.61, 9.22, 13.5, 13.7),
    ],
    SNEAKER: [
        (31.67, 58.17, 4.55, 11.91, 12.26, 16.49),
        (35.43, 61.88, 3.69, 10.54, 11.9, 16.33),
        (38.25, 64.03, 4.4, 10.84, 12.04, 16.02),
    ],
    BAG: [
        (60.86, 72.47, 9.11, 13.19, 13.5, 15.8),
        (62.62, 71.88, 6.31, 9.52, 13.5, 14.26),
        (63.71, 74.09, 12.15, 10.55, 13.5, 16.47),
    ],
    BOOT: [
        (39.51, 64.25, 4.97, 10.15, 12.06, 15.41),
        (43.3, 66.73, 8.13, 9.37, 11.17, 14.4),
        (52.33, 69.64, 7.67, 9.45, 11.26, 14.03),
    ],
}

# At either end of it.
EXTREMES = {
    (BAG, 0.0): [
        (25.63, 25.39, 4.13, 5.3, 12.82, 15.79),
        (26.82, 25.36, 5.58, 4.08, 12.96, 16.37),
        (27.84, 26.59, 2.83, 3.98, 12.66, 14.01),
    ],
    (BAG, 1.0): [
        (77.36, 105.33, 18.88, 14.01, 13.51, 14.38),
        (77.48, 109.04, 20.52, 18.42, 13.31, 15.6),
        (80.68, 109.24, 23.23, 15.23, 13.34, 16.2),
    ],
    (SHIRT, 0.0): [
        (24.96, 26.46, 3.99, 3.37, 12.97, 12.81),
        (25.01, 26.49, 4.12, 3.17, 13.0, 12.6),
        (29.75, 25.8, 6.34, 3.74, 12.87, 13.64),
        (31.58, 25.72, 6.29, 3.8, 12.85, 13.27),
    ],
    (SHIRT, 1.0): [
        (72.11, 106.86, 19.92, 10.66, 13.44, 13.4),
        (73.03, 107.27, 18.99, 11.16, 13.5, 13.33),
        (86.86, 109.94, 26.93, 13.25, 13.49, 14.0),
        (90.01, 110.29, 26.35, 13.44, 13.52, 13.85),
    ],
}


@pytest.mark.parametrize("class_number", LOOKS, ids=fashion.CLASSES)
def test_each_kind_of_garment_is_drawn_as_ever(class_number, monkeypatch):
    found = kinds(monkeypatch, class_number, 0.5)
    assert len(found) == len(LOOKS[class_number])
    for look, expected in zip(found, LOOKS[class_number], strict=True):
        assert look == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(("class_number", "drawn"), EXTREMES)
def test_chance_moves_turns_stretches_and_shades_as_far_as_ever(class_number, drawn, monkeypatch):
    found = kinds(monkeypatch, class_number, drawn)
    for look, expected in zip(found, EXTREMES[class_number, drawn], strict=True):
        assert look == pytest.approx(expected, abs=0.04)
