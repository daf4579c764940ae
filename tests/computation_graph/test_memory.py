import pytest
import torch

from helpers.computation_graph.memory import small_memory


@pytest.fixture
def w():
    return torch.tensor(2.0, requires_grad=True)


def test_a_part_after_the_other_fits(w):
    mean_loss = small_memory()
    mean_loss(w, torch.tensor([1.0, 2.0])).backward()
    assert w.grad == 7  # the mean of 2·1·(2·1 − 1) and 2·2·(2·2 − 1)
    mean_loss(w, torch.ones(4)).backward()
    assert w.grad == 9


def test_what_is_too_long_does_not_fit(w):
    with pytest.raises(MemoryError, match="^5 entries at once do not fit: pass one part$"):
        small_memory()(w, torch.ones(5))


def test_a_second_graph_waits_for_the_first_one_to_be_walked(w):
    mean_loss = small_memory()
    first = mean_loss(w, torch.ones(2))
    said = "^two graphs at once do not fit: walk the first before the second$"
    with pytest.raises(MemoryError, match=said):
        mean_loss(w, torch.ones(2))
    small_memory()(w, torch.ones(2))  # Another memory has room.
    first.backward()
    mean_loss(w, torch.ones(2))
