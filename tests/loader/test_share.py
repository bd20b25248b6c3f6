"""Ranks share the seeds of every step: all seeds once, as many steps on each rank."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.loader import NodeLoader, RankShare, SeedSchedule
from distgnn.loader.seed_order import shuffled, shuffled_in_groups
from distgnn.samplers import NeighborSampler


def ranks(num_ranks):
    return [RankShare(rank=rank, num_ranks=num_ranks) for rank in range(num_ranks)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 6), st.integers(1, 7), st.booleans(), st.booleans())
def test_every_seed_once_an_epoch_in_as_many_steps(num_seeds, num_ranks, per_rank, by_part, mix):
    """With equal shares of full steps, whatever is left over, even fewer seeds than ranks."""
    seeds = np.arange(100, 100 + num_seeds)
    batch_size = num_ranks * per_rank
    schedules = [
        SeedSchedule(
            seeds=seeds, batch_size=batch_size, shuffle=mix, seed=5, share=share,
            num_groups=num_ranks if by_part else 1,
        )
        for share in ranks(num_ranks)
    ]  # fmt: skip
    whole = SeedSchedule(
        seeds=seeds, batch_size=batch_size, shuffle=mix, seed=5,
        num_groups=num_ranks if by_part else 1,
    )  # fmt: skip
    assert {len(schedule) for schedule in schedules} == {-(-num_seeds // batch_size)}
    seen = []
    for step in range(len(whole)):
        picks = [schedule.pick(schedule.order(3), step) for schedule in schedules]
        assert all(len(mine) for mine, _ in picks)
        assert not picks[0][1]  # buffers are taken from the first rank
        real = [mine for mine, is_padding in picks if not is_padding]
        joined = np.concatenate(real)
        assert joined.tolist() == whole.pick(whole.order(3), step)[0].tolist()
        sizes = [len(mine) for mine in real] + [0] * (num_ranks - len(real))
        assert max(sizes) - min(sizes) <= 1
        seen += joined.tolist()
    assert sorted(seen) == seeds.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 9))
def test_groups_keep_to_their_ranks(num_seeds, num_ranks, per_rank):
    """Rank r takes group r, which is an equal piece of the seeds as they are sorted by part."""
    cuts = np.array_split(np.arange(num_seeds), num_ranks)
    for share in ranks(num_ranks):
        schedule = SeedSchedule(
            seeds=np.arange(num_seeds), batch_size=num_ranks * per_rank, shuffle=True,
            share=share, num_groups=num_ranks,
        )  # fmt: skip
        order = schedule.order(0)
        picks = [schedule.pick(order, step) for step in range(len(schedule))]
        taken = np.concatenate([mine[: 0 if is_padding else None] for mine, is_padding in picks])
        assert sorted(taken.tolist()) == cuts[share.rank].tolist()


def test_groups_have_an_order_for_each_epoch_and_seed():
    orders = [
        shuffled_in_groups(40, 2, 4, seed=seed, epoch=epoch).tolist()
        for seed in (0, 1) for epoch in (0, 1)
    ]  # fmt: skip
    assert len({tuple(order) for order in orders}) == 4
    assert shuffled_in_groups(40, 1, 7, seed=0, epoch=0).tolist() == orders_of_one_group()


def orders_of_one_group():
    return shuffled(40, seed=0, epoch=0).tolist()


def test_a_rank_that_does_not_exist_is_refused():
    with pytest.raises(ArgumentError, match="rank = 2 is not one of num_ranks = 2"):
        RankShare(rank=2, num_ranks=2)


def test_a_batch_that_groups_cannot_share_is_refused():
    schedule = SeedSchedule(seeds=np.arange(9), batch_size=3, shuffle=True, num_groups=2)
    with pytest.raises(ArgumentError, match=r"batch_size = 3 is no multiple of num_groups = 2"):
        schedule.order(0)


def loaders(graph, num_ranks, **options):
    options = {"batch_size": 16, "shuffle": True, "seed": 1, "num_threads": 0} | options
    seeds = np.arange(graph.num_nodes("node"))
    sampler = NeighborSampler(graph, (4, 4), seed=3)
    return [NodeLoader(graph, sampler, seeds, share=share, **options) for share in ranks(num_ranks)]


def test_shares_draw_the_neighbours_of_the_whole_batch(graph_parts):
    """With equal fanouts a seed's tree is the same, whoever takes it."""
    graph = graph_parts[2]
    (whole,), halves = loaders(graph, 1), loaders(graph, 2)
    for all_of_it, *shares in zip(whole.epoch(1), *(each.epoch(1) for each in halves), strict=True):
        seeds = torch.cat([part.n_id[: part.batch_size] for part in shares if not part.is_padding])
        assert torch.equal(seeds, all_of_it.n_id[: all_of_it.batch_size])
        assert {part.index for part in shares} == {all_of_it.index}
        assert drawn(all_of_it) == set.union(*map(drawn, shares))


def drawn(batch):
    """Return the edges drawn for seeds, as global ids."""
    first = batch.num_sampled_edges_per_hop[0]
    return set(map(tuple, batch.n_id[batch.edge_index[:, :first]].T.tolist()))


def test_a_rank_without_seeds_gets_padding(graph_parts):
    seeds = np.array([4])
    sampler = NeighborSampler(graph_parts[2], (2,), seed=3)
    batches = [
        list(NodeLoader(graph_parts[2], sampler, seeds, batch_size=6, share=share).epoch(0))
        for share in ranks(3)
    ]
    assert [[batch.is_padding for batch in each] for each in batches] == [[False], [True], [True]]
    assert [each[0].n_id[0].item() for each in batches] == [4, 4, 4]
    assert batches[1][0].to("cpu").is_padding


def test_by_part_most_seeds_of_a_rank_are_of_its_own_parts(graph_parts):
    graph = graph_parts[2]
    for rank, loader in enumerate(loaders(graph, 2, num_groups=2)):
        seeds = torch.cat(
            [b.n_id[: b.batch_size] for b in loader.epoch(0) if not b.is_padding]
        ).numpy()
        own = np.mean(graph.owner("node", seeds) == rank)
        assert own >= 0.7  # the parts hold 60 and 40 of the seeds
        assert len(set(seeds.tolist())) == len(seeds)
