"""The place where processes meet: the others write into the same store while this one waits."""

import uuid
from collections.abc import Callable

import pytest
import torch.distributed as dist

from helpers.beyond_one_process import parallel


class Store(dict):
    """What the attempt before has left is there; a name that nobody wrote is an error here."""

    def set(self, name: str, value: str) -> None:
        self[name] = value.encode()

    def get(self, name: str) -> bytes:
        return self[name]

    def check(self, names: list[str]) -> bool:
        assert names  # PyTorch would take none for a mistake.
        return all(name in self for name in names)

    def text(self, name: str) -> str:
        return self[name].decode()


@pytest.fixture
def meet(monkeypatch):
    """Let a process meet others, who do one thing after the other each time that it waits."""
    monkeypatch.setattr(dist, "PrefixStore", lambda name, store: (name, store))

    def meet(rank: int, size: int, store: Store, *others: Callable[[], None]):
        todo, asked = iter(others), []

        def sleep(seconds: float) -> None:
            assert seconds == 0.02
            next(todo)()

        def rendezvous(way: str):
            asked.append(way)
            return iter([(store, rank, size)])

        monkeypatch.setattr(dist, "rendezvous", rendezvous)
        monkeypatch.setattr(parallel.time, "sleep", sleep)
        (name, within), group = parallel._fresh_store()
        assert within is store and group == (rank, size) and asked == ["env://"]
        assert next(todo, None) is None  # It has waited for all of them.
        return name

    return meet


def test_the_first_waits_until_all_have_taken_an_offer_with_their_new_tokens(meet):
    store = Store({"token/1": b"dead1", "token/2": b"dead2", "offer": b"old dead1 dead2"})
    names = []

    def look_at_the_first_offer():
        names.append(store.text("offer").split()[0])
        assert store.text("offer").split()[1:] == ["dead1", "dead2"] and names[0] != "old"
        # Who took another offer is not here, and one of several is not all.
        store["old/1"] = store["old/2"] = b"here"
        store.set("token/1", "new1")

    def take_the_offer():
        assert store.text("offer") == f"{names[0]} new1 dead2"
        store.set(f"{names[0]}/1", "here")

    def make_the_other_token():
        store.set("token/2", "new2")

    def take_it_too():
        assert store.text("offer") == f"{names[0]} new1 new2"
        store.set(f"{names[0]}/2", "here")

    todo = [look_at_the_first_offer, take_the_offer, make_the_other_token, take_it_too]
    assert meet(0, 3, store, *todo) == names[0]


def test_one_alone_waits_for_nobody_and_meets_elsewhere_each_time(meet):
    store = Store()
    first, second = meet(0, 1, store), meet(0, 1, store)
    assert first != second and store.text("offer") == second
    assert uuid.UUID(second).hex == second


def test_another_one_takes_the_offer_in_which_its_own_new_token_stands(meet):
    store = Store({"token/2": b"dead2", "offer": b"old dead1 dead2"})
    tokens = []

    def offer_to_the_dead():
        tokens.append(store.text("token/2"))
        assert tokens[0] != "dead2" and "old/2" not in store
        store.set("offer", "fresh new1 dead2")

    def offer_to_all():
        assert "fresh/2" not in store and store.text("token/2") == tokens[0]
        store.set("offer", f"fresh new1 {tokens[0]}")

    assert meet(2, 3, store, offer_to_the_dead, offer_to_all) == "fresh"
    assert store.text("fresh/2") == "here" and "old/2" not in store
