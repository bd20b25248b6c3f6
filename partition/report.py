"""What a run did: shown at its end, and returned to callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from distgnn.partition.estimate import Estimate, format_bytes, format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.partition.out_of_core.estimate import JobEstimate
    from distgnn.partition.quality import Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionReport:
    """Result of `partition_graph`."""

    out: Path
    """The directory of shards."""
    name: str
    """Name of the graph."""
    method: str
    balance: str
    seed: int
    num_parts: int
    num_nodes: int
    num_edges: int
    num_bytes: int
    """Size of all shard files."""
    quality: Quality
    estimate: Estimate | JobEstimate
    """What was expected before the start."""
    seconds: dict[str, float]
    """Wall-clock time of each stage."""

    @property
    def total_seconds(self) -> float:
        """Wall-clock time of all stages."""
        return sum(self.seconds.values())

    def render(self) -> Table:
        """Return the report as a table for a rich console."""
        quality = self.quality
        table = Table(title=f"{escape(self.name)} in {self.num_parts} parts", show_header=False)
        table.add_column(style="bold")
        table.add_column()
        table.add_row("shards", f"{escape(str(self.out))} ({format_bytes(self.num_bytes)})")
        table.add_row("size", f"{self.num_nodes:,} nodes, {self.num_edges:,} edges")
        table.add_row("method", f"{self.method}, balance {self.balance}, seed {self.seed}")
        table.add_row(
            "edge cut", f"{quality.edge_cut:.1%} (random parts: {quality.random_edge_cut:.1%})"
        )
        table.add_row(
            "balance",
            f"largest part / mean: nodes {quality.node_balance:.3f}, edges "
            f"{quality.edge_balance:.3f}, training nodes {quality.train_balance:.3f}",
        )
        table.add_row("parts", f"{quality.smallest_part:,} to {quality.largest_part:,} nodes")
        stages = ", ".join(f"{name} {format_seconds(s)}" for name, s in self.seconds.items())
        table.add_row("time", f"{format_seconds(self.total_seconds)}: {stages}")
        return table
