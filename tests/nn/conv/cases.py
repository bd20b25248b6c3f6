"""Every convolution once, with its edge values, behind one call for all of them."""

from dataclasses import dataclass, field

import torch
from torch import nn

import distgnn.nn as zoo
from distgnn.nn import MessagePassing
from tests.nn.models.graphs import EDGES, NUM_NODES

CHANNELS, EDGE_DIM, NUM_RELATIONS = 4, 3, 2
METADATA = (["node"], [("node", str(relation), "node") for relation in range(NUM_RELATIONS)])


@dataclass(frozen=True)
class Inputs:
    """A graph on which every convolution can be called; values are in the order of the edges."""

    x: torch.Tensor
    edge_index: torch.Tensor
    weight: torch.Tensor
    attr: torch.Tensor
    kind: torch.Tensor

    def relabelled(self, order):
        """Node order[i] is called i."""
        name = torch.empty_like(order).index_copy_(0, order, torch.arange(order.numel()))
        return Inputs(self.x[order], name[self.edge_index], self.weight, self.attr, self.kind)

    def shuffled(self, order):
        """Edges come in another order."""
        values = (value[order] for value in (self.weight, self.attr, self.kind))
        return Inputs(self.x, self.edge_index[:, order], *values)

    def relation(self, relation):
        """Edges of one kind."""
        return self.edge_index[:, self.kind == relation]

    def relations(self):
        """Edges by type, as heterogeneous convolutions take them."""
        return {key: self.relation(relation) for relation, key in enumerate(METADATA[1])}


def inputs(dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    num_edges = EDGES.size(1)
    return Inputs(
        x=torch.randn(NUM_NODES, CHANNELS, generator=generator, dtype=dtype),
        edge_index=EDGES,
        weight=torch.rand(num_edges, generator=generator, dtype=dtype) + 0.5,
        attr=torch.randn(num_edges, EDGE_DIM, generator=generator, dtype=dtype),
        kind=torch.arange(num_edges) % NUM_RELATIONS,
    )


def plain(conv, given):
    return conv(given.x, given.edge_index)


def weighted(conv, given):
    return conv(given.x, given.edge_index, given.weight)


def attributed(conv, given):
    return conv(given.x, given.edge_index, given.attr)


def signed(conv, given):
    return conv(given.x, given.relation(0), given.relation(1))


def typed(conv, given):
    return conv({"node": given.x}, given.relations())["node"]


@dataclass(frozen=True)
class Case:
    """How a convolution is made and called."""

    arguments: tuple
    call: object = plain
    options: dict = field(default_factory=dict)


def mlp(in_channels=CHANNELS):
    return nn.Sequential(nn.Linear(in_channels, 6), nn.ReLU(), nn.Linear(6, 6))


def _mlp(in_channels=CHANNELS):
    return lambda: mlp(in_channels)


def _hetero():
    return {key: zoo.SAGEConv(CHANNELS, 6) for key in METADATA[1]}


DEGREES = torch.tensor([1, 4, 2])
CASES = {
    "CFConv": Case(
        (CHANNELS, 6, 5, lambda: nn.Linear(EDGE_DIM, 5), 10.0),
        lambda conv, given: conv(given.x, given.edge_index, given.weight, given.attr),
    ),
    "EdgeConv": Case((_mlp(2 * CHANNELS),)),
    "GATConv": Case((CHANNELS, 3), attributed, {"heads": 2, "edge_dim": EDGE_DIM}),
    "GATEConv": Case((CHANNELS, CHANNELS, EDGE_DIM), attributed),
    "GATv2Conv": Case((CHANNELS, 3), attributed, {"heads": 2, "edge_dim": EDGE_DIM}),
    "GCNConv": Case((CHANNELS, 6), weighted),
    "GENConv": Case((CHANNELS, 6), attributed, {"edge_dim": EDGE_DIM}),
    "GINConv": Case((_mlp(),)),
    "GINEConv": Case((_mlp(),), attributed, {"edge_dim": EDGE_DIM}),
    "GraphConv": Case((CHANNELS, 6), weighted),
    "HGTConv": Case((CHANNELS, 6, METADATA), typed, {"heads": 2}),
    "HeteroConv": Case((_hetero,), typed),
    "LGConv": Case((), weighted),
    "MFConv": Case((CHANNELS, 6)),
    "PNAConv": Case(
        (CHANNELS, 6, ["mean", "max", "std"], ["identity", "amplification"], DEGREES),
        attributed,
        {"edge_dim": EDGE_DIM},
    ),
    "RGCNConv": Case(
        (CHANNELS, 6, NUM_RELATIONS),
        lambda conv, given: conv(given.x, given.edge_index, given.kind),
    ),
    "SAGEConv": Case((CHANNELS, 6)),
    "SignedConv": Case((CHANNELS, 6, True), signed),
    "SimpleConv": Case((), weighted, {"combine_root": "cat"}),
    "TransformerConv": Case((CHANNELS, 3), attributed, {"heads": 2, "edge_dim": EDGE_DIM}),
}
"""By name of the class; a function among the arguments makes the argument."""


def make(name, seed=0):
    """Return a convolution with weights from `seed`."""
    torch.manual_seed(seed)
    case = CASES[name]
    arguments = (value() if callable(value) else value for value in case.arguments)
    return getattr(zoo, name)(*arguments, **case.options)


def call(name, conv, given):
    """Return the new features of all nodes."""
    return CASES[name].call(conv, given)


def convolutions():
    """Return the names of all public convolutions."""
    return {
        name
        for name in zoo.__all__
        if name.endswith("Conv") and getattr(zoo, name) is not MessagePassing
    }
