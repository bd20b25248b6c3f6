import copy
import gc
import pickle
import weakref

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn
from torch.utils.checkpoint import checkpoint

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError, ReleasedTensorError
from distgnn.nn import GroupAddRev
from tests.nn.parity import assert_parity

NUM_NODES = 12
EDGES = torch.stack([torch.arange(NUM_NODES), (torch.arange(NUM_NODES) * 5 + 3) % NUM_NODES])


class Block(nn.Module):
    """Mean of the neighbours, a linear map, and whatever may go wrong when it is repeated."""

    def __init__(self, channels, dropout=0.0, norm=False, prenorm=False):
        super().__init__()
        self.lin = nn.Linear(channels, channels)
        self.dropout = dropout
        self.norm = nn.BatchNorm1d(channels) if norm else None
        self.prenorm = nn.LayerNorm(channels) if prenorm else None

    def reset_parameters(self):
        self.lin.reset_parameters()

    def forward(self, x, edges, weight=None, mask=None, scale=1.0):
        if isinstance(edges, CSC):
            edges, weight = edges.edge_index(), edges.weight
        if self.prenorm is not None:
            x = torch.relu(self.prenorm(x))
        message = x[edges[0]]
        if weight is not None:
            message = message * weight.view(-1, 1)
        h = self.lin(torch.zeros_like(x).index_add(0, edges[1], message.to(x.dtype)))
        if self.norm is not None:
            h = self.norm(h)
        h = (torch.relu(h) if self.prenorm is None else h) * scale
        if mask is not None:
            h = h * mask
        return nn.functional.dropout(h, self.dropout, self.training)


