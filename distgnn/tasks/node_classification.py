"""Classification and regression of nodes, by the kind of label that the graph has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from distgnn.exceptions import GraphDataError, nearest
from distgnn.loader import NodeLoader
from distgnn.samplers import BatchSampler, make_sampler
from distgnn.schema import SPLITS, UNLABELLED
from distgnn.tasks.encoder import encoder_arguments
from distgnn.tasks.forward import seed_rows
from distgnn.tasks.labels import make_target

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from torch import Tensor, nn
    from torchmetrics import MetricCollection

    from distgnn.loader import MiniBatch
    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.task import BatchLoader, LoaderSettings

_LOG = logging.getLogger(__name__)


class NodeClassification:
    """Learns the label column `y` of one node type: a class, several labels at once, or values.

    Args:
        graph: the graph.
        node_type: type of the labelled nodes; None: the only one that has labels.

    Raises:
        GraphDataError: the node type has no labels, or the graph lacks what learning needs.
    """

    def __init__(self, graph: ShardedGraph, node_type: str | None = None) -> None:
        self.graph = graph
        self.node_type = _labelled_type(graph, node_type)
        schema = graph.schema.node(self.node_type)
        if schema.label is None:
            msg = (
                f"nodes of type {self.node_type!r} of graph {graph.manifest.name!r} have no "
                "labels: name the label column (y) in the graph's TOML file and partition it again"
            )
            raise GraphDataError(msg)
        self.label = schema.label
        self.target = make_target(schema.label)
        self.metric_names = self.target.metric_names

    def model_arguments(self) -> dict[str, Any]:
        """Return `in_channels` (by node type in a heterogeneous graph) and `out_channels`."""
        return encoder_arguments(self.graph, self.label.dim)

    def seeds(self, split: str | None, *, labelled: bool = True) -> npt.NDArray[np.int64]:
        """Return the nodes of `split`, or all (None), int64 global ids in the order of raw rows.

        Args:
            split: ``train``, ``val``, ``test``, or None.
            labelled: leave out nodes without a label.

        Raises:
            GraphDataError: the graph has no splits.
        """
        ids = self.graph.global_id_of_index(self.node_type)
        if split is not None:
            ids = ids[self._in_split(split)[ids]]
        if not labelled or self.label.kind != "class":
            return ids
        known: npt.NDArray[np.int64] = ids[
            self.graph.gather(self.node_type, "y", ids) != UNLABELLED
        ]
        if len(known) < len(ids):
            _LOG.info(
                "%d of %d nodes (%s) have no label and are left out",
                len(ids) - len(known), len(ids), split or "all",
            )  # fmt: skip
        return known

    def _in_split(self, split: str) -> npt.NDArray[np.bool_]:
        """Return for each global id whether it is in `split`, bool [N]."""
        if not self.graph.schema.node(self.node_type).has_split:
            msg = (
                f"nodes of type {self.node_type!r} of graph {self.graph.manifest.name!r} have no "
                "split: give a split column (train, val, test) in the graph's TOML file"
            )
            raise GraphDataError(msg)
        inside: npt.NDArray[np.bool_] = self.graph.column(self.node_type, "split") == SPLITS[split]
        return inside

    def complete(self, model: nn.Module) -> nn.Module:
        """Return `model` as it is."""
        return model

    def id_columns(self, batch: MiniBatch) -> dict[str, pa.Array]:
        """Return the user's own id of each seed, column ``id`` [B]."""
        seeds = batch.n_id_dict[self.node_type][: batch.batch_size]
        return {"id": self.graph.ids_of(self.node_type, seeds.numpy())}

    def loader(
        self,
        seeds: npt.NDArray[np.int64],
        settings: LoaderSettings,
        *,
        shuffle: bool,
        labelled: bool = True,  # noqa: ARG002 - labels come with the nodes
    ) -> BatchLoader:
        """Return batches of sampled neighbourhoods of `seeds`."""
        sampler = make_sampler(
            settings.sampler,
            self.graph,
            settings.fanouts,
            replace=settings.replace,
            seed=settings.seed,
            options=settings.options,
            seeds=seeds,
            node_type=self.node_type,
        )
        loader: BatchLoader = NodeLoader(
            self.graph,
            sampler,
            None if isinstance(sampler, BatchSampler) else seeds,
            node_type=self.node_type,
            batch_size=settings.batch_size,
            shuffle=shuffle,
            seed=settings.seed,
            num_threads=settings.num_threads,
            prefetch=settings.prefetch,
            share=settings.share,
            num_groups=settings.num_groups,
        )
        return loader

    def output(self, model: nn.Module, batch: MiniBatch) -> Tensor:
        """Return the model's rows of the seeds, [B, C]."""
        homogeneous = self.graph.schema.is_homogeneous
        return seed_rows(model, batch, None if homogeneous else self.node_type)

    def loss(self, output: Tensor, batch: MiniBatch) -> Tensor:
        """Return the loss summed over the seeds, each times its weight if it has one."""
        return self.target.loss(output, _labels(batch), batch.seed_weight)

    def metrics(self) -> MetricCollection:
        """Return fresh metrics of the label's kind."""
        return self.target.metrics()

    def update(self, metrics: MetricCollection, output: Tensor, batch: MiniBatch) -> None:
        """Add the seeds of a batch."""
        self.target.update(metrics, output, _labels(batch))

    def prediction_columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return the columns of the label's kind; see `distgnn.tasks.labels`."""
        return self.target.columns(output, top_k)


def _labels(batch: MiniBatch) -> Tensor:
    if batch.y is None:
        msg = f"nodes of type {batch.node_type!r} have no labels"
        raise GraphDataError(msg)
    return batch.y


def _labelled_type(graph: ShardedGraph, node_type: str | None) -> str:
    if node_type is not None:
        if node_type not in graph.schema.node_types:
            hint = nearest(node_type, graph.schema.node_types)
            msg = f"task.node_type = {node_type!r}: the graph has no such node type{hint}"
            raise GraphDataError(msg)
        return node_type
    labelled = [node.type for node in graph.schema.nodes if node.label is not None]
    if len(labelled) == 1:
        return labelled[0]
    if not labelled and graph.schema.is_homogeneous:
        return graph.schema.node_types[0]
    msg = (
        f"{len(labelled)} node types of graph {graph.manifest.name!r} have labels "
        f"({', '.join(labelled) or 'none'}): say with task.node_type which one to learn"
    )
    raise GraphDataError(msg)
