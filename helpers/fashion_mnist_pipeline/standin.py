"""The offline stand-in: drawn garments in place of FashionMNIST.

Where FashionMNIST cannot be had, the lesson still runs: ten classes of garments are drawn as grey
images of 28 × 28 pixels.

A garment is a pile of quadrilaterals. Each class has a few templates; every garment moves the
corners of one of them a little, then shifts, turns, stretches and shades the whole. Shirts,
T-shirts, pullovers and coats share a body and differ in sleeves, collars and closings, which is
why a network mixes them up, as it does with the real ones.
"""

import torch

SIDE = 28

# A part is four corners, clockwise on the screen, and a tone: 1 is the garment's own grey, less
# is darker, 0 cuts out. Later parts cover earlier ones. x and y run over [-1, 1], y downwards.
Corners = tuple[tuple[float, float], ...]
Part = tuple[float, Corners]


def _both_sides(tone: float, *corners: tuple[float, float]) -> list[Part]:
    mirrored = tuple((-x, y) for x, y in reversed(corners))
    return [(tone, corners), (tone, mirrored)]


def _body(bottom: float, waist: float = 0.42, shoulder: float = 0.46) -> list[Part]:
    return [(1.0, ((-shoulder, -0.72), (shoulder, -0.72), (waist, bottom), (-waist, bottom)))]


def _sleeves(length: float, width: float = 0.24) -> list[Part]:
    """Sleeves that hang from the shoulders; `length` 0 is none, 1 reaches the hem."""
    hem_x, hem_y = 0.46 + 0.36 * length**0.5, -0.7 + 1.35 * length
    inner = (hem_x - width, hem_y + 0.05)
    return _both_sides(0.93, (0.34, -0.72), (0.56, -0.64), (hem_x, hem_y), inner)


_NECK_ROUND: list[Part] = [(0.0, ((-0.2, -0.8), (0.2, -0.8), (0.12, -0.6), (-0.12, -0.6)))]
_NECK_HIGH: list[Part] = [(0.8, ((-0.17, -0.82), (0.17, -0.82), (0.17, -0.7), (-0.17, -0.7)))]
_COLLAR: list[Part] = _both_sides(0.65, (0.0, -0.76), (0.22, -0.82), (0.26, -0.66), (0.06, -0.5))
_BUTTONS: list[Part] = [(0.7, ((-0.035, -0.6), (0.035, -0.6), (0.035, 0.74), (-0.035, 0.74)))]
_OPENING: list[Part] = [(0.35, ((-0.05, -0.72), (0.05, -0.72), (0.07, 0.84), (-0.07, 0.84)))]
_LAPELS: list[Part] = _both_sides(0.75, (0.02, -0.74), (0.24, -0.76), (0.2, -0.5), (0.04, -0.1))
_SOLE: Part = (0.55, ((-0.9, 0.36), (0.9, 0.36), (0.9, 0.5), (-0.9, 0.5)))

