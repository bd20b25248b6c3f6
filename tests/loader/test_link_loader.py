"""Batches of links: ends, negatives, removed targets, order, resuming, layouts and bad input."""

import numpy as np
import pytest
import torch

from distgnn.exceptions import ArgumentError, NoNegativesError
from distgnn.loader import LinkLoader, Links, RankShare
from distgnn.loader.target_edges import without_targets
from distgnn.samplers import NegativeSampler, NeighborSampler, TemporalSampler
from distgnn.testing.graphs import BY, CITES, WRITES
from tests.samplers.graphs import NODE, TO, in_parts, raw_graph


def all_links(graph, edge_type=TO):
    return Links.of_edges(graph, edge_type, np.arange(graph.num_edges(edge_type)))


def make(graph, *, kind="per_source", num_negatives=2, fanouts=(3, 2), **options):
    options = {"batch_size": 100, "seed": 1} | options
    return LinkLoader(
        graph,
        NeighborSampler(graph, fanouts, seed=3),
        options.pop("links", None) or all_links(graph),
        negatives=NegativeSampler(graph, kind=kind, num_negatives=num_negatives, seed=5),
        **options,
    )


def content(graph, batch):
    """Return all of a batch without reference to parts: nodes as raw rows."""
    rows = graph.index_of(NODE, batch.n_id.numpy())
    ends = [rows[ids.numpy()].tolist() for ids in (batch.src, batch.dst)]
    negatives = [rows[ids.numpy().ravel()].tolist() for ids in (batch.neg_src, batch.neg_dst)]
    edges = rows[batch.edge_index.numpy()].tolist()
    return (
        batch.epoch, batch.index, rows.tolist(), ends, negatives, edges, batch.number.tolist(),
        batch.x.tolist(), batch.num_sampled_nodes_per_hop, batch.num_sampled_edges_per_hop,
    )  # fmt: skip


def pairs(graph, src, dst):
    return list(
        zip(graph.index_of(NODE, src).tolist(), graph.index_of(NODE, dst).tolist(), strict=True)
    )


def edge_set(graph):
    links = all_links(graph)
    return set(pairs(graph, links.src, links.dst))


def test_links_of_edges_on_a_hand_made_graph(papers_graph):
    links = Links.of_edges(papers_graph, CITES, np.array([8, 0, 3]))
    # Position 8 is edge 6 (5 -> 4), 0 is 2 (1 -> 0), 3 is 7 (0 -> 1).
    assert links.number.tolist() == [2, 6, 7]
    assert papers_graph.index_of("paper", links.src).tolist() == [1, 5, 0]
    assert papers_graph.index_of("paper", links.dst).tolist() == [0, 4, 1]
    assert links.time is None


def test_links_carry_the_times_of_edges(scholars_graph):
    links = all_links(scholars_graph, CITES)
    assert links.number.tolist() == [0, 1, 2, 3, 4]
    assert links.time.tolist() == [4, 2, 4, 1, 0]
    assert scholars_graph.index_of("paper", links.dst).tolist() == [1, 1, 1, 2, 2]


def test_every_link_comes_once_an_epoch_with_its_ends(graph_parts):
    graph = graph_parts[8]
    found = {}
    for batch in make(graph, shuffle=True).epoch(0):
        n_id = batch.n_id.numpy()
        ends = pairs(graph, n_id[batch.src], n_id[batch.dst])
        found |= dict(zip(batch.number.tolist(), ends, strict=True))
        num_seeds = batch.num_sampled_nodes_per_hop[0]
        assert batch.edge_label_index.max() < num_seeds <= 2 * 100 + 200
        assert batch.batch_size == len(batch.src) == 100
        assert batch.adj.num_dst >= num_seeds
    links = all_links(graph)
    expected = dict(zip(links.number.tolist(), pairs(graph, links.src, links.dst), strict=True))
    assert len(found) == 800
    assert found == expected


