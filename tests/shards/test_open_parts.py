"""Opening some of the parts: their files only are needed, and nothing else is answered."""

import pickle
import shutil

import numpy as np
import pytest

from distgnn.exceptions import ArgumentError, PartNotOpenError, ShardCorruptError, ShardError
from distgnn.shards import ShardedGraph
from distgnn.testing.graphs import CITES, papers


@pytest.fixture
def second_part(papers_graph, tmp_path):
    """A folder that holds the manifest and part 1 of the hand-made graph."""
    shutil.copytree(papers_graph.path, tmp_path / "papers")
    shutil.rmtree(tmp_path / "papers" / "part-00000")
    return tmp_path / "papers"


def test_own_parts_are_served_and_the_whole_is_known(second_part):
    graph = ShardedGraph.open(second_part, parts=[1])
    assert graph.parts == (1,)
    assert not graph.is_whole
    assert graph.num_nodes("paper") == 6
    assert graph.num_edges(CITES) == 9
    np.testing.assert_array_equal(graph.offsets("paper"), papers().offsets["paper"])
    np.testing.assert_array_equal(graph.nodes("paper", 1).index, [1, 3, 4])
    np.testing.assert_array_equal(graph.index_of("paper", np.array([5, 3])), [4, 1])
    assert "parts=(1,)" in repr(graph)


def test_it_is_pickled_with_its_parts(second_part):
    graph = pickle.loads(pickle.dumps(ShardedGraph.open(second_part, parts=[1])))
    assert graph.parts == (1,)


@pytest.mark.parametrize(
    "ask",
    [
        lambda graph: graph.nodes("paper", 0),
        lambda graph: graph.edges(CITES, 0),
        lambda graph: graph.column("paper", "x"),
        lambda graph: graph.gather("paper", "x", np.array([4, 2])),
        lambda graph: graph.global_id_of_index("paper"),
    ],
    ids=["nodes", "edges", "column", "gather", "all rows"],
)
def test_another_part_is_refused(second_part, ask):
    graph = ShardedGraph.open(second_part, parts=[1])
    with pytest.raises(PartNotOpenError, match=r"part 0 of .*papers is not open here, only part 1"):
        ask(graph)


def test_all_parts_are_open_by_default(papers_graph):
    assert papers_graph.is_whole
    assert ShardedGraph.open(papers_graph.path).parts == (0, 1)


@pytest.mark.parametrize("parts", [[2], [-1, 0]], ids=str)
def test_unknown_parts(papers_graph, parts):
    with pytest.raises(ArgumentError, match="outside 0 to 1"):
        ShardedGraph.open(papers_graph.path, parts=parts)


def test_no_parts(papers_graph):
    with pytest.raises(ArgumentError, match=r"no part of .* is named"):
        ShardedGraph.open(papers_graph.path, parts=[])


def test_a_missing_file_of_an_own_part(second_part):
    with pytest.raises(ShardError, match=r"part-00000.*is missing"):
        ShardedGraph.open(second_part, parts=[0, 1])


def test_a_file_of_an_own_part_cut_off(second_part):
    path = second_part / "part-00001" / "nodes" / "paper.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ShardCorruptError, match=r"paper.arrow has .* cut off"):
        ShardedGraph.open(second_part, parts=[1])
