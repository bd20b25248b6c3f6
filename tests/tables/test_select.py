import numpy as np
import pytest

from distgnn.exceptions import ArgumentError
from distgnn.tables import EdgeArrays, NodeArrays, from_arrays, select_edges

A, B = ("v", "a", "v"), ("v", "b", "v")


def graph():
    index = np.array([[0, 1, 2], [1, 2, 0]])
    edges = {A: EdgeArrays(index=index, weight=[1, 2, 3]), B: EdgeArrays(index=index)}
    return from_arrays({"v": NodeArrays(num_nodes=3)}, edges)


def test_masked_types_lose_edges_and_others_keep_theirs():
    part = select_edges(graph(), {A: np.array([True, False, True])})
    assert part.edges[A].to_pydict() == {"src": [0, 2], "dst": [1, 0], "weight": [1, 3]}
    assert part.num_edges(B) == 3
    assert part.schema == graph().schema


def test_a_mask_of_another_length_or_type_is_refused():
    with pytest.raises(ArgumentError, match=r"mask for edge type 'v__a__v' has 2 entries for 3"):
        select_edges(graph(), {A: np.ones(2, bool)})
    with pytest.raises(ArgumentError, match=r"no edge type 'v__c__v'"):
        select_edges(graph(), {("v", "c", "v"): np.ones(3, bool)})
