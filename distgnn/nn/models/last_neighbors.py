"""The most recent neighbours of each node in a stream of events."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.events import check_events, check_nodes


class LastNeighborLoader:
    """Keeps the last `size` neighbours of each node, for temporal graph networks.

    Events are inserted in time order, after the model has predicted them, so that a query never
    sees the future. Each event counts as a neighbour at both of its ends and has one id: the
    number of events inserted before it. From `"Temporal Graph Networks for Deep Learning on
    Dynamic Graphs" <https://arxiv.org/abs/2006.10637>`_.

    Args:
        num_nodes: Number of nodes N.
        size: Number of neighbours kept for a node.
        device: Where they are kept. Default None: torch's default device.

    Raises:
        ArgumentError: `num_nodes` is negative or `size` is not positive.
    """

    def __init__(self, num_nodes: int, size: int, device: torch.device | str | None = None) -> None:
        if num_nodes < 0 or size < 1:
            msg = f"num_nodes={num_nodes} must not be negative, and size={size} must be positive"
            raise ArgumentError(msg)
        self.size = size
        self.neighbors = torch.zeros((num_nodes, size), dtype=torch.int64, device=device)
        self.e_id = torch.full((num_nodes, size), -1, dtype=torch.int64, device=device)
        # Number of neighbours ever seen: neighbour k lies in slot k modulo size.
        self._seen = torch.zeros(num_nodes, dtype=torch.int64, device=device)
        self.cur_e_id = 0

    def __call__(self, n_id: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the last neighbours of the nodes `n_id`, int64 [n].

        Returns:
            All nodes involved, int64 [m], sorted; edges from neighbour to node as positions in
            these, int64 [2, E], the most recent first for each node; the events' ids, int64 [E].

        Raises:
            ArgumentError: `n_id` names nodes that do not exist.
        """
        check_nodes("n_id", n_id, self._seen.numel())
        seen = self._seen[n_id].unsqueeze(1)
        age = torch.arange(self.size, device=n_id.device)
        row, age = (age < seen).nonzero(as_tuple=True)
        node = n_id[row]
        slot = (seen.view(-1)[row] - 1 - age) % self.size
        neighbor = self.neighbors[node, slot]
        nodes, local = torch.unique(torch.cat([n_id, neighbor]), return_inverse=True)
        edge_index = torch.stack([local[n_id.numel() :], local[row]])
        return nodes, edge_index, self.e_id[node, slot]

    def insert(self, src: Tensor, dst: Tensor) -> None:
        """Add events, in time order and later than all before.

        Args:
            src: Sources, int64 [E].
            dst: Destinations, int64 [E].

        Raises:
            ArgumentError: The two differ in length or name nodes that do not exist.
        """
        check_events(src, dst, self._seen.numel())
        # Event by event, each from both of its ends; sorting by node keeps that order.
        node, order = torch.stack([src, dst], dim=1).view(-1).sort(stable=True)
        neighbor = torch.stack([dst, src], dim=1).view(-1)[order]
        e_id = self.cur_e_id + order // 2
        touched, counts = torch.unique_consecutive(node, return_counts=True)
        end = counts.cumsum(0).repeat_interleave(counts)
        left = end - torch.arange(node.numel(), device=node.device)  # 1: the node's last one
        slot = (self._seen[node] + counts.repeat_interleave(counts) - left) % self.size
        kept = left <= self.size
        self.neighbors[node[kept], slot[kept]] = neighbor[kept]
        self.e_id[node[kept], slot[kept]] = e_id[kept]
        self._seen[touched] += counts
        self.cur_e_id += src.numel()

    def reset_state(self) -> None:
        """Forget all events."""
        self.cur_e_id = 0
        self.e_id.fill_(-1)
        self._seen.zero_()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_nodes={self._seen.numel()}, size={self.size})"