_TEMPLATES: tuple[tuple[list[Part], ...], ...] = (
    # T-shirt/top
    (
        _sleeves(0.16) + _body(0.76) + _NECK_ROUND,
        _sleeves(0.26, 0.3) + _body(0.76, 0.46) + _NECK_ROUND,
        _body(0.76, 0.4, 0.38) + _NECK_ROUND,
        _sleeves(0.24) + _body(0.74) + _COLLAR,
    ),
    # Trouser
    (
        _both_sides(1.0, (0.0, -0.86), (0.34, -0.86), (0.3, 0.86), (0.08, 0.86)),
        _both_sides(1.0, (0.0, -0.86), (0.36, -0.86), (0.48, 0.86), (0.14, 0.86)),
        _both_sides(1.0, (0.0, -0.84), (0.3, -0.84), (0.2, 0.86), (0.03, 0.86)),
    ),
    # Pullover
    (
        _sleeves(0.92) + _body(0.74, 0.44) + _NECK_ROUND,
        _sleeves(0.86, 0.28) + _body(0.72, 0.46) + _NECK_HIGH,
        _sleeves(0.95) + _body(0.78, 0.42),
    ),
    # Dress
    (
        [
            (1.0, ((-0.26, -0.86), (0.26, -0.86), (0.2, -0.2), (-0.2, -0.2))),
            (0.95, ((-0.2, -0.22), (0.2, -0.22), (0.46, 0.88), (-0.46, 0.88))),
        ],
        [(1.0, ((-0.24, -0.86), (0.24, -0.86), (0.28, 0.88), (-0.28, 0.88)))] + _sleeves(0.3, 0.2),
        [(1.0, ((-0.22, -0.88), (0.22, -0.88), (0.36, 0.88), (-0.36, 0.88)))] + _NECK_ROUND,
    ),
    # Coat
    (
        _sleeves(0.96) + _body(0.84, 0.46) + _OPENING + _LAPELS,
        _sleeves(0.94, 0.28) + _body(0.88, 0.5) + _OPENING,
        _sleeves(0.94) + _body(0.84, 0.44) + _BUTTONS + _NECK_HIGH,
    ),
    # Sandal
    (
        [
            (1.0, ((-0.86, 0.3), (0.86, 0.36), (0.88, 0.46), (-0.86, 0.46))),
            (0.8, ((-0.1, -0.1), (0.12, -0.14), (0.5, 0.36), (0.28, 0.36))),
            (0.8, ((0.4, -0.02), (0.56, 0.0), (0.3, 0.36), (0.12, 0.36))),
        ],
        [
            (1.0, ((-0.8, 0.1), (-0.6, 0.1), (0.86, 0.44), (0.6, 0.5))),
            (0.9, ((-0.86, 0.0), (-0.66, 0.06), (-0.7, 0.56), (-0.82, 0.56))),
            (0.75, ((0.1, -0.06), (0.3, -0.06), (0.62, 0.4), (0.44, 0.4))),
            (0.75, ((-0.8, -0.36), (-0.66, -0.36), (-0.6, 0.12), (-0.76, 0.12))),
        ],
    ),
    # Shirt
    (
        _sleeves(0.92) + _body(0.78, 0.43) + _COLLAR + _BUTTONS,
        _sleeves(0.26) + _body(0.78, 0.43) + _COLLAR + _BUTTONS,
        _sleeves(0.9) + _body(0.8, 0.4) + _NECK_ROUND + _BUTTONS,
        _sleeves(0.4, 0.28) + _body(0.74, 0.45) + _NECK_ROUND,
    ),
    # Sneaker
    (
        [
            (1.0, ((-0.88, -0.14), (-0.1, -0.16), (0.0, 0.4), (-0.88, 0.4))),
            (0.95, ((-0.12, -0.14), (0.88, 0.22), (0.9, 0.4), (-0.12, 0.4))),
            _SOLE,
        ],
        [
            (1.0, ((-0.86, -0.22), (-0.3, -0.22), (0.88, 0.18), (0.88, 0.4))),
            (1.0, ((-0.86, -0.22), (-0.2, -0.18), (0.3, 0.42), (-0.86, 0.42))),
            (1.0, ((-0.1, -0.1), (0.88, 0.2), (0.88, 0.42), (-0.1, 0.42))),
            (0.6, ((-0.2, -0.12), (-0.08, -0.1), (0.3, 0.3), (0.18, 0.3))),
            _SOLE,
        ],
        [
            (1.0, ((-0.86, -0.04), (-0.4, -0.08), (-0.3, 0.4), (-0.86, 0.4))),
            (0.9, ((-0.4, -0.06), (0.2, -0.12), (0.9, 0.26), (0.88, 0.4))),
            (0.9, ((-0.4, -0.06), (0.2, -0.12), (0.3, 0.4), (-0.4, 0.4))),
            _SOLE,
        ],
    ),
    # Bag
    (
        [
            (0.9, ((-0.4, -0.62), (0.4, -0.62), (0.46, -0.1), (-0.46, -0.1))),
            (0.0, ((-0.28, -0.48), (0.28, -0.48), (0.32, -0.1), (-0.32, -0.1))),
            (1.0, ((-0.8, -0.16), (0.8, -0.16), (0.84, 0.66), (-0.84, 0.66))),
        ],
        [
            (1.0, ((-0.8, -0.46), (0.8, -0.46), (0.8, 0.56), (-0.8, 0.56))),
            (0.75, ((-0.8, -0.46), (0.8, -0.46), (0.5, 0.02), (-0.5, 0.02))),
        ],
        [
            *_both_sides(0.8, (0.3, -0.86), (0.42, -0.84), (0.6, -0.2), (0.46, -0.2)),
            (1.0, ((-0.62, -0.26), (0.62, -0.26), (0.8, 0.78), (-0.8, 0.78))),
        ],
    ),
    # Ankle boot
    (
        [
            (1.0, ((-0.72, -0.74), (0.0, -0.74), (0.04, 0.5), (-0.74, 0.5))),
            (0.95, ((-0.06, 0.0), (0.88, 0.3), (0.88, 0.5), (-0.06, 0.5))),
            (0.5, ((-0.76, 0.48), (0.88, 0.48), (0.88, 0.6), (-0.76, 0.6))),
        ],
        [
            (1.0, ((-0.7, -0.6), (-0.06, -0.64), (0.0, 0.46), (-0.7, 0.4))),
            (1.0, ((-0.1, -0.1), (0.86, 0.32), (0.86, 0.48), (-0.1, 0.46))),
            (0.7, ((-0.76, 0.3), (-0.5, 0.36), (-0.54, 0.72), (-0.72, 0.72))),
            (0.7, ((-0.4, 0.4), (0.86, 0.42), (0.86, 0.52), (-0.4, 0.48))),
        ],
        [
            (1.0, ((-0.74, -0.34), (-0.04, -0.38), (0.04, 0.44), (-0.76, 0.44))),
            (0.95, ((-0.08, -0.16), (0.88, 0.22), (0.88, 0.44), (-0.08, 0.44))),
            _SOLE,
        ],
    ),
)

# How far chance may move things, in units of half the image's side, radians, or fractions.
_CORNER_JITTER = 0.07
_SHIFT = 0.07
_TURN = 0.07
_STRETCH = 0.1
_PIXEL_NOISE = 0.08
_EDGE_WIDTH = 2.0 / SIDE

