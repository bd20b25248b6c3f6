"""A model for graphs of several node types, as a user would bring it."""

import torch
from torch import nn


class HeteroMean(nn.Module):
    """One layer: own features plus the mean over the in-neighbours of each edge type."""

    def __init__(self, in_channels, out_channels, metadata):
        super().__init__()
        node_types, self.edge_types = metadata
        assert set(in_channels) == set(node_types)
        self.own = nn.ModuleDict({t: nn.Linear(in_channels[t], out_channels) for t in node_types})
        self.other = nn.ModuleDict(
            {"__".join(e): nn.Linear(in_channels[e[0]], out_channels) for e in self.edge_types}
        )

    def forward(self, x_dict, edge_index_dict):
        out = {node_type: self.own[node_type](x) for node_type, x in x_dict.items()}
        for edge_type, (source, target) in edge_index_dict.items():
            sent = self.other["__".join(edge_type)](x_dict[edge_type[0]])[source]
            rows = out[edge_type[2]]
            total = torch.zeros_like(rows).index_add(0, target, sent)
            count = torch.bincount(target, minlength=len(rows)).clamp(min=1)[:, None]
            out[edge_type[2]] = rows + total / count
        return out
