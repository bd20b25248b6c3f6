import numpy as np
from scipy.stats import chisquare

from distgnn.partition.adjacency import without_edges
from distgnn.partition.hash import HashPartitioner
from distgnn.testing.graphs import scholars
from tests.partition.graphs import adjacency_of, ones, raw_of

MASK = 2**64 - 1


def mix(value):
    """SplitMix64 in Python integers."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def assign(num_nodes, num_parts, seed=0):
    adjacency = without_edges(raw_of([], num_nodes))
    return HashPartitioner().assign(adjacency, num_parts, ones(num_nodes), seed)


def test_equals_the_formula():
    adjacency = without_edges(scholars().raw)
    parts = HashPartitioner().assign(adjacency, 3, ones(7), 11)
    expected = [
        (mix((index + mix((mix(11) + node_type) & MASK)) & MASK) >> 32) * 3 >> 32
        for node_type, count in ((0, 3), (1, 4))
        for index in range(count)
    ]
    assert parts.tolist() == expected
    assert parts.dtype == np.int32


def test_depends_on_index_and_seed_alone():
    edges = adjacency_of([(0, 1), (1, 2)], 50)
    assert (HashPartitioner().assign(edges, 4, ones(50) * 7, 1) == assign(50, 4, seed=1)).all()
    assert (assign(50, 4) == assign(80, 4)[:50]).all()
    assert (assign(50, 4) != assign(50, 4, seed=1)).any()


def test_parts_are_even():
    counts = np.bincount(assign(20_000, 7), minlength=7)
    assert chisquare(counts).pvalue > 1e-4
