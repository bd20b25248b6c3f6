"""Requests that cannot be met, and damaged shards."""

import numpy as np
import pytest

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.samplers import NeighborSampler
from distgnn.samplers._kernels import NeighborSampler as Kernel
from distgnn.samplers._kernels import Rule, Topology
from distgnn.testing.graphs import CITES, WRITES


@pytest.mark.parametrize(
    ("fanouts", "message"),
    [
        ([3, 0], "hold 0: a fanout is at least 1, or -1 for all"),
        ([-2], "hold -2"),
        ([2.5], "hold 2.5"),
        ([True], "hold True"),
        ([], "are empty"),
        (5, "must be a list with a number for each hop, got 5"),
        ("15", "must be a list"),
        ({}, "name no edge type"),
        (
            {("paper", "cite", "paper"): [2]},
            "'paper__cite__paper' here; did you mean 'paper__cites",
        ),
        ({"cites": [2]}, "'cites' is no edge type: it is a tuple"),
        ({CITES: [2, 2], WRITES: [2]}, "same number of hops .*'author__writes__paper': 1"),
    ],
)
def test_fanouts_are_checked(scholars_graph, fanouts, message):
    with pytest.raises(ArgumentError, match=message):
        NeighborSampler(scholars_graph, fanouts)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([0, 1], "seeds must be a numpy array int64 .n., contiguous, got list"),
        (np.array([0, 1], np.int32), "got int32"),
        (np.array([0.0]), "got float64"),
        (np.array([[0, 1]]), r"\(1, 2\)"),
        (np.arange(6)[::2], "contiguous"),
        (np.array([0, 6]), "hold 6 at place 1, outside the ids 0 to 5"),
        (np.array([-1]), "hold -1 at place 0"),
        (np.array([3, 1, 3]), "node 3 more than once"),
        (np.array([], np.int64), "there are no seeds"),
        ({"papers": np.array([0])}, "node type 'papers', unknown; did you mean 'paper'"),
    ],
)
def test_seeds_are_checked(papers_graph, seeds, message):
    sampler = NeighborSampler(papers_graph, [2])
    with pytest.raises(ArgumentError, match=message):
        sampler.sample(seeds, epoch=0, batch=0)


def test_seeds_of_a_heterogeneous_graph_name_their_type(scholars_graph):
    with pytest.raises(ArgumentError, match="author, paper: give seeds as"):
        NeighborSampler(scholars_graph, [2]).sample(np.array([0]), epoch=0, batch=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be a whole number, at least 0 .* got -1"),
        ({"seed": 1 << 63}, "below 2..63"),
        ({"num_threads": 0}, "num_threads .* at least 1"),
        ({"num_threads": 1.5}, "num_threads .* 1.5"),
    ],
)
def test_numbers_are_checked(papers_graph, arguments, message):
    with pytest.raises(ArgumentError, match=message):
        NeighborSampler(papers_graph, [2], **arguments)


@pytest.mark.parametrize("name", ["epoch", "batch"])
def test_epoch_and_batch_are_checked(papers_graph, name):
    numbers = {"epoch": 0, "batch": 0, name: -1}
    with pytest.raises(ArgumentError, match=f"{name} must be a whole number"):
        NeighborSampler(papers_graph, [2]).sample(np.array([0]), **numbers)


def test_edge_ids_of_an_edge_type_that_is_not_followed(scholars_graph):
    sampler = NeighborSampler(scholars_graph, {CITES: [1]})
    found = sampler.sample({"paper": np.array([0])}, epoch=0, batch=0)
    with pytest.raises(ArgumentError, match="no edge type 'author__writes__paper' here"):
        sampler.edge_ids(found, WRITES)


def kernel(indptr=(0, 1, 2), src=(1, 0), index=(0, 1), offsets=(0, 2), in_memory=False, **options):
    """Make the kernel of a graph of two nodes that point to each other."""
    indptr, src, index, offsets = (np.array(a, np.int64) for a in (indptr, src, index, offsets))
    rule = Rule(pick="uniform", replace=False, up_to=False, weights=None, times=None)
    options = {"fanouts": [[1]], "rule": rule, "disjoint": False, "max_table_bytes": 0} | options
    topology = Topology(
        [(offsets, [index])], [(0, 0, 7, [(indptr, src)])], in_memory=in_memory, num_threads=2
    )
    return Kernel(topology, **options)


DAMAGED = pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"src": [2, 0]}, "an edge comes from node 2 of 2: .*distgnn verify"),
        ({"src": [-1, 0]}, "an edge comes from node -1 of 2"),
        ({"indptr": [0, 3, 2]}, "in-edges of a part's node 0 are the edges 0 to 3 of 2"),
        ({"indptr": [0, -1, 2]}, "in-edges of a part's node 0 are the edges 0 to -1"),
        ({"indptr": [-5, 1, 2]}, "in-edges of a part's node 0 are the edges -5 to 1"),
    ],
)


@DAMAGED
def test_damaged_arrays_are_not_copied(arrays, message):
    with pytest.raises(ShardCorruptError, match=message):
        kernel(**arrays, in_memory=True)


@pytest.mark.parametrize("num_threads", [1, 2])
@DAMAGED
def test_damaged_arrays_are_noticed(arrays, message, num_threads):
    sampler = kernel(**arrays)
    request = {"seed": 0, "epoch": 0, "batch": 0, "num_threads": num_threads}
    with pytest.raises(ShardCorruptError, match=message):
        sampler.sample([np.array([0, 1])], None, **request)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"index": [0]}, "index of part 0 has 1 entries, but the part's nodes need 2"),
        ({"indptr": [0, 1]}, "indptr of part 0 has 2 entries, .* need 3"),
        ({"offsets": [0, 1, 2]}, "arrays of 1 parts, but offsets have 2"),
        ({"offsets": [1, 2]}, "offsets must rise from 0"),
        ({"fanouts": [[1], [1]]}, "an entry for each of 1 edge types"),
        ({"fanouts": [[]]}, "fanouts are empty"),
        ({"fanouts": [[0]]}, "at least 1, or -1 for all neighbours, got 0"),
    ],
)
def test_the_kernel_checks_its_arrays(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        kernel(**arguments)


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_sampler_works_after_a_failure(in_memory):
    sampler = kernel(fanouts=[[1, 1]], in_memory=in_memory)
    request = {"seed": 0, "epoch": 0, "batch": 0, "num_threads": 1}
    with pytest.raises(ArgumentError, match="more than once"):
        sampler.sample([np.array([1, 1])], None, **request)
    [(nodes, _, _)], _ = sampler.sample([np.array([1])], None, **request)
    assert nodes.tolist() == [1, 0]
