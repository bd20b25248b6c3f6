"""What a link predictor is trained on: links, negatives, and the neighbourhood of their ends.

Legend: N nodes, B links, K negatives of a link.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import torch

from distgnn.loader.minibatch import MiniBatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from distgnn.schema import EdgeType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkBatch(MiniBatch):
    """A batch of links and negatives; seeds are the nodes at their ends, each once.

    `batch_size` counts the links, ``num_sampled_nodes_dict[type][0]`` the seeds of a type. Ends are
    local ids, among the nodes of their type. Nodes' labels are left out.
    """

    edge_type: EdgeType
    """Type of the links."""
    src: Tensor
    """int64 [B]: source of each link."""
    dst: Tensor
    """int64 [B]: destination of each link."""
    neg_src: Tensor
    """int64 [B, K]: sources of its negatives; K is 0 without any."""
    neg_dst: Tensor
    """int64 [B, K]: destinations of its negatives."""
    number: Tensor
    """int64 [B]: row of each link in the raw edge table, or its place in the list given."""
    time: Tensor | None
    """int64 [B], or None."""

    @property
    def edge_label_index(self) -> Tensor:
        """Ends of links and negatives, int64 [2, B + B * K], links first: the binary form."""
        return torch.stack([
            torch.cat([self.src, self.neg_src.reshape(-1)]),
            torch.cat([self.dst, self.neg_dst.reshape(-1)]),
        ])  # fmt: skip

    @property
    def edge_label(self) -> Tensor:
        """1 for links and 0 for negatives, float32 [B + B * K]."""
        label = torch.zeros(self.src.numel() + self.neg_src.numel(), device=self.src.device)
        label[: self.src.numel()] = 1
        return label

    @property
    def triplets(self) -> tuple[Tensor, Tensor, Tensor]:
        """Source, destination and negative destination, int64 [B * K] each: the triplet form.

        For negatives that share the source of their link (all but ``"uniform"``).
        """
        num_negatives = self.neg_dst.size(1)
        src, dst = (ends.repeat_interleave(num_negatives) for ends in (self.src, self.dst))
        return src, dst, self.neg_dst.reshape(-1)

    def _map(self, move: Callable[[Tensor], Tensor]) -> LinkBatch:
        # Named, because a dataclass with slots is another class than the one that super() knows.
        moved = super(LinkBatch, self)._map(move)
        assert isinstance(moved, LinkBatch)  # `replace` keeps the class
        return replace(
            moved,
            src=move(self.src),
            dst=move(self.dst),
            neg_src=move(self.neg_src),
            neg_dst=move(self.neg_dst),
            number=move(self.number),
            time=None if self.time is None else move(self.time),
        )


def with_links(batch: MiniBatch, **links: Any) -> LinkBatch:
    """Return `batch` as one of links, with the fields that `LinkBatch` adds or changes."""
    shared = {field.name: getattr(batch, field.name) for field in fields(MiniBatch)}
    return LinkBatch(**shared | links)
