import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import skip_gram
from distgnn.nn.skip_gram import skip_gram_loss, window_dots
from distgnn.nn.walks import sliding_windows


def gradient_of(embedding, pos, neg):
    embedding.zero_grad()
    loss = skip_gram_loss(embedding, pos, neg)
    loss.backward()
    return loss, embedding.weight.grad


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.float64]),
    st.booleans(),
    st.integers(1, 40) | st.sampled_from([64, 128, 600]),
    st.integers(2, 5),
    st.integers(0, 5),
)
def test_kernel_as_plain_torch(dtype, sparse, dim, size, seed):
    g = torch.Generator().manual_seed(seed)
    embedding = nn.Embedding(9, dim, sparse=sparse, dtype=dtype)
    pos = sliding_windows(torch.randint(8, (size + 2, 6), generator=g), size)
    neg = torch.randint(8, (5, size + 1), generator=g)
    loss, grad = gradient_of(embedding, pos, neg)
    assert grad.is_sparse == sparse
    if sparse:
        touched = torch.cat([pos.flatten(), neg.flatten()]).unique()
        assert torch.equal(grad._indices()[0], touched)  # no row twice
        grad = grad.to_dense()
    weight = embedding.weight.detach().clone().requires_grad_()
    plain = nn.Embedding.from_pretrained(weight, freeze=False)
    pos_dots, neg_dots = window_dots(plain, pos), window_dots(plain, neg)
    expected = -torch.log(pos_dots.sigmoid() + 1e-15).mean()
    expected = expected - torch.log(1 - neg_dots.sigmoid() + 1e-15).mean()
    expected.backward()
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-12}
    )
    torch.testing.assert_close(loss, expected, **tolerance)
    torch.testing.assert_close(grad, plain.weight.grad, **tolerance)


def test_threads_do_not_change_gradients(monkeypatch):
    embedding = nn.Embedding(50, 128)
    pos, neg = torch.randint(50, (2, 3000, 4))
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(skip_gram.torch, "get_num_threads", lambda threads=threads: threads)
        found.append([value.clone() for value in gradient_of(embedding, pos, neg)])
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b)


def test_half_types_run_too():
    embedding = nn.Embedding(9, 4, dtype=torch.bfloat16)
    loss, grad = gradient_of(embedding, *torch.randint(9, (2, 5, 3)))
    assert bool(loss.isfinite())
    assert grad.dtype == torch.bfloat16


def test_bad_input():
    embedding = nn.Embedding(9, 4)
    good = torch.zeros(3, 2, dtype=torch.int64)
    with pytest.raises(ArgumentError, match="outside of 0 to 8"):
        skip_gram_loss(embedding, good + 9, good)
    with pytest.raises(ArgumentError, match="outside of 0 to 8"):
        skip_gram_loss(embedding, good, good - 1)
    with pytest.raises(ArgumentError, match=r"pos_rw is torch.int64 of shape \[3\]"):
        skip_gram_loss(embedding, good[:, 0], good)
    with pytest.raises(ArgumentError, match="neg_rw is empty"):
        skip_gram_loss(embedding, good, good[:0])