_CHUNK = 500


def draw(labels: torch.Tensor, *, seed: int) -> torch.Tensor:
    """Draw one garment for each label, shape (n,), dtype int64: class numbers, 0–9.

    Returns shape (n, 28, 28), dtype uint8: 0 is the background, 255 the lightest cloth. The same
    seed and labels give the same bytes.
    """
    generator = torch.Generator().manual_seed(seed)
    images = torch.empty(len(labels), SIDE, SIDE, dtype=torch.uint8)
    for number, templates in enumerate(_TEMPLATES):
        members = (labels == number).nonzero().squeeze(1)
        which = torch.randint(len(templates), (len(members),), generator=generator)
        for index, template in enumerate(templates):
            # In pieces, so that a few megabytes of floats are in use at a time.
            for chunk in members[which == index].split(_CHUNK):
                images[chunk] = _draw_template(template, len(chunk), generator)
    return images


def draw_parts(seed: int = 0, train: int = 60_000, test: int = 10_000) -> tuple[torch.Tensor, ...]:
    """Draw a whole data set: images and labels to learn from, images and labels for the test.

    Of each class there are as nearly as possible the same number.
    """
    parts = []
    for part, count in enumerate((train, test)):
        # A seed for each part: else the test would begin with the garments learnt from.
        generator = torch.Generator().manual_seed(2 * seed + part)
        order = torch.randperm(count, generator=generator)
        labels = (torch.arange(count) % len(_TEMPLATES))[order]
        parts += [draw(labels, seed=2 * seed + part), labels]
    return tuple(parts)


def _draw_template(parts: list[Part], count: int, generator: torch.Generator) -> torch.Tensor:
    """Draw so many garments of one template: shape (count, 28, 28), uint8."""

    def spread(scale: float, *shape: int) -> torch.Tensor:
        return scale * (2 * torch.rand(count, *shape, generator=generator) - 1)

    # One call of `spread` after the other draws from one generator: their order decides the bytes.
    x, y = _posed_grid(spread)
    cloth = torch.zeros(count, SIDE, SIDE)
    for tone, corners in parts:
        moved = torch.tensor(corners) + spread(_CORNER_JITTER, len(corners), 2)
        # A collar or a closing may be plain to see or hardly there; a cut-out always is.
        fade = torch.rand(count, 1, 1, generator=generator) if tone > 0 else 1.0
        cover = _quadrilateral(x, y, moved)
        cloth += cover * (1 - (1 - tone) * fade - cloth)
    grey = 0.62 + spread(0.33, 1, 1)
    noise = _PIXEL_NOISE * torch.randn(count, SIDE, SIDE, generator=generator)
    bright = cloth * (grey * _texture(x, y, spread) + noise)
    return (255 * bright).clamp(0, 255).round().to(torch.uint8)


def _posed_grid(spread) -> tuple[torch.Tensor, torch.Tensor]:
    """Where each pixel of the image lies in the garment's own coordinates."""
    line = (torch.arange(SIDE) + 0.5) * (2 / SIDE) - 1
    down, across = torch.meshgrid(line, line, indexing="ij")
    across = across + spread(_SHIFT, 1, 1)
    down = down + spread(_SHIFT, 1, 1)
    turn = spread(_TURN, 1, 1)
    x = (across * turn.cos() + down * turn.sin()) * (1 + spread(_STRETCH, 1, 1))
    y = (down * turn.cos() - across * turn.sin()) * (1 + spread(_STRETCH, 1, 1))
    return x, y


def _quadrilateral(x: torch.Tensor, y: torch.Tensor, corners: torch.Tensor) -> torch.Tensor:
    """How far each pixel is covered, 0 to 1: inside all four edges, with a soft rim."""
    # Inside a convex shape a point lies on the same side of every edge, seen along the edges in
    # turn. The cross product gives the distance from an edge; the nearest edge decides.
    distance = torch.full_like(x, torch.inf)
    for start, end in zip(corners.unbind(1), corners.roll(-1, 1).unbind(1), strict=True):
        along = torch.nn.functional.normalize(end - start, dim=1)
        start_x, start_y = start[:, 0, None, None], start[:, 1, None, None]
        along_x, along_y = along[:, 0, None, None], along[:, 1, None, None]
        inwards = (y - start_y) * along_x - (x - start_x) * along_y
        distance = torch.minimum(distance, inwards)
    return (0.5 + distance / _EDGE_WIDTH).clamp(0, 1)


def _texture(x: torch.Tensor, y: torch.Tensor, spread) -> torch.Tensor:
    """Stripes of chance direction, width and strength over a slow shade from side to side."""
    direction, phase = spread(torch.pi, 1, 1), spread(torch.pi, 1, 1)
    waves = 9 + spread(6, 1, 1)
    strength = spread(0.3, 1, 1).clamp(min=0)
    stripes = torch.sin(waves * (x * direction.cos() + y * direction.sin()) + phase)
    return 1 + strength * stripes + spread(0.15, 1, 1) * x + spread(0.1, 1, 1) * y
