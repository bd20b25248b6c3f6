"""Samplers that give induced subgraphs: exactly the edges between their nodes, seeds first."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.samplers import (
    BatchSampler,
    BufferPool,
    ClusterSampler,
    EdgeRows,
    RandomPartitionSampler,
    SaintEdgeSampler,
    SaintNodeSampler,
    SaintWalkSampler,
)
from distgnn.samplers._kernels import Inducer, Topology
from distgnn.samplers.induced import InducedSubgraphs
from distgnn.samplers.topology import topology
from distgnn.schema import EdgeSchema, GraphSchema, NodeSchema
from distgnn.tables.raw_graph import RawGraph
from distgnn.testing.graphs import CITES
from distgnn.testing.sharding import shard
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    SOLD_TO,
    TO,
    USER,
    global_ids,
    in_parts,
    raw_graph,
    two_types,
)


def content(graph, found):
    """Return a subgraph without reference to parts: rows, edges as (src, dst, eid), counts."""
    rows = {name: graph.index_of(name, ids) for name, ids in found.nodes.items()}
    edges = {}
    for edge_type, csc in found.edges.items():
        src, _, dst = edge_type
        target = np.repeat(np.arange(len(csc.indptr) - 1), np.diff(csc.indptr))
        eid = EdgeRows(graph, edge_type, "eid", BufferPool()).gather(csc.position)
        edges[edge_type] = list(
            zip(rows[src][csc.indices].tolist(), rows[dst][target].tolist(), eid.tolist(),
                strict=True)
        )  # fmt: skip
    counts = found.num_nodes_per_hop, {name: csc.num_per_hop for name, csc in found.edges.items()}
    weights = [None if c.weight is None else c.weight.tolist() for c in found.edges.values()]
    loss = None if found.seed_weight is None else found.seed_weight.tolist()
    return {name: ids.tolist() for name, ids in rows.items()}, edges, counts, weights, loss


def epoch_content(graph, sampler, epoch=0):
    return [
        content(graph, sampler.sample_batch(epoch=epoch, batch=batch))
        for batch in range(sampler.num_batches)
    ]


def test_a_subgraph_written_out(papers_graph):
    graph = papers_graph
    subgraphs = InducedSubgraphs(graph, global_ids(graph, "paper", [1, 4]))
    found = subgraphs.sample({"paper": np.array([0, 1, 3, 4])}, epoch=2, batch=5)
    rows, edges, counts, _, loss = content(graph, found)
    assert rows == {"paper": [1, 4, 0, 3]}  # seeds first, each group in the order of raw rows
    assert counts == ({"paper": [2, 2]}, {CITES: [6]})
    # Source, destination and edge id; the edge from row 2 to row 1 is left out.
    assert edges[CITES] == [
        (0, 1, 0), (0, 1, 7), (3, 1, 3), (1, 0, 2), (0, 3, 5), (4, 3, 4),
    ]  # fmt: skip
    assert (found.epoch, found.batch, loss) == (2, 5, None)
    assert found.edges[CITES].indptr.tolist() == [0, 3, 3, 4, 6]


@st.composite
def node_sets(draw):
    num_nodes = draw(st.integers(1, 30))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=120))
    chosen = draw(st.lists(node, max_size=30, unique=True))
    seeds = draw(st.lists(node, min_size=1, max_size=10, unique=True))
    parts = draw(st.integers(1, min(3, num_nodes)))
    threads = draw(st.sampled_from([1, 2]))
    return num_nodes, np.array(edges, np.int64).reshape(-1, 2).T, chosen, seeds, parts, threads


@settings(max_examples=50, deadline=None)
@given(request=node_sets())
def test_exactly_the_edges_between_the_nodes(request):
    num_nodes, ends, chosen, seeds, parts, num_threads = request
    with tempfile.TemporaryDirectory() as folder:
        graph = in_parts(raw_graph({NODE: num_nodes}, {TO: ends}), parts, Path(folder))
        subgraphs = InducedSubgraphs(
            graph, global_ids(graph, NODE, seeds), num_threads=num_threads, in_memory=parts == 2
        )
        found = subgraphs.sample({NODE: np.sort(chosen).astype(np.int64)}, epoch=0, batch=0)
        rows, edges, counts, _, _ = content(graph, found)
    first = sorted(set(chosen) & set(seeds))
    assert rows[NODE] == first + sorted(set(chosen) - set(seeds))
    assert counts[0][NODE] == [len(first), len(chosen) - len(first)]
    inside = np.isin(ends, chosen).all(axis=0)
    expected = [(int(ends[0, e]), int(ends[1, e]), int(e)) for e in np.flatnonzero(inside)]
    assert sorted(edges[TO]) == sorted(expected)
    assert len(found.edges[TO].indptr) == len(chosen) + 1
    # In-edges of a node come in shard order: by the source's row, parallel ones by edge id.
    order = {row: place for place, row in enumerate(rows[NODE])}
    assert edges[TO] == sorted(edges[TO], key=lambda edge: (order[edge[1]], edge[0], edge[2]))


@pytest.mark.parametrize("in_memory", [False, True])
def test_a_hash_table_numbers_the_nodes_of_large_graphs(one_type_parts, monkeypatch, in_memory):
    graph = one_type_parts[8]
    seeds, rows = global_ids(graph, NODE, range(0, 200, 3)), np.arange(20, 180)
    found = []
    for table_bytes in (1 << 20, 0):
        monkeypatch.setattr("distgnn.samplers.induced.MAX_TABLE_BYTES", table_bytes)
        subgraphs = InducedSubgraphs(graph, seeds, in_memory=in_memory)
        found += [content(graph, subgraphs.sample({NODE: rows}, epoch=0, batch=b)) for b in (0, 1)]
    assert found[0] == found[2]
    assert found[1] == found[3]


def test_heterogeneous_subgraphs(two_type_parts):
    graph = two_type_parts[8]
    seeds = global_ids(graph, ITEM, range(0, 90, 3))
    subgraphs = InducedSubgraphs(graph, seeds, node_type=ITEM)
    chosen = {USER: np.arange(0, 60, 2), ITEM: np.arange(30)}
    rows, edges, counts, _, _ = content(graph, subgraphs.sample(chosen, epoch=0, batch=0))
    assert rows[USER] == list(range(0, 60, 2))
    assert rows[ITEM] == [*range(0, 30, 3), *(row for row in range(30) if row % 3)]
    assert counts[0] == {USER: [0, 30], ITEM: [10, 20]}
    raw = two_types()
    for edge_type in (BUYS, SOLD_TO, LIKE):
        src, dst = (raw.edges[edge_type].column(end).to_numpy() for end in ("src", "dst"))
        inside = np.isin(src, chosen[edge_type[0]]) & np.isin(dst, chosen[edge_type[2]])
        assert sorted(eid for *_, eid in edges[edge_type]) == np.flatnonzero(inside).tolist()


SAMPLERS = {
    "random partition": lambda graph, seeds, **kw: RandomPartitionSampler(
        graph, seeds, num_parts=7, seed=3, **kw
    ),
    "saint node": lambda graph, seeds, **kw: SaintNodeSampler(
        graph, seeds, num_nodes=40, coverage=5, seed=3, **kw
    ),
    "saint edge": lambda graph, seeds, **kw: SaintEdgeSampler(
        graph, seeds, num_edges=20, coverage=5, seed=3, **kw
    ),
    "saint walk": lambda graph, seeds, **kw: SaintWalkSampler(
        graph, seeds, num_roots=15, walk_length=3, coverage=5, seed=3, **kw
    ),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(("parts", "num_threads"), [(2, 1), (8, 2), (40, 1)])
def test_batches_do_not_depend_on_parts_or_threads(one_type_parts, name, parts, num_threads):
    def batches(graph, **options):
        sampler = SAMPLERS[name](graph, global_ids(graph, NODE, range(50)), **options)
        assert isinstance(sampler, BatchSampler)
        return [epoch_content(graph, sampler, epoch) for epoch in (0, 1)]

    expected = batches(one_type_parts[1])
    assert expected[0] != expected[1]
    assert batches(one_type_parts[parts], num_threads=num_threads) == expected


def test_a_random_partition_holds_every_node_once_an_epoch(two_type_parts):
    graph = two_type_parts[2]
    seeds = global_ids(graph, ITEM, range(40))
    sampler = RandomPartitionSampler(graph, seeds, num_parts=4, node_type=ITEM)
    batches = epoch_content(graph, sampler)
    assert sampler.num_batches == len(batches) == 4
    for name, count in ((USER, 60), (ITEM, 90)):
        assert sorted(row for rows, *_ in batches for row in rows[name]) == list(range(count))
        sizes = [len(rows[name]) for rows, *_ in batches]
        assert max(sizes) - min(sizes) <= 1
    assert sum(counts[0][ITEM][0] for _, _, counts, _, _ in batches) == 40


def test_parts_of_a_random_partition_are_uniform(one_type_parts):
    graph = one_type_parts[2]
    sampler = RandomPartitionSampler(graph, global_ids(graph, NODE, [0]), num_parts=4)
    count = np.zeros(200)
    for epoch in range(400):
        found = sampler.sample_batch(epoch=epoch, batch=1)
        count[graph.index_of(NODE, found.nodes[NODE])] += 1
    # Each node is in part 1 in a quarter of 400 epochs: 100 +- 8.7.
    assert abs(count.mean() - 100) < 1e-9
    assert np.abs(count - 100).max() < 4 * 8.7


def clustered(num_parts, folder):
    """A graph with the user's column `cluster` in random parts; the column's numbers have gaps."""
    rng = np.random.default_rng(4)
    cluster = rng.integers(6, size=50) * 10 - 7
    raw = RawGraph(
        schema=GraphSchema(
            nodes=(NodeSchema(type=NODE, columns=("cluster", "name", "gap")),),
            edges=(EdgeSchema(type=TO),),
        ),
        nodes={
            NODE: pa.table(
                {
                    "id": np.arange(50),
                    "cluster": cluster,
                    "name": ["x"] * 50,
                    "gap": pa.array([None, *range(49)]),
                }
            )
        },
        edges={
            TO: pa.table(dict(zip(("src", "dst"), rng.integers(50, size=(2, 300)), strict=True)))
        },
        name="clustered",
    )
    owners = np.r_[np.arange(num_parts), rng.integers(num_parts, size=50 - num_parts)]
    return shard(raw, {NODE: owners}, folder / str(num_parts)), cluster


def test_clusters_of_a_column(tmp_path):
    batches = {}
    for parts in (1, 5):
        graph, cluster = clustered(parts, tmp_path)
        seeds = global_ids(graph, NODE, range(0, 50, 2))
        sampler = ClusterSampler(graph, seeds, column="cluster", clusters_per_batch=4, seed=1)
        assert (sampler.num_clusters, sampler.num_batches) == (6, 2)
        batches[parts] = [epoch_content(graph, sampler, epoch) for epoch in (0, 1)]
    assert batches[1] == batches[5]
    for epoch in batches[1]:
        members = [set(rows[NODE]) for rows, *_ in epoch]
        assert members[0] | members[1] == set(range(50))
        names = [set(cluster[sorted(rows)]) for rows in members]
        assert [len(found) for found in names] == [4, 2]
        assert not names[0] & names[1]
    assert batches[1][0] != batches[1][1]


def test_clusters_are_the_parts_by_default(two_type_parts):
    graph = two_type_parts[8]
    seeds = global_ids(graph, USER, range(60))
    sampler = ClusterSampler(graph, seeds, node_type=USER, clusters_per_batch=3)
    assert (sampler.num_clusters, sampler.num_batches) == (8, 3)
    parts = []
    for batch in range(3):
        found = sampler.sample_batch(epoch=0, batch=batch)
        owners = [set(graph.owner(name, found.nodes[name]).tolist()) for name in (USER, ITEM)]
        assert owners[0] == owners[1]
        parts.append(owners[0])
    assert [len(part) for part in parts] == [3, 3, 2]
    assert set.union(*parts) == set(range(8))


BAD = {
    "no seeds": (lambda g, s: RandomPartitionSampler(g, s[:0], num_parts=2), "no seeds"),
    "twice": (lambda g, s: RandomPartitionSampler(g, s[[0, 0]], num_parts=2), "more than once"),
    "range": (lambda g, s: RandomPartitionSampler(g, s + 1000, num_parts=2), "outside 0 to 199"),
    "dtype": (lambda g, s: ClusterSampler(g, s.astype(float)), "int64"),
    "parts": (lambda g, s: RandomPartitionSampler(g, s, num_parts=0), "num_parts must be"),
    "many": (lambda g, s: RandomPartitionSampler(g, s, num_parts=201), "more than the 200 nodes"),
    "column": (lambda g, s: ClusterSampler(g, s, column="klaster"), "no such column"),
    "batch": (lambda g, s: ClusterSampler(g, s, clusters_per_batch=0), "clusters_per_batch must"),
    "type": (lambda g, s: ClusterSampler(g, s, node_type="nod"), "nod"),
    "roots": (lambda g, s: SaintWalkSampler(g, s, num_roots=0), "num_roots must be"),
    "length": (lambda g, s: SaintWalkSampler(g, s, num_roots=1, walk_length=0), "walk_length must"),
    "draws": (lambda g, s: SaintNodeSampler(g, s, num_nodes=-1), "num_nodes must be"),
    "edges": (lambda g, s: SaintEdgeSampler(g, s, num_edges=1.5), "num_edges must be"),
    "coverage": (lambda g, s: SaintEdgeSampler(g, s, num_edges=9, coverage=0), "coverage must be"),
    "epoch": (lambda g, s: SaintEdgeSampler(g, s, num_edges=9, num_batches=0), "num_batches must"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(one_type_parts, name):
    graph = one_type_parts[2]
    make, message = BAD[name]
    with pytest.raises(ArgumentError, match=message):
        make(graph, global_ids(graph, NODE, [3, 5, 8]))


@pytest.mark.parametrize(("column", "message"), [("name", "string"), ("gap", "1 nulls")])
def test_clusters_must_be_whole_numbers(tmp_path, column, message):
    graph, _ = clustered(2, tmp_path)
    with pytest.raises(ArgumentError, match=message):
        ClusterSampler(graph, global_ids(graph, NODE, [0]), column=column)


def test_saint_is_for_one_type(two_type_parts):
    graph = two_type_parts[1]
    with pytest.raises(ArgumentError, match="one node type and one edge type"):
        SaintWalkSampler(graph, global_ids(graph, USER, [0]), num_roots=3, node_type=USER)


@pytest.mark.parametrize(
    "make",
    [
        lambda g, s: SaintNodeSampler(g, s, num_nodes=3),
        lambda g, s: SaintEdgeSampler(g, s, num_edges=3),
    ],
    ids=["nodes", "edges"],
)
def test_a_graph_without_edges(tmp_path, make):
    graph = in_parts(raw_graph({NODE: 5}, {TO: np.empty((2, 0), np.int64)}), 2, tmp_path)
    with pytest.raises(ArgumentError, match="no edges"):
        make(graph, np.arange(5))


def test_walks_stay_where_they_have_nowhere_to_go(tmp_path):
    graph = in_parts(raw_graph({NODE: 5}, {TO: np.empty((2, 0), np.int64)}), 2, tmp_path)
    sampler = SaintWalkSampler(graph, np.arange(5), num_roots=3, coverage=2)
    found = sampler.sample_batch(epoch=0, batch=0)
    assert 1 <= len(found.nodes[NODE]) <= 3
    assert len(found.edges[TO].indices) == 0


DAMAGED = pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"src": [2, 0]}, "an edge comes from node 2 of 2: .*distgnn verify"),
        ({"src": [-1, 0]}, "an edge comes from node -1 of 2"),
        ({"indptr": [0, 3, 2]}, "in-edges of a part's node 0 are the edges 0 to 3 of 2"),
        ({"indptr": [-5, 1, 2]}, "in-edges of a part's node 0 are the edges -5 to 1"),
    ],
)


@pytest.mark.parametrize("num_threads", [1, 2])
@DAMAGED
def test_damaged_arrays_are_noticed(arrays, message, num_threads):
    arrays = {"indptr": [0, 1, 2], "src": [1, 0]} | arrays
    indptr, src = (np.array(arrays[name], np.int64) for name in ("indptr", "src"))
    nodes = [(np.array([0, 2]), [np.array([0, 1])])]
    topology = Topology(nodes, [(0, 0, 7, [(indptr, src)])], in_memory=False, num_threads=1)
    with pytest.raises(ShardCorruptError, match=message):
        Inducer(topology, max_table_bytes=0).induce([np.array([0, 1])], num_threads=num_threads)


def test_the_kernel_checks_its_arguments(papers_graph):
    kernel = Inducer(topology(papers_graph), max_table_bytes=0)
    with pytest.raises(ArgumentError, match="an entry for each of 1 node types"):
        kernel.induce([], num_threads=1)
    with pytest.raises(ArgumentError, match="nodes hold 3 more than once"):
        kernel.induce([np.array([3, 3])], num_threads=1)
    with pytest.raises(ArgumentError, match="nodes hold 6 at place 0"):
        kernel.induce([np.array([6])], num_threads=1)
    with pytest.raises(ArgumentError, match="num_threads must be at least 1"):
        kernel.induce([np.array([0])], num_threads=0)
    with pytest.raises(ArgumentError, match="1 words for 2 nodes"):
        kernel.step(0, np.array([0, 1]), np.array([5], np.uint64))
    with pytest.raises(ArgumentError, match="steps follow an edge type"):
        kernel.step(1, np.array([0]), np.array([5], np.uint64))