def test_binary_and_triplet_forms(graph_parts):
    batch = next(make(graph_parts[2], num_negatives=3).epoch(0))
    index, label = batch.edge_label_index, batch.edge_label
    assert index.shape == (2, 400)
    assert label.tolist() == [1.0] * 100 + [0.0] * 300
    assert torch.equal(index[:, :100], torch.stack([batch.src, batch.dst]))
    src, dst, negative = batch.triplets
    assert torch.equal(src, batch.neg_src.reshape(-1))
    assert torch.equal(dst, batch.dst.repeat_interleave(3))
    assert torch.equal(negative, batch.neg_dst.reshape(-1))
    moved = batch.to("cpu")
    assert torch.equal(moved.src, batch.src)
    assert moved.number.tolist() == batch.number.tolist()


@pytest.mark.parametrize("kind", ["uniform", "per_source", "degree", "in_batch"])
def test_negatives_are_no_edges(graph_parts, kind):
    graph = graph_parts[2]
    edges = edge_set(graph)
    for batch in make(graph, kind=kind).epoch(1):
        n_id = batch.n_id.numpy()
        ends = pairs(graph, n_id[batch.neg_src.reshape(-1)], n_id[batch.neg_dst.reshape(-1)])
        assert not edges & set(ends)


@pytest.mark.parametrize("num_threads", [0, 1, 3])
@pytest.mark.parametrize("parts", [1, 2, 8])
def test_batches_do_not_depend_on_parts_or_threads(graph_parts, parts, num_threads):
    def all_batches(graph, **options):
        loader = make(graph, shuffle=True, kind="degree", remove_targets=True, **options)
        return [content(graph, batch) for epoch in range(2) for batch in loader.epoch(epoch)]

    expected = all_batches(graph_parts[1], num_threads=0)
    assert all_batches(graph_parts[parts], num_threads=num_threads) == expected
    assert len(expected) == 16


def test_an_epoch_is_entered_at_any_batch(graph_parts):
    graph = graph_parts[2]
    loader = make(graph, shuffle=True, num_threads=2)
    whole = [content(graph, batch) for batch in loader.epoch(3)]
    for start in (0, 5, 8):
        again = make(graph, shuffle=True, num_threads=2).epoch(3, start=start)
        assert [content(graph, batch) for batch in again] == whole[start:]


def test_negatives_do_not_depend_on_batches_or_ranks(graph_parts):
    graph = graph_parts[2]

    def negatives(**options):
        found = {}
        for batch in make(graph, **options).epoch(0):
            n_id = batch.n_id.numpy()
            rows = graph.index_of(NODE, n_id[batch.neg_dst.numpy().ravel()]).reshape(-1, 2)
            found |= dict(zip(batch.number.tolist(), rows.tolist(), strict=True))
        return found

    expected = negatives()
    assert negatives(batch_size=37, shuffle=True) == expected
    ranks = [negatives(share=RankShare(rank=rank, num_ranks=3)) for rank in range(3)]
    assert ranks[0] | ranks[1] | ranks[2] == expected
    assert sum(map(len, ranks)) == 800


@pytest.mark.parametrize("both_ways", [False, True])
def test_targets_are_taken_out_of_the_messages(graph_parts, both_ways):
    graph = graph_parts[2]
    reverse = TO if both_ways else None
    options = {"fanouts": (-1, -1), "batch_size": 80, "reverse_type": reverse}
    loader = make(graph, remove_targets=True, **options)
    kept = removed = 0
    for batch, whole in zip(loader.epoch(0), make(graph, **options).epoch(0), strict=True):
        n_id = batch.n_id.numpy()
        targets = set(zip(n_id[batch.src].tolist(), n_id[batch.dst].tolist(), strict=True))
        if both_ways:
            targets |= {(b, a) for a, b in targets}
        left = [tuple(pair) for pair in n_id[batch.edge_index.numpy()].T.tolist()]
        before = [tuple(pair) for pair in n_id[whole.edge_index.numpy()].T.tolist()]
        assert left == [pair for pair in before if pair not in targets]
        assert sum(batch.num_sampled_edges_per_hop) == len(left)
        hops = np.cumsum(batch.num_sampled_nodes_per_hop)[:2]
        assert batch.adj.indptr[hops].diff().tolist() == batch.num_sampled_edges_per_hop[1:]
        kept, removed = kept + len(left), removed + len(before) - len(left)
    assert removed >= 800
    assert kept > 0


