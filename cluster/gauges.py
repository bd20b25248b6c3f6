"""The rates of every rank as Ray metrics, which Ray exports to Prometheus and its dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ray.util.metrics import Gauge

if TYPE_CHECKING:
    from collections.abc import Mapping


class RankGauges:
    """One gauge a rate, named ``distgnn_seeds_per_s`` and so on, with tags `rank` and `run`.

    Args:
        rank: this rank.
        run: name of the run.
    """

    def __init__(self, rank: int, run: str) -> None:
        self._tags = {"rank": str(rank), "run": run}
        self._gauges: dict[str, Gauge] = {}

    def set(self, rates: Mapping[str, float]) -> None:
        """Set the gauges to `rates`."""
        for name, value in rates.items():
            if name not in self._gauges:
                self._gauges[name] = Gauge(
                    f"distgnn_{name}", f"{name} of a rank of a distgnn run", ("rank", "run")
                )
            self._gauges[name].set(value, self._tags)
