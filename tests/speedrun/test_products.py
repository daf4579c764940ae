"""Which kind of number products are made in, and how numbers lie in memory."""

import torch

from helpers.speedrun.products import LAST, PlaceByPlace, products_in, quicker_dtype


def test_the_quicker_type_is_one_of_two(monkeypatch):
    assert quicker_dtype() in (torch.float32, torch.bfloat16)
    # By the clock alone: two readings for each of four products in each type.
    for first, second, expected in (
        (1.0, 0.5, torch.bfloat16),
        (1.0, 0.74, torch.bfloat16),
        (1.0, 0.75, torch.float32),
        (1.0, 0.9, torch.float32),
    ):
        readings = [
            t for each in (first, second) for t in (0.0, 9.0 * (2.0 - each)) * 3 + (0.0, each)
        ]
        monkeypatch.setattr("time.perf_counter", iter(readings).__next__)
        assert quicker_dtype() == expected


def test_products_lose_digits_only_where_asked():
    one, small = torch.ones(1, 1), torch.full((1, 1), 1 + 2.0**-10)
    with products_in(torch.bfloat16):
        assert (one @ small).item() == 1.0 and (one + small).dtype == torch.float32
    with products_in(torch.float32):
        assert (one @ small).item() == 1 + 2.0**-10


def test_weights_that_have_moved_are_cast_anew():
    weight, x = torch.nn.Parameter(torch.ones(1, 1)), torch.ones(1, 1)
    with products_in(torch.bfloat16):
        before = torch.nn.functional.linear(x, weight)
        with torch.no_grad():
            weight.add_(1)
        after = torch.nn.functional.linear(x, weight)
    assert (before.item(), after.item(), after.dtype) == (1, 2, torch.bfloat16)


def test_maps_are_flattened_place_by_place():
    maps = torch.arange(24.0).view(1, 2, 3, 4)
    by_place = [
        maps[0, channel, row, column]
        for row in range(3)
        for column in range(4)
        for channel in (0, 1)
    ]
    flat = PlaceByPlace()(maps.contiguous(memory_format=LAST))
    assert flat[0].tolist() == [each.item() for each in by_place]
