import numpy as np
import pytest

from distgnn.exceptions import ArgumentError
from distgnn.samplers import NeighborSampler, make_sampler, sampler_class
from distgnn.samplers.registry import SAMPLERS, check_options


class EveryNode:
    """A sampler without fanouts or replacement."""

    def __init__(self, graph, *, seed=0, num_roots=1):
        self.made_with = (graph, seed, num_roots)


@pytest.fixture
def _every_node(monkeypatch):
    monkeypatch.setitem(SAMPLERS, "every_node", EveryNode)


def test_the_neighbor_sampler_by_name(papers_graph):
    assert sampler_class("neighbor") is NeighborSampler
    sampler = make_sampler("neighbor", papers_graph, [2], replace=True, seed=3)
    assert isinstance(sampler, NeighborSampler)
    assert (sampler.replace, sampler.seed) == (True, 3)
    sampler = make_sampler("neighbor", papers_graph, [2], options={"num_threads": 2})
    found = sampler.sample(np.array([0]), epoch=0, batch=0)
    assert found.num_nodes_per_hop == {"paper": [1, 1]}


@pytest.mark.usefixtures("_every_node")
def test_arguments_that_a_sampler_does_not_know_are_not_passed(papers_graph):
    sampler = make_sampler("every_node", papers_graph, [2], seed=5, options={"num_roots": 4})
    assert sampler.made_with == (papers_graph, 5, 4)


@pytest.mark.usefixtures("_every_node")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("neigbor", {}, "no sampler 'neigbor'; did you mean 'neighbor'"),
        ("neighbor", {"num_thread": 2}, "has no option 'num_thread'; did you mean 'num_threads'"),
        ("every_node", {"fanout": 2}, "'every_node' has no option 'fanout'; known: num_roots"),
        ("neighbor", {"seed": 2}, "'seed' is no option of a sampler: it has a setting of its own"),
    ],
)
def test_unknown_options_get_the_nearest_name(name, options, message):
    with pytest.raises(ArgumentError, match=message):
        check_options(name, options)


@pytest.mark.usefixtures("_every_node")
def test_replacement_is_refused_where_there_is_none():
    with pytest.raises(ArgumentError, match="'every_node' never draws an edge twice"):
        check_options("every_node", {}, replace=True)
