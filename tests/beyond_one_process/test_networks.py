"""The networks have the names and shapes that notebook 04 gives their weights."""

from helpers.beyond_one_process import networks


def test_the_networks_have_the_names_that_notebook_04_gives_its_weights():
    assert list(networks.mlp().state_dict()) == ["linear1.weight", "output.weight"]
