"""The kernels against dense matrices, against torch's operators, and by finite differences."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn import _kernels, composed, kernels
from distgnn.nn.sparse import edge_dot, gather_extremum, gather_sum


@st.composite
def adjacencies(draw):
    """Any CSC: empty rows, no edges, no rows, repeated edges, more targets than sources."""
    num_src = draw(st.integers(1, 6))
    degrees = draw(st.lists(st.integers(0, 4), max_size=6))
    num_edges = sum(degrees)
    sources = draw(st.lists(st.integers(0, num_src - 1), min_size=num_edges, max_size=num_edges))
    indptr = torch.tensor([0, *np.cumsum(degrees, dtype=np.int64).tolist()])
    return CSC(indptr, torch.tensor(sources, dtype=torch.int64), num_src)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def dense(csc, weight):
    """Return the weighted adjacency matrix, [num_dst, num_src]."""
    out = torch.zeros(csc.num_dst, csc.num_src, dtype=weight.dtype)
    for row in range(csc.num_dst):
        for edge in range(int(csc.indptr[row]), int(csc.indptr[row + 1])):
            out[row, csc.indices[edge]] += weight[edge]
    return out


@given(adjacencies(), st.integers(1, 3), st.sampled_from([1, 3, 17]))
@settings(max_examples=60, deadline=None)
def test_weighted_sum_is_a_matrix_product(csc, heads, channels):
    x = random(csc.num_src, heads * channels).requires_grad_()
    weight = random(csc.num_edges, heads, seed=1).requires_grad_()
    rows, cols = random(csc.num_dst, seed=2), random(csc.num_src, seed=3)
    diag = random(min(csc.num_dst, csc.num_src), seed=4)
    out = gather_sum(csc, x, weight, row_scale=rows, col_scale=cols, diag=diag)
    parts = []
    for head in range(heads):
        columns = x[:, head * channels : (head + 1) * channels]
        matrix = rows[:, None] * dense(csc, weight[:, head]) * cols
        part = matrix @ columns
        own = torch.zeros_like(part)
        own[: len(diag)] = diag[:, None] * columns[: len(diag)]
        parts.append(part + own)
    expected = torch.cat(parts, dim=1)
    torch.testing.assert_close(out, expected)
    g = random(*out.shape, seed=5)
    wanted = torch.autograd.grad((expected * g).sum(), (x, weight), allow_unused=True)
    found = torch.autograd.grad((out * g).sum(), (x, weight))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, torch.zeros_like(ours) if theirs is None else theirs)


@given(adjacencies(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_skipped_loops(csc, skip):
    x = random(csc.num_src, 2).requires_grad_()
    kept = torch.ones(csc.num_edges, dtype=torch.float64)
    if skip:
        kept[csc.indices == csc.targets()] = 0
    expected = dense(csc, kept) @ x
    out = gather_sum(csc, x, skip_loops=skip)
    torch.testing.assert_close(out, expected)
    for ours, theirs in zip(
        torch.autograd.grad(out.sum(), x), torch.autograd.grad(expected.sum(), x), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@given(adjacencies(), st.integers(1, 3))
@settings(max_examples=60, deadline=None)
def test_inner_products_of_edges(csc, heads):
    left, right = random(csc.num_dst, heads * 5), random(csc.num_src, heads * 5, seed=1)
    products = left[csc.targets()] * right[csc.indices]
    expected = products.view(csc.num_edges, heads, 5).sum(-1)
    torch.testing.assert_close(edge_dot(csc, left, right, heads), expected)


@given(adjacencies(), st.booleans(), st.sampled_from([0, 1]))
@settings(max_examples=60, deadline=None)
def test_extremum_and_its_shared_gradient(csc, minimum, decimals):
    x = random(csc.num_src, 3).round(decimals=decimals).requires_grad_()  # rounded: many ties
    out = gather_extremum(csc, x, minimum=minimum)
    where = csc.targets().view(-1, 1).expand(-1, 3)
    expected = torch.zeros(csc.num_dst, 3, dtype=x.dtype).scatter_reduce(
        0, where, x[csc.indices], "amin" if minimum else "amax", include_self=False
    )
    torch.testing.assert_close(out, expected)
    g = random(*out.shape, seed=5)
    for ours, theirs in zip(
        torch.autograd.grad((out * g).sum(), x),
        torch.autograd.grad((expected * g).sum(), x),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


HAND = CSC(torch.tensor([0, 2, 2, 5]), torch.tensor([1, 3, 0, 3, 3]), 4)
"""Targets 0 (from 1 and 3), 1 (from nobody) and 2 (from 0, and twice from 3)."""


def test_on_a_graph_by_hand():
    x = torch.tensor([[1.0], [2.0], [4.0], [8.0]])
    assert gather_sum(HAND, x).tolist() == [[10], [0], [17]]
    assert gather_extremum(HAND, x).tolist() == [[8], [0], [8]]
    assert gather_extremum(HAND, x, minimum=True).tolist() == [[2], [0], [1]]
    assert edge_dot(HAND, x[:3], x).tolist() == [[2], [8], [4], [32], [32]]


def test_not_a_number_wins():
    x = torch.tensor([[1.0], [float("nan")], [4.0], [8.0]])
    assert gather_extremum(HAND, x).isnan().tolist() == [[True], [False], [False]]
    assert gather_extremum(HAND, x, minimum=True).isnan().tolist() == [[True], [False], [False]]


@pytest.mark.parametrize("heads", [1, 2])
def test_derivatives_of_all_orders(heads):
    x = random(4, 2 * heads).requires_grad_()
    weight = random(5, heads, seed=1).requires_grad_()
    rows, cols, diag = random(3, seed=2), random(4, seed=3), random(2, seed=4)

    def summed(x, weight):
        return gather_sum(HAND, x, weight, row_scale=rows, col_scale=cols, diag=diag)

    def multiplied(left, x):
        return edge_dot(HAND, left, x, heads)

    left = random(3, 2 * heads, seed=6).requires_grad_()
    for function, inputs in ((summed, (x, weight)), (multiplied, (left, x))):
        assert gradcheck(function, inputs)
        assert gradgradcheck(function, inputs)
    for minimum in (False, True):
        assert gradcheck(lambda x, m=minimum: gather_extremum(HAND, x, minimum=m), (x,))
        assert gradgradcheck(lambda x, m=minimum: gather_extremum(HAND, x, minimum=m), (x,))


@given(adjacencies(), st.integers(1, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_composed_operators_agree(csc, heads, transposed):
    """What runs on GPUs, on the CPU: in both orders of the edges."""
    x = random(csc.num_src, heads * 2)
    weight = random(csc.num_edges, heads, seed=1)
    half, num_rows = (csc.indptr, csc.indices, None), csc.num_dst
    if transposed:
        half, num_rows = csc.transpose(), csc.num_src
        x = random(csc.num_dst, heads * 2)
    if x.size(0) == 0:
        return
    rows, cols = random(num_rows, seed=2), random(x.size(0), seed=3)
    diag = random(min(num_rows, x.size(0)), seed=4)
    no = (None, None, None)
    for w, skip in ((weight, False), (None, True)):
        h = 1 if w is None else heads
        native = kernels.spmm(x, w, *half, *no, h, rows, cols, diag, skip)
        torch.testing.assert_close(composed.spmm(x, w, *half, h, rows, cols, diag, skip), native)
    left = random(num_rows, heads * 2, seed=5)
    native = kernels.sddmm(left, x, *half, *no, heads)
    torch.testing.assert_close(composed.sddmm(left, x, *half, heads), native)
    native = kernels.extremum(x, *half[:2], None, None, False)
    torch.testing.assert_close(composed.extremum(x, *half[:2], False), native)


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_threads_share_the_rows(num_threads, dtype):
    generator = torch.Generator().manual_seed(0)
    num_dst, num_src, num_edges = 3000, 2000, 40_000
    targets = (torch.rand(num_edges, generator=generator) ** 3 * num_dst).long().sort().values
    indptr = torch.searchsorted(targets, torch.arange(num_dst + 1))
    sources = torch.randint(0, num_src, (num_edges,), generator=generator)
    csc = CSC(indptr, sources, num_src)
    x = random(num_src, 48, dtype=dtype).requires_grad_()
    expected = torch.zeros(num_dst, 48, dtype=dtype).index_add(0, targets, x[sources])
    largest = torch.zeros(num_dst, 48, dtype=dtype).scatter_reduce(
        0, targets.view(-1, 1).expand(-1, 48), x[sources], "amax", include_self=False
    )
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        pairs = [(gather_sum(csc, x), expected), (gather_extremum(csc, x), largest)]
        for ours, theirs in pairs:
            torch.testing.assert_close(ours, theirs)
            g = random(num_dst, 48, seed=1, dtype=dtype)
            found = torch.autograd.grad((ours * g).sum(), x)[0]
            torch.testing.assert_close(found, torch.autograd.grad((theirs * g).sum(), x)[0])
    finally:
        torch.set_num_threads(before)


def test_half_types_are_computed_in_float32():
    x = random(4, 6, dtype=torch.float32).bfloat16()
    out = gather_sum(HAND, x)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out, gather_sum(HAND, x.float()).bfloat16())


@pytest.mark.parametrize("source", [-1, 4, 2**40])
def test_index_out_of_range(source):
    broken = CSC(HAND.indptr, torch.tensor([1, 3, source, 3, 3]), 4)
    x = random(4, 2)
    for function in (
        lambda: gather_sum(broken, x),
        lambda: gather_extremum(broken, x),
        lambda: edge_dot(broken, x[:3], x),
    ):
        with pytest.raises(
            ArgumentError, match=f"edge 2 comes from node {source}, but there are 4"
        ):
            function()


def test_indices_of_another_type():
    broken = CSC(HAND.indptr, HAND.indices.int(), 4)
    with pytest.raises(ArgumentError, match="indices has type torch"):
        gather_sum(broken, random(4, 2))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"indptr": np.array([0, 3, 2, 5])}, "indptr decreases after row 1"),
        ({"indptr": np.array([1, 2, 2, 5])}, "indptr starts at 1"),
        ({"indptr": np.array([], np.int64)}, "indptr is empty"),
        ({"indices": np.array([0, 1])}, "indices has 2 entries, expected 5"),
        ({"heads": 3}, "3 heads do not divide the 2 columns of x"),
        ({"weight": np.zeros((4, 1))}, "weight has 4 entries, expected 5"),
        ({"row_scale": np.zeros(4)}, "row_scale has 4 entries, expected 3"),
        ({"col_scale": np.zeros(3)}, "col_scale has 3 entries, expected 4"),
        ({"diag": np.zeros(4)}, "diag is longer than the diagonal"),
        ({"out": np.zeros((2, 2))}, "out has 4 entries, expected 6"),
        ({"pos": np.array([0])}, "pos has 1 entries, expected 5"),
        ({"x": np.zeros(4)}, "x must have two dimensions"),
    ],
)
def test_the_binding_checks_arrays(changes, match):
    arguments = {
        "indptr": HAND.indptr.numpy(),
        "indices": HAND.indices.numpy(),
        "pos": None,
        "x": np.zeros((4, 2)),
        "heads": 1,
        "weight": None,
        "row_scale": None,
        "col_scale": None,
        "diag": None,
        "skip_loops": False,
        "out": np.zeros((3, 2)),
        "num_threads": 1,
    }
    with pytest.raises(ValueError, match=match):
        _kernels.spmm(**{**arguments, **changes})


def test_the_binding_converts_nothing():
    with pytest.raises(TypeError, match="incompatible function arguments"):
        _kernels.extremum(
            HAND.indptr.numpy(), HAND.indices.int().numpy(), np.zeros((4, 2)), False,
            np.zeros((3, 2)), 1,
        )  # fmt: skip
