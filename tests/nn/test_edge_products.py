"""Every product against a loop, its gradients of any order, and torch's own operators."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.nn import edge_products
from distgnn.nn.edge_products import (
    filtered_sum,
    filtered_weight,
    low_rank_basis,
    low_rank_sum,
    low_rank_weight,
    outer_project,
    outer_sum,
    outer_weight,
)
from distgnn.nn.incidence import Incidence

SIZES = {"i": 5, "j": 4, "L": 3, "H": 6, "B": 2, "E": 14, "P": 7}

# Name, shapes of the arguments, and the product as an einsum over edges (e), or with rows p = e.
CASES = {
    "filtered_sum": (filtered_sum, ["jLH", "EH"], "elh,eh->elh", "i"),
    "filtered_sum of shared filters": (filtered_sum, ["jLH", "PH"], "elh,eh->elh", "i"),
    "filtered_weight": (filtered_weight, ["iLH", "jLH"], "elh,elh->eh", "e"),
    "outer_sum": (outer_sum, ["jH", "EL"], "eh,el->elh", "i"),
    "outer_project": (outer_project, ["jLH", "EL"], "elh,el->eh", "i"),
    "outer_weight": (outer_weight, ["iLH", "jH"], "elh,eh->el", "e"),
    "low_rank_sum": (low_rank_sum, ["jH", "EB", "BH"], "eh,eb,bh->eh", "i"),
    "low_rank_basis": (low_rank_basis, ["iH", "jH", "BH"], "eh,eh,bh->eb", "e"),
    "low_rank_weight": (low_rank_weight, ["iH", "jH", "EB"], "eh,eh,eb->bh", ""),
}


def incidence(num_edges=SIZES["E"], seed=0, *, ordered=False):
    generator = torch.Generator().manual_seed(seed)
    i = torch.randint(0, SIZES["i"], (num_edges,), generator=generator)
    j = torch.randint(0, SIZES["j"], (num_edges,), generator=generator)
    return Incidence(i.sort().values if ordered else i, j, SIZES["i"], SIZES["j"])


def draw(shapes, dtype=torch.float64, *, sizes=SIZES):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn([sizes[s] for s in shape], generator=generator, dtype=torch.float64)
        .to(dtype)
        .requires_grad_()
        for shape in shapes
    ]


def slow(shapes, equation, end, edges, arguments):
    """Gather everything to edges, multiply, and sum at the targets."""
    rows = np.arange(edges.i.numel())
    index = {"i": edges.i.numpy(), "j": edges.j.numpy(), "E": rows, "P": rows % SIZES["P"]}
    values = [argument.detach().double().numpy() for argument in arguments]
    gathered = [
        v[index[shape[0]]] if shape[0] in index else v
        for shape, v in zip(shapes, values, strict=True)
    ]
    products = np.einsum(equation, *gathered)
    if end != "i":
        return products
    total = np.zeros((SIZES["i"], *products.shape[1:]))
    np.add.at(total, edges.i.numpy(), products)
    return total


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("ordered", [False, True], ids=["any order", "sorted"])
@pytest.mark.parametrize("name", CASES)
def test_equals_a_loop(name, ordered, dtype):
    function, shapes, equation, end = CASES[name]
    arguments, edges = draw(shapes, dtype), incidence(ordered=ordered)
    found = function(*arguments, edges)
    assert found.dtype == dtype
    expected = slow(shapes, equation, end, edges, arguments)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_gradients(name):
    function, shapes, _, _ = CASES[name]
    arguments, edges = draw(shapes), incidence()
    assert torch.autograd.gradcheck(lambda *a: function(*a, edges), arguments)
    assert torch.autograd.gradgradcheck(lambda *a: function(*a, edges), arguments)


@pytest.mark.parametrize("num_edges", [0, 14])
@pytest.mark.parametrize("name", CASES)
def test_equals_torchs_operators(name, num_edges, monkeypatch):
    function, shapes, _, _ = CASES[name]
    sizes = SIZES if num_edges else {**SIZES, "E": 0, "P": 0}
    arguments, edges = draw(shapes, sizes=sizes), incidence(num_edges)
    weights = torch.randn(function(*arguments, edges).shape, dtype=torch.float64)
    results = []
    for native in (True, False):
        monkeypatch.setattr(edge_products, "_native", lambda _, native=native: native)
        out = function(*arguments, edges)
        grads = torch.autograd.grad((out * weights).sum(), arguments, create_graph=True)
        total = sum((g * g).sum() for g in grads)
        second = torch.autograd.grad(total, arguments, allow_unused=True, materialize_grads=True)
        results.append((out, grads, second))
    torch.testing.assert_close(*results)


def test_weights_of_edges_that_share_a_filter():
    a, b = draw(["iLH", "jLH"])
    edges = incidence()
    found = filtered_weight(a, b, edges, num_rows=7)
    torch.testing.assert_close(found, filtered_weight(a, b, edges).view(2, 7, -1).sum(dim=0))
    assert torch.autograd.gradcheck(lambda *x: filtered_weight(*x, edges, num_rows=7), (a, b))


@settings(max_examples=25, deadline=None)
@given(
    num_edges=st.integers(0, 300),
    channels=st.sampled_from([1, 7, 64, 130]),
    threads=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
def test_any_size_and_number_of_threads(num_edges, channels, threads, seed):
    sizes = {**SIZES, "E": num_edges, "H": channels}
    edges = incidence(num_edges, seed)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for name in ("filtered_sum", "outer_weight", "low_rank_sum", "low_rank_weight"):
            function, shapes, equation, end = CASES[name]
            arguments = draw(shapes, sizes=sizes)
            found = function(*arguments, edges).detach().numpy()
            expected = slow(shapes, equation, end, edges, arguments)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    finally:
        torch.set_num_threads(before)


def test_large_enough_for_threads():
    generator = torch.Generator().manual_seed(0)
    i, j = torch.randint(0, 500, (2, 20000), generator=generator)
    edges = Incidence(i, j, 500, 500)
    x = torch.randn(500, 32, generator=generator, dtype=torch.float64)
    s = torch.randn(20000, 4, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, 32, generator=generator, dtype=torch.float64)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found = low_rank_sum(x, s, weight, edges), low_rank_weight(x, x, s, edges)
        filters = filtered_weight(x.unsqueeze(1), x.unsqueeze(1), edges)
        torch.set_num_threads(1)
        # The same to the last bit, whatever the threads.
        assert torch.equal(found[0], low_rank_sum(x, s, weight, edges))
        assert torch.equal(found[1], low_rank_weight(x, x, s, edges))
    finally:
        torch.set_num_threads(before)
    expected = torch.zeros(500, 32, dtype=torch.float64).index_add(0, i, x[j] * (s @ weight))
    torch.testing.assert_close(found[0], expected)
    torch.testing.assert_close(found[1], s.T @ (x[i] * x[j]))
    torch.testing.assert_close(filters, x[i] * x[j])


def test_bfloat16_is_computed_in_float32():
    arguments, edges = draw(["jLH", "EH"], torch.bfloat16), incidence()
    found = filtered_sum(*arguments, edges)
    expected = filtered_sum(*(a.float() for a in arguments), edges)
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, expected.bfloat16())
    mixed = filtered_sum(arguments[0], arguments[1].float(), edges)
    assert mixed.dtype == torch.float32


def test_edges_and_their_ends():
    edges = Incidence.at(torch.tensor([2, 0, 2]), 4)
    x = torch.tensor([[1.0], [10.0], [100.0]])
    assert outer_sum(x, torch.ones(3, 1), edges).view(-1).tolist() == [10.0, 0.0, 101.0, 0.0]
    back = outer_project(torch.arange(4.0).view(4, 1, 1), torch.ones(3, 1), edges.flipped)
    assert back.view(-1).tolist() == [2.0, 0.0, 2.0]
    assert edges.flipped.flipped is edges
    assert edges.flipped.by_i[1] is None  # in order already


@pytest.mark.parametrize(
    ("i", "j", "words"),
    [
        ([0, 5], [0, 0], "targets from 0 to 5, expected 0 to 4"),
        ([0, 1], [-1, 0], "sources from -1 to 0, expected 0 to 3"),
    ],
)
def test_edges_of_nodes_that_do_not_exist(i, j, words):
    with pytest.raises(ArgumentError, match=words):
        Incidence(torch.tensor(i), torch.tensor(j), SIZES["i"], SIZES["j"])


def test_filters_that_do_not_divide_the_edges():
    with pytest.raises(ArgumentError, match="there are 4 filters for 14 edges"):
        filtered_sum(torch.zeros(4, 1, 2), torch.zeros(4, 2), incidence())


def test_kernels_check_sizes():
    with pytest.raises(ValueError, match="channels of x has 6 entries, expected 5"):
        low_rank_sum(torch.zeros(4, 6), torch.zeros(14, 2), torch.zeros(2, 5), incidence())