class Deep(nn.Module):
    def __init__(self, *, disable, depth=4, groups=2, width=8, num_bwd_passes=1, **block):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.layers = nn.ModuleList(
            GroupAddRev(
                Block(width // groups, **block),
                num_groups=groups,
                disable=disable,
                num_bwd_passes=num_bwd_passes,
            )
            for _ in range(depth)
        )
        self.last = nn.Linear(width, 2)

    def forward(self, x, *args):
        h = torch.relu(self.first(x))
        for layer in self.layers:
            h = layer(h, *args)
        return self.last(h)


def pair(**options):
    torch.manual_seed(0)
    plain = Deep(disable=True, **options).double()
    reversible = Deep(disable=False, **options).double()
    reversible.load_state_dict(plain.state_dict())
    return plain, reversible


def gradients(model, *args, context=None):
    args = [
        a.clone().requires_grad_() if isinstance(a, torch.Tensor) and a.is_floating_point() else a
        for a in args
    ]
    torch.manual_seed(7)
    if context is None:
        out = model(*args)
    else:
        with context:
            out = model(*args)
    out.square().sum().backward()
    inputs = [a.grad for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    return out, [*inputs, *(p.grad for p in model.parameters())], torch.rand(1)


def assert_as_plain(options, *args, rtol=1e-9, context=None):
    plain, reversible = pair(**options)
    out, grads, draw = gradients(plain, *args, context=context)
    out_, grads_, draw_ = gradients(reversible, *args, context=context)
    torch.testing.assert_close(out_, out, rtol=rtol, atol=rtol * 1e-2)
    for grad_, grad in zip(grads_, grads, strict=True):
        assert grad is not None
        torch.testing.assert_close(grad_, grad, rtol=rtol, atol=rtol * 1e-2)
    assert torch.equal(draw, draw_)  # the generator goes on as if nothing was repeated
    for (name, buffer_), buffer in zip(reversible.named_buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(buffer_, buffer, msg=name)


@pytest.fixture
def x():
    return torch.randn(NUM_NODES, 3, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("groups", [2, 4])
def test_gradients_equal_the_plain_stack(x, groups):
    assert_as_plain({"groups": groups}, x, EDGES)


def test_gradients_with_dropout_and_running_statistics(x):
    assert_as_plain({"dropout": 0.5, "norm": True}, x, EDGES)


def test_gradients_of_edge_weights_and_shared_mask(x):
    weight = torch.rand(EDGES.size(1)).double()
    mask = (torch.rand(NUM_NODES, 1) > 0.3).double()
    assert_as_plain({}, x, EDGES, weight, mask, 0.5)


def test_gradients_of_split_arguments(x):
    weight = torch.rand(EDGES.size(1)).double()
    mask = torch.rand(NUM_NODES, 8).double()
    assert_as_plain({"groups": 4}, x, EDGES, weight, mask)


def test_gradients_of_weights_inside_an_adjacency(x):
    weight = torch.rand(NUM_NODES, dtype=torch.double)
    indptr = torch.arange(NUM_NODES + 1)
    found = []
    for model in pair():
        leaf = weight.clone().requires_grad_()
        model(x, CSC(indptr, EDGES[0], NUM_NODES, leaf)).sum().backward()
        found.append(leaf.grad)
    torch.testing.assert_close(found[1], found[0])
    assert bool(found[0].any())


def test_gradients_under_autocast(x):
    plain, reversible = pair(dropout=0.5)
    plain, reversible = plain.float(), reversible.float()
    _, grads, _ = gradients(
        plain, x.float(), EDGES, context=torch.autocast("cpu", dtype=torch.bfloat16)
    )
    _, grads_, _ = gradients(
        reversible, x.float(), EDGES, context=torch.autocast("cpu", dtype=torch.bfloat16)
    )
    for grad_, grad in zip(grads_, grads, strict=True):
        torch.testing.assert_close(grad_, grad, rtol=0.05, atol=0.05 * float(grad.abs().max()))


def test_backward_inside_autocast_reaches_every_weight(x):
    # A weight that was cast and cached without gradient would be cut off.
    model = Deep(disable=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model(x.float(), EDGES).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_frozen_parameters(x):
    plain, reversible = pair()
    for model in (plain, reversible):
        for layer in model.layers[:2]:
            layer.requires_grad_(False)
        model(x, EDGES).sum().backward()
    for (name, ours), theirs in zip(reversible.named_parameters(), plain.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None), name
        if theirs.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad)


def test_everything_frozen_needs_no_record(x):
    layer = GroupAddRev(Block(4), num_groups=2).requires_grad_(False)
    assert not layer(torch.randn(NUM_NODES, 8), EDGES).requires_grad


def test_tied_weights(x):
    found = []
    for disable in (True, False):
        torch.manual_seed(0)
        layer = GroupAddRev(Block(4), num_groups=2, disable=disable).double()
        first = nn.Linear(3, 8).double()
        h = first(x)
        for _ in range(3):
            h = layer(h, EDGES)
        h.square().sum().backward()
        found.append([p.grad for p in layer.parameters()])
    for ours, theirs in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_several_backward_passes(x):
    plain, reversible = pair(num_bwd_passes=3)
    for model in (plain, reversible):
        out = model(x, EDGES)
        for _ in range(3):
            out.sum().backward(retain_graph=True)
    for ours, theirs in zip(reversible.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("passes", [1, 2])
def test_one_backward_pass_too_many(passes):
    layer = GroupAddRev(Block(4), num_groups=2, num_bwd_passes=passes)
    out = layer(torch.randn(NUM_NODES, 8, requires_grad=True), EDGES)
    for _ in range(passes):
        out.sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=f"more than num_bwd_passes={passes} times"):
        out.sum().backward(retain_graph=True)


def test_intermediate_input_is_released_and_rebuilt():
    layer, lin = GroupAddRev(Block(4), num_groups=2), nn.Linear(3, 8)
    h = lin(torch.randn(NUM_NODES, 3))
    before = h.detach().clone()
    out = layer(h, EDGES)
    assert h.untyped_storage().size() == 0
    out.sum().backward()
    torch.testing.assert_close(h, before)


def test_leaf_and_view_of_a_leaf_are_kept():
    features = torch.randn(NUM_NODES, 16)
    weight = torch.randn(NUM_NODES, 8, requires_grad=True)
    layer = GroupAddRev(Block(4), num_groups=2)
    for x in (features[:, :8], features.view(NUM_NODES, 16)[:, 8:], weight, weight.view(-1, 8)):
        before = x.detach().clone()
        out = layer(x, EDGES)
        assert torch.equal(x, before)
        out.sum().backward()
        assert torch.equal(x, before)


def test_zeros_of_a_relu_before_the_block_stay_zeros():
    # Rebuilding turns exact zeros into rounding noise; the ReLU's own record must not see it.
    torch.manual_seed(0)
    found = []
    layer, lin = GroupAddRev(Block(4), num_groups=2), nn.Linear(3, 8)
    x = torch.randn(NUM_NODES, 3)
    for disable in (True, False):
        layer.disable = disable
        lin.zero_grad()
        layer(torch.relu(lin(x)), EDGES).sum().backward()
        found.append(lin.weight.grad.clone())
    torch.testing.assert_close(found[1], found[0])


def test_memory_does_not_grow_with_depth(x):
    held = []
    for depth in (2, 12):
        model = Deep(disable=False, depth=depth)
        h = model.first(x.float())
        outputs = []
        for layer in model.layers:
            h = layer(h, EDGES)
            outputs.append(weakref.ref(h))
        gc.collect()
        alive = [ref() for ref in outputs if ref() is not None]
        held.append(sum(t.untyped_storage().size() for t in alive))
        model.last(h).sum().backward()
    assert held[0] == held[1] == NUM_NODES * 8 * 4


def test_nothing_is_recorded_without_gradient(x):
    model = Deep(disable=False)
    with torch.no_grad():
        h = model.first(x.float())
        model.layers[0](h, EDGES)
        assert h.numel() > 0


def test_output_used_by_another_layer_that_did_not_run_backward():
    first, second = (GroupAddRev(Block(4), num_groups=2) for _ in range(2))
    h = first(torch.randn(NUM_NODES, 8), EDGES)
    side = h.sum()
    second(h, EDGES)
    with pytest.raises(ReleasedTensorError, match="taken over by another"):
        side.backward()


def test_released_tensor_given_to_a_second_layer():
    layer = GroupAddRev(Block(4), num_groups=2)
    h = nn.Linear(3, 8)(torch.randn(NUM_NODES, 3))
    layer(h, EDGES)
    with pytest.raises(ArgumentError, match=r"x has shape \[0\].*clone"):
        layer(h, EDGES)


def test_output_modified_in_place():
    layer = GroupAddRev(Block(4), num_groups=2)
    out = layer(torch.randn(NUM_NODES, 8), EDGES)
    out.mul_(2)
    with pytest.raises(ReleasedTensorError, match="in-place"):
        out.sum().backward()


def test_drift_of_a_very_deep_stack_in_float32(x):
    found = []
    for disable in (True, False):
        torch.manual_seed(0)
        model = Deep(disable=disable, depth=100, prenorm=True)
        found.append(gradients(model, x.float(), EDGES)[1])
    for theirs, ours in zip(*found, strict=True):
        assert float((ours - theirs).norm()) <= 1e-4 * float(theirs.norm()) + 1e-9


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("disable", [True, False])
def test_as_torch_geometric(disable, groups):
    ours = GroupAddRev(Block(8 // groups), num_groups=groups, disable=disable)
    theirs = pyg.GroupAddRev(Block(8 // groups), num_groups=groups, disable=True)
    x, weight = torch.randn(NUM_NODES, 8), torch.rand(NUM_NODES)
    assert_parity(ours, theirs, x, EDGES, weight)
    assert repr(ours) == repr(theirs)


def test_split_along_the_first_dimension():
    class Double(nn.Module):
        def forward(self, x, edges):
            return 2 * x

    ours = GroupAddRev(nn.ModuleList([Double(), Double()]), split_dim=0)
    theirs = pyg.GroupAddRev(nn.ModuleList([Double(), Double()]), split_dim=0, disable=True)
    assert_parity(ours, theirs, torch.randn(6, 3), None)


def test_compiled_block(x):
    model = Deep(disable=False, depth=2).double()
    expected = gradients(copy.deepcopy(model), x, EDGES)
    for layer in model.layers:
        layer.convs = nn.ModuleList(torch.compile(c, backend="aot_eager") for c in layer.convs)
    out, grads, _ = gradients(model, x, EDGES)
    torch.testing.assert_close(out, expected[0])
    for ours, theirs in zip(grads, expected[1], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_checkpointed_stack(x):
    found = []
    for use in (False, True):
        torch.manual_seed(0)
        model = Deep(disable=False, dropout=0.3).double()
        torch.manual_seed(1)
        out = checkpoint(model, x, EDGES, use_reentrant=False) if use else model(x, EDGES)
        out.sum().backward()
        found.append([p.grad for p in model.parameters()])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_copies_pickles_and_starts_each_group_anew():
    layer = GroupAddRev(Block(4), num_groups=2).eval()
    assert not torch.equal(layer.convs[0].lin.weight, layer.convs[1].lin.weight)
    x = torch.randn(NUM_NODES, 8)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x, EDGES), layer(x, EDGES))
    before = layer.convs[0].lin.weight.clone()
    layer.reset_parameters()
    assert not torch.equal(layer.convs[0].lin.weight, before)


def test_empty_graph():
    layer = GroupAddRev(Block(4), num_groups=2)
    out = layer(torch.empty(0, 8, requires_grad=True), torch.empty(2, 0, dtype=torch.int64))
    assert out.shape == (0, 8)
    out.sum().backward()


def test_bad_input():
    with pytest.raises(ArgumentError, match="num_groups must be given"):
        GroupAddRev(Block(4))
    with pytest.raises(ArgumentError, match="2 groups or more, got 1"):
        GroupAddRev(Block(4), num_groups=1)
    with pytest.raises(ArgumentError, match="num_groups=3, but conv is a list of 2"):
        GroupAddRev(nn.ModuleList([Block(4), Block(4)]), num_groups=3)
    with pytest.raises(ArgumentError, match="num_bwd_passes=0"):
        GroupAddRev(Block(4), num_groups=2, num_bwd_passes=0)
    with pytest.raises(ArgumentError, match=r"\[12, 9\].*2 groups"):
        GroupAddRev(Block(4), num_groups=2)(torch.randn(NUM_NODES, 9), EDGES)

    class Wider(nn.Module):
        def forward(self, x, edges):
            return x.sum(dim=-1, keepdim=True).expand(3, -1, 4)

    layer = GroupAddRev(nn.ModuleList([Wider(), Wider()]))
    with pytest.raises(ArgumentError, match="group 0 maps"):
        layer(torch.randn(NUM_NODES, 8, requires_grad=True), EDGES)
