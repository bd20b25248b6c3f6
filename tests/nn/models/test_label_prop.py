import networkx as nx
import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import CorrectAndSmooth, LabelPropagation
from tests.nn.models.graphs import EDGES, NUM_NODES, WEIGHT, csc, sparse_tensor
from tests.nn.parity import assert_parity

Y = torch.tensor([0, 2, 1, 0, 2, 1, 0, 1])
MASK = torch.tensor([True, True, True, False, False, True, False, False])


@pytest.mark.parametrize("edges", [EDGES, sparse_tensor()], ids=["edge_index", "SparseTensor"])
@pytest.mark.parametrize("mask", [None, MASK, MASK.nonzero().flatten()], ids=["all", "mask", "ids"])
def test_as_torch_geometric(edges, mask):
    ours, theirs = LabelPropagation(3, 0.8), pyg.LabelPropagation(3, 0.8)
    assert repr(ours) == repr(theirs)
    scores = torch.rand(NUM_NODES, 4)
    assert_parity(ours, theirs, Y, edges, mask)
    assert_parity(ours, theirs, scores, edges, mask)
    assert_parity(ours, theirs, scores, edges, mask, post_step=lambda y: y.tanh())


def test_given_weights_are_taken_as_they_are():
    ours, theirs = LabelPropagation(3, 0.8), pyg.LabelPropagation(3, 0.8)
    scores = torch.rand(NUM_NODES, 4)
    assert_parity(ours, theirs, scores, EDGES, MASK, WEIGHT)
    assert_parity(ours, theirs, scores, sparse_tensor(WEIGHT), MASK)
    expected = ours(scores.double(), EDGES, MASK, WEIGHT)
    torch.testing.assert_close(ours(scores.double(), csc(WEIGHT), MASK), expected)


def test_unknown_classes_are_zeros():
    y = Y.masked_fill(~MASK, -1)
    model = LabelPropagation(3, 0.8)
    assert torch.equal(model(y, EDGES), model(Y, EDGES, MASK))


def test_a_path_written_out():
    # 0 - 1 - 2: one step takes half of 1's label to each side, weighted by 1 / sqrt(1 * 2).
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    out = LabelPropagation(1, 0.5)(torch.tensor([[0.0], [1.0], [0.0]]), edges)
    torch.testing.assert_close(out.flatten(), torch.tensor([0.5**1.5, 0.5, 0.5**1.5]))


def test_fixed_point_against_dense_algebra():
    graph = nx.karate_club_graph()
    edges = torch.tensor([(u, v) for a, b in graph.edges for u, v in ((a, b), (b, a))]).t()
    dense = torch.zeros(34, 34, dtype=torch.double)
    dense[edges[0], edges[1]] = 1.0
    scale = dense.sum(0).rsqrt()
    start = torch.eye(34, dtype=torch.double)[:, :5].contiguous()
    operator = scale[:, None] * dense * scale[None, :]
    expected = torch.linalg.solve(torch.eye(34) - 0.7 * operator, 0.3 * start)
    out = LabelPropagation(200, 0.7)(start, edges, post_step=lambda y: y)
    torch.testing.assert_close(out, expected)


def soft():
    return torch.rand(NUM_NODES, 3, generator=torch.Generator().manual_seed(2)).softmax(-1)


@pytest.mark.parametrize("autoscale", [True, False])
@pytest.mark.parametrize("edges", [EDGES, sparse_tensor()], ids=["edge_index", "SparseTensor"])
def test_correct_and_smooth_as_torch_geometric(edges, autoscale):
    options = {"autoscale": autoscale, "scale": 1.5}
    ours = CorrectAndSmooth(3, 0.9, 2, 0.7, **options)
    theirs = pyg.CorrectAndSmooth(3, 0.9, 2, 0.7, **options)
    assert repr(ours) == repr(theirs)
    rounded = {"tolerance": {"rtol": 1e-5, "atol": 1e-7}}  # its normalisation is float32
    for call in ("forward", "correct", "smooth"):
        called = method(call, gradient=not autoscale)
        assert_parity(ours, theirs, soft(), Y[MASK], MASK, edges, call=called, **rounded)
    index = MASK.nonzero().flatten()
    called = method("forward", gradient=not autoscale)
    assert_parity(ours, theirs, soft(), Y[MASK], index, edges, call=called, **rounded)


def method(name, *, gradient):
    """Call a method; torch-geometric's gradient through the automatic scale is NaN."""

    def call(module, *args):
        with torch.set_grad_enabled(gradient):
            return getattr(module, name)(*args)

    return call


@pytest.mark.parametrize("autoscale", [True, False])
def test_correct_and_smooth_with_weights(autoscale):
    ours = CorrectAndSmooth(3, 0.9, 2, 0.7, autoscale=autoscale)
    theirs = pyg.CorrectAndSmooth(3, 0.9, 2, 0.7, autoscale=autoscale)
    assert_parity(ours, theirs, soft(), Y[MASK], MASK, EDGES, WEIGHT)
    args = soft().double(), Y[MASK], MASK
    torch.testing.assert_close(ours(*args, csc(WEIGHT)), ours(*args, EDGES, WEIGHT))


def test_perfect_predictions_stay_finite():
    y_soft = torch.eye(3)[Y]
    out = CorrectAndSmooth(3, 0.9, 2, 0.7)(y_soft, Y[MASK], MASK, EDGES)
    assert bool(out.isfinite().all())


def test_input_is_left_alone():
    y_soft = soft()
    CorrectAndSmooth(3, 0.9, 2, 0.7)(y_soft, Y[MASK], MASK, EDGES)
    assert torch.equal(y_soft, soft())


def test_bad_input():
    model = CorrectAndSmooth(3, 0.9, 2, 0.7)
    with pytest.raises(ArgumentError, match="y_true has 8 rows, but mask selects 4"):
        model(soft(), Y, MASK, EDGES)
    with pytest.raises(ArgumentError, match="class 2, but there are 2 classes"):
        model(soft()[:, :2], Y[MASK], MASK, EDGES)


def test_renaming_nodes_permutes_the_output():
    order = torch.randperm(NUM_NODES)
    new = order.argsort()
    scores = torch.rand(NUM_NODES, 3).double()
    model = LabelPropagation(4, 0.8)
    torch.testing.assert_close(model(scores[order], new[EDGES]), model(scores, EDGES)[order])
