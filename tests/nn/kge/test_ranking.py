import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from distgnn.exceptions import ArgumentError
from distgnn.nn.kge.ranking import mrr_and_hits, ranks


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 6))
def test_against_scipy(data, num_rows, num_answers):
    row = st.lists(st.integers(0, 3), min_size=num_answers, max_size=num_answers)
    scores = data.draw(st.lists(row, min_size=num_rows, max_size=num_rows))
    answer = st.integers(0, num_answers - 1)
    target = data.draw(st.lists(answer, min_size=num_rows, max_size=num_rows))
    known = data.draw(st.lists(st.tuples(st.integers(0, num_rows - 1), answer), max_size=8))
    expected = []
    for r, (values, own) in enumerate(zip(scores, target, strict=True)):
        left = [a for a in range(num_answers) if (r, a) not in known or a == own]
        expected.append(rankdata([-values[a] for a in left])[left.index(own)])
    pairs = torch.tensor(known, dtype=torch.int64).view(-1, 2).t()
    found = ranks(torch.tensor(scores, dtype=torch.float32), torch.tensor(target), pairs)
    assert found.tolist() == expected


def test_nan_never_helps():
    nan = float("nan")
    scores = torch.tensor([[nan, 1.0, 2.0], [nan, 1.0, 2.0], [nan, nan, nan]])
    assert ranks(scores, torch.tensor([0, 2, 1])).tolist() == [3, 2, 3]


def test_metrics():
    rank = torch.tensor([1.0, 2.0, 4.0, 1.5])
    expected = [np.mean([1, 1 / 2, 1 / 4, 1 / 1.5]), 0.25, 0.75]
    assert mrr_and_hits(rank, (1, 3)).tolist() == pytest.approx(expected)


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"scores have shape \[3\]"):
        ranks(torch.zeros(3), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ArgumentError, match="outside of 0 to 2"):
        ranks(torch.zeros(1, 3), torch.tensor([3]))
    with pytest.raises(ArgumentError, match="empty"):
        mrr_and_hits(torch.empty(0), (1,))
