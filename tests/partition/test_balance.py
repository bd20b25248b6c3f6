import numpy as np
import pytest

from distgnn.exceptions import PartitionError
from distgnn.partition.balance import (
    balance_weights,
    check_balance,
    in_edges,
    training_nodes,
)
from distgnn.testing.graphs import papers, scholars
from tests.partition.graphs import raw_of


def test_nodes_weigh_one_each():
    assert balance_weights(scholars().raw, "nodes").tolist() == [[1]] * 7


def test_edges_count_those_into_a_node():
    weights = balance_weights(papers().raw, "edges")
    assert weights.tolist() == [[1, 1], [4, 1], [1, 1], [2, 1], [1, 1], [0, 1]]
    assert weights.flags.c_contiguous


def test_edges_of_all_types_count_for_their_target():
    counts = in_edges(scholars().raw)
    assert counts["author"].tolist() == [2, 2, 2]
    assert counts["paper"].tolist() == [1, 6, 2, 2]


def test_train_counts_the_training_nodes():
    assert balance_weights(papers().raw, "train")[:, 0].tolist() == [1, 1, 0, 0, 0, 1]
    assert training_nodes(scholars().raw)["author"].tolist() == [0, 0, 0]


def test_without_edges_nodes_are_balanced():
    assert balance_weights(raw_of([], 3), "edges").tolist() == [[1]] * 3


def test_without_training_nodes_it_says_so():
    with pytest.raises(PartitionError, match="no node table has a split column with any"):
        balance_weights(scholars().raw, "train")


def test_unknown_balance_gets_the_nearest():
    assert check_balance("train") == "train"
    with pytest.raises(PartitionError, match="no balance 'edge'; did you mean 'edges'"):
        check_balance("edge")


def test_weights_are_int64():
    assert balance_weights(papers().raw, "edges").dtype == np.int64