def test_targets_of_a_reverse_type_are_taken_out(scholars_graph):
    links = all_links(scholars_graph, WRITES)
    sampler = NeighborSampler(scholars_graph, [-1, -1])
    loader = LinkLoader(
        scholars_graph, sampler, links, remove_targets=True, reverse_type=BY, batch_size=2
    )
    for batch in loader.epoch(0):
        authors, papers = (batch.n_id_dict[name].numpy() for name in ("author", "paper"))
        targets = set(zip(authors[batch.src].tolist(), papers[batch.dst].tolist(), strict=True))
        for edge_type, flip in ((WRITES, False), (BY, True)):
            src, dst = batch.adj_dict[edge_type].edge_index().numpy()
            ends = (papers[src], authors[dst]) if flip else (authors[src], papers[dst])
            found = set(zip(*[e.tolist() for e in (ends[::-1] if flip else ends)], strict=True))
            assert not found & targets
        assert batch.neg_src.shape == (2, 0)
        assert batch.edge_label.tolist() == [1.0, 1.0]


def test_weights_of_removed_edges_go_too(papers_graph):
    sampler = NeighborSampler(papers_graph, [-1])
    found = sampler.sample(np.array([3]), epoch=0, batch=0)
    # Row 1 is cited by rows 0 (twice), 2 and 3.
    left = without_targets(found, CITES, np.array([0]), np.array([3]))
    assert left.nodes["paper"].tolist() == found.nodes["paper"].tolist()
    assert left.edges[CITES].position.tolist() == [4, 5]
    assert left.edges[CITES].indptr.tolist() == [0, 2]
    assert left.edges[CITES].num_per_hop == [2]
    same = without_targets(found, CITES, np.array([2]), np.array([3]))
    assert same is found


def test_pairs_that_are_no_edges_can_be_scored(graph_parts):
    graph = graph_parts[2]
    links = Links.of_pairs(graph, TO, np.array([5, 9, 5]), np.array([7, 7, 5]))
    loader = LinkLoader(graph, NeighborSampler(graph, [2]), links, batch_size=2, num_threads=0)
    first, second = loader.epoch(0)
    n_id = first.n_id.numpy()
    assert (n_id[first.src].tolist(), n_id[first.dst].tolist()) == ([5, 9], [7, 7])
    assert first.num_sampled_nodes_per_hop[0] == 3
    assert second.n_id[second.src].tolist() == second.n_id[second.dst].tolist() == [5]


def test_a_link_without_negatives_stops_the_epoch(tmp_path):
    src, dst = np.divmod(np.arange(25), 5)
    graph = in_parts(raw_graph({NODE: 5}, {TO: np.stack([src, dst])}), 1, tmp_path)
    loader = make(graph, batch_size=5)
    with pytest.raises(NoNegativesError, match="no negative for source node") as caught:
        next(loader.epoch(0))
    assert "while making batch 0 of epoch 0 (5 links)" in caught.value.__notes__


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (
            np.zeros(0, np.int64),
            "there are no links of type 'node__to__node': is their split empty",
        ),
        (np.array([800]), "positions are 800 to 800, outside 0 to 799"),
        (np.array([3, 3]), "name an edge more than once"),
        (np.array([1.0]), r"positions must be a numpy array int64 \[n\], got float64"),
        ([1], "got list"),
    ],
)
def test_impossible_positions(graph_parts, positions, message):
    with pytest.raises(ArgumentError, match=message):
        Links.of_edges(graph_parts[2], TO, positions)


