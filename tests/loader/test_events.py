from itertools import pairwise

import pytest
import torch

from distgnn.exceptions import ArgumentError
from distgnn.loader import EventLoader

SRC = torch.tensor([0, 1, 0, 2, 1, 0, 2])
DST = torch.tensor([5, 6, 7, 5, 5, 9, 6])
T = torch.tensor([0, 1, 1, 3, 4, 4, 9])


def joined(batches, name):
    return torch.cat([getattr(batch, name) for batch in batches])


def test_every_event_once_and_in_time_order():
    loader = EventLoader(SRC, DST, T, 3)
    batches = list(loader.epoch(0))
    assert len(batches) == len(loader) == 3
    assert [batch.src.numel() for batch in batches] == [3, 3, 1]
    for name, values in (("src", SRC), ("dst", DST), ("t", T), ("index", torch.arange(7))):
        assert torch.equal(joined(batches, name), values)
    for before, after in pairwise(batches):
        assert before.t.max() <= after.t.min()


def test_part_of_the_stream():
    loader = EventLoader(SRC, DST, T, 2, begin=3, end=6)
    batches = list(loader.epoch(0))
    assert joined(batches, "index").tolist() == [3, 4, 5]
    assert len(loader) == 2


def test_random_destinations():
    loader = EventLoader(
        SRC.repeat(100).sort().values, DST.repeat(100), T.repeat_interleave(100), 50
    )
    first = joined(loader.epoch(0), "neg_dst")
    assert set(first.tolist()) == {5, 6, 7, 8, 9}
    assert torch.equal(joined(loader.epoch(0), "neg_dst"), first)
    assert not torch.equal(joined(loader.epoch(1), "neg_dst"), first)
    other = EventLoader(SRC, DST, T, 3, first_dst=20, num_dst=1)
    assert set(joined(other.epoch(0), "neg_dst").tolist()) == {20}


def test_resumes_at_any_batch():
    loader = EventLoader(SRC, DST, T, 2, seed=4)
    whole = list(loader.epoch(3))
    for start in range(5):
        for a, b in zip(loader.epoch(3, start), whole[start:], strict=True):
            assert all(torch.equal(getattr(a, n), getattr(b, n)) for n in a.__slots__)


def test_moves():
    batch = next(EventLoader(SRC, DST, T, 2).epoch(0)).to("cpu")
    assert batch.src.tolist() == [0, 1]


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"event 2 at t=0 comes after one at t=1: sort .* by"):
        EventLoader(SRC[:3], DST[:3], torch.tensor([0, 1, 0]), 2)
    with pytest.raises(ArgumentError, match=r"dst is torch\.int64 of shape \[6\], expected int64"):
        EventLoader(SRC, DST[1:], T, 2)
    with pytest.raises(ArgumentError, match=r"t is torch\.float32"):
        EventLoader(SRC, DST, T.float(), 2)
    with pytest.raises(ArgumentError, match="begin=0, end=9"):
        EventLoader(SRC, DST, T, 2, end=9)
    with pytest.raises(ArgumentError, match="batch_size=0"):
        EventLoader(SRC, DST, T, 0)