def test_impossible_pairs(graph_parts):
    graph, one = graph_parts[2], np.zeros(1, np.int64)
    with pytest.raises(ArgumentError, match="dst are 100 to 100"):
        Links.of_pairs(graph, TO, one, one + 100)
    with pytest.raises(ArgumentError, match="src has 1 nodes, dst 2"):
        Links.of_pairs(graph, TO, one, np.arange(2))
    with pytest.raises(ArgumentError, match="give one pair at least"):
        Links.of_pairs(graph, TO, one[:0], one[:0])


def test_impossible_loaders(graph_parts, scholars_graph):
    graph = graph_parts[2]
    with pytest.raises(ArgumentError, match="batch_size must be"):
        make(graph, batch_size=0)
    with pytest.raises(ArgumentError, match="links of type 'node__to__node' have no time"):
        make(graph, temporal=True)
    with pytest.raises(ArgumentError, match="'author__writes__paper' is no reverse of"):
        LinkLoader(
            scholars_graph, NeighborSampler(scholars_graph, [1]), all_links(scholars_graph, CITES),
            reverse_type=WRITES, batch_size=1,
        )  # fmt: skip
    with pytest.raises(ArgumentError, match="negatives are drawn for 'paper__by__author'"):
        LinkLoader(
            scholars_graph, NeighborSampler(scholars_graph, [1]), all_links(scholars_graph, CITES),
            negatives=NegativeSampler(scholars_graph, BY), batch_size=1,
        )  # fmt: skip
    with pytest.raises(ArgumentError, match="start = 9 is beyond the 8 batches"):
        make(graph).epoch(0, start=9)


def test_ends_are_sampled_as_of_the_time_of_their_link(scholars_graph):
    links = all_links(scholars_graph, CITES)
    sampler = TemporalSampler(scholars_graph, {CITES: [-1, -1]}, times="edges")
    loader = LinkLoader(
        scholars_graph, sampler, links, temporal=True, batch_size=5,
        negatives=NegativeSampler(scholars_graph, CITES, temporal=True),
    )  # fmt: skip
    times = dict(zip(links.number, links.time, strict=True))
    drawn = 0
    for position in range(5):  # one link a batch tells which time an edge was drawn for
        alone = Links.of_edges(scholars_graph, CITES, np.array([position]))
        loader = LinkLoader(scholars_graph, sampler, alone, temporal=True, batch_size=1)
        batch = next(loader.epoch(0))
        edges = sampler.sample({"paper": alone.dst}, epoch=0, batch=0, times={"paper": alone.time})
        assert batch.time.tolist() == alone.time.tolist()
        eids = sampler.edge_ids(edges, CITES)
        drawn += len(eids)
        assert all(times[eid] < alone.time[0] for eid in eids)
        assert batch.adj_dict[CITES].num_edges >= len(eids)
    assert drawn > 0


def test_an_end_at_two_times_is_two_seeds(scholars_graph):
    pairs = Links.of_pairs(
        scholars_graph, CITES, np.array([0, 0, 1]), np.array([2, 2, 2]), np.array([3, 5, 5])
    )
    sampler = TemporalSampler(scholars_graph, {CITES: [-1]}, times="edges")
    batch = next(LinkLoader(scholars_graph, sampler, pairs, temporal=True, batch_size=3).epoch(0))
    # Nodes 0 and 2 as of 3 and as of 5, node 1 as of 5.
    assert batch.num_sampled_nodes_dict["paper"][0] == 5
    assert batch.src[0] != batch.src[1]
    assert batch.dst[1] == batch.dst[2] != batch.dst[0]
    n_id = batch.n_id_dict["paper"]
    assert n_id[batch.src].tolist() == [0, 0, 1]
    assert n_id[batch.dst].tolist() == [2, 2, 2]
