"""Link prediction: whether there is an edge between two nodes.

Legend: B links, K negatives of a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from torch.nn import functional as F

from distgnn.exceptions import ArgumentError, ConfigError, GraphDataError, nearest
from distgnn.loader import LinkLoader, Links
from distgnn.samplers import NegativeSampler, make_sampler
from distgnn.schema import edge_key, parse_edge_key
from distgnn.tasks.encoder import encoder_arguments
from distgnn.tasks.link_metrics import link_metrics
from distgnn.tasks.link_model import InnerProduct, LinkModel, PairPerceptron
from distgnn.tasks.link_options import link_options
from distgnn.tasks.link_split import is_symmetric, split_links

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn
    from torchmetrics import MetricCollection

    from distgnn.loader import LinkBatch
    from distgnn.schema import EdgeType
    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.link_options import LinkOptions
    from distgnn.tasks.task import BatchLoader, LoaderSettings


class LinkPrediction:
    """Learns to tell the edges of one type from pairs of nodes without one.

    Links that are held out for validation and testing are no messages, in neither direction, and
    the links of a training batch are none within it; negatives are no edges of any split.

    Args:
        graph: The graph.
        options: The table ``[task.options]``, see `LinkOptions`.

    Raises:
        ConfigError: an option that is unknown or does not go with the graph.
        GraphDataError: the split column is of no use.
    """

    def __init__(self, graph: ShardedGraph, options: Mapping[str, Any]) -> None:
        self.graph = graph
        self.options = link_options(options)
        self.edge_type = _edge_type(graph, self.options)
        self.undirected = _is_undirected(graph, self.edge_type, self.options)
        self.reverse_type = _reverse_type(graph, self.edge_type, self.options)
        self.split = split_links(
            graph,
            self.edge_type,
            self.options,
            undirected=self.undirected,
            reverse_type=self.reverse_type,
        )
        self.metric_names: tuple[str, ...] = ("auc", "ap", "mrr", f"hits_at_{self.options.hits_at}")

    def model_arguments(self) -> dict[str, Any]:
        """Return the encoder's arguments: `embedding_channels` are its outputs."""
        return encoder_arguments(self.graph, self.options.embedding_channels)

    def complete(self, model: nn.Module) -> nn.Module:
        """Return the encoder `model` with a decoder."""
        channels = self.options.embedding_channels
        decoder = InnerProduct() if self.options.decoder == "inner_product" else None
        return LinkModel(
            model,
            decoder or PairPerceptron(channels),
            is_homogeneous=self.graph.schema.is_homogeneous,
        )

    def seeds(self, split: str | None, *, labelled: bool = True) -> npt.NDArray[np.int64]:  # noqa: ARG002 - links have no further labels
        """Return the positions of the links of `split`, or of all (None), int64 [n].

        Of an undirected link that is the one of its two edges that starts at the earlier raw row.
        """
        return self.split.positions(split)

    def id_columns(self, batch: LinkBatch) -> dict[str, pa.Array]:
        """Return the user's own ids of the links' ends, columns ``src`` and ``dst`` [B]."""
        src_type, _, dst_type = self.edge_type
        ends = {"src": (src_type, batch.src), "dst": (dst_type, batch.dst)}
        return {
            name: self.graph.ids_of(node_type, batch.n_id_dict[node_type][local].numpy())
            for name, (node_type, local) in ends.items()
        }

    def loader(
        self,
        seeds: npt.NDArray[np.int64],
        settings: LoaderSettings,
        *,
        shuffle: bool,
        labelled: bool = True,
    ) -> BatchLoader:
        """Return batches of the links at positions `seeds`, with negatives if `labelled`.

        Shuffled ones are for training: new negatives each epoch, and targets taken out.
        """
        if settings.num_groups != 1:
            msg = "cluster.locality groups seeds by part, which links have two of: leave it out"
            raise ConfigError(msg)
        options, messages = self.options, self.split.messages
        temporal = settings.sampler == "temporal"
        negatives = None
        if labelled:
            kind = options.negatives if shuffle or options.negatives != "in_batch" else "per_source"
            negatives = NegativeSampler(
                self.graph,
                self.edge_type,
                kind=kind,
                num_negatives=options.num_negatives if shuffle else options.eval_negatives,
                temporal=temporal and kind != "uniform",
                seed=settings.seed,
            )
        sampler = make_sampler(
            settings.sampler, messages, settings.fanouts, replace=settings.replace,
            seed=settings.seed, options=settings.options,
        )  # fmt: skip
        if not hasattr(sampler, "sample"):
            msg = (
                f"sampler.name = {settings.sampler!r} chooses the nodes of a batch itself, but "
                "links need those around their ends: use 'neighbor', for example"
            )
            raise ConfigError(msg)
        loader: BatchLoader = LinkLoader(
            messages,
            sampler,
            Links.of_edges(self.graph, self.edge_type, seeds),
            negatives=negatives,
            remove_targets=shuffle and options.remove_targets,
            reverse_type=self.edge_type if self.undirected else self.reverse_type,
            temporal=temporal,
            batch_size=settings.batch_size,
            shuffle=shuffle,
            seed=settings.seed,
            num_threads=settings.num_threads,
            prefetch=settings.prefetch,
            share=settings.share,
        )
        return loader

    def output(self, model: nn.Module, batch: LinkBatch) -> Tensor:
        """Return logits [B, 1 + K]: each link's, then those of its negatives."""
        logits: Tensor = model(batch)
        return logits

    def loss(self, output: Tensor, batch: LinkBatch) -> Tensor:  # noqa: ARG002 - labels are places
        """Return the binary cross entropy: a link's plus the mean of its negatives', summed."""
        loss = F.softplus(-output[:, 0]).sum()
        if output.size(1) > 1:
            loss = loss + F.softplus(output[:, 1:]).mean(dim=1).sum()
        return loss

    def metrics(self) -> MetricCollection:
        """Return fresh metrics; see `distgnn.tasks.link_metrics`."""
        return link_metrics(self.options.hits_at)

    def update(self, metrics: MetricCollection, output: Tensor, batch: LinkBatch) -> None:  # noqa: ARG002 - labels are places
        """Add the links of a batch and their negatives."""
        metrics.update(output[:, 0], output[:, 1:])

    def prediction_columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return `score` (float32 logit) and `probability` (float32) of each link.

        Raises:
            ArgumentError: `top_k` is given.
        """
        if top_k is not None:
            msg = f"top_k = {top_k} is for labels that are one class of several: leave it out"
            raise ArgumentError(msg)
        score = output[:, 0].float()
        return {
            "score": pa.array(score.cpu().numpy()),
            "probability": pa.array(score.sigmoid().cpu().numpy()),
        }


def _edge_type(graph: ShardedGraph, options: LinkOptions) -> EdgeType:
    known = graph.schema.edge_types
    if options.edge_type is None and len(known) == 1:
        found = known[0]
    elif options.edge_type is None:
        names = ", ".join(map(edge_key, known))
        msg = f"the graph has edge types {names}: say with task.options.edge_type which are links"
        raise ConfigError(msg)
    else:
        found = _known_type(graph, "edge_type", options.edge_type)
    if graph.num_edges(found) == 0:
        msg = f"graph {graph.manifest.name!r} has no edge of type {edge_key(found)!r} to learn from"
        raise GraphDataError(msg)
    return found


def _known_type(graph: ShardedGraph, option: str, key: str) -> EdgeType:
    keys = [edge_key(edge_type) for edge_type in graph.schema.edge_types]
    if key not in keys:
        msg = (
            f"task.options.{option} = {key!r}: the graph has no such edge type{nearest(key, keys)}"
        )
        raise ConfigError(msg)
    return parse_edge_key(key)


def _is_undirected(graph: ShardedGraph, edge_type: EdgeType, options: LinkOptions) -> bool:
    if options.undirected is None:
        return is_symmetric(graph, edge_type)
    if options.undirected and not is_symmetric(graph, edge_type):
        msg = (
            f"task.options.undirected = true, but not all edges of type {edge_key(edge_type)!r} "
            "are stored both ways: partition the graph with undirected = true, or leave it out"
        )
        raise ConfigError(msg)
    return options.undirected


def _reverse_type(
    graph: ShardedGraph, edge_type: EdgeType, options: LinkOptions
) -> EdgeType | None:
    if options.reverse_type is None:
        return None
    found = _known_type(graph, "reverse_type", options.reverse_type)
    if found == edge_type or (found[0], found[2]) != (edge_type[2], edge_type[0]):
        msg = (
            f"task.options.reverse_type = {options.reverse_type!r} is no reverse of "
            f"{edge_key(edge_type)!r}: it must be another type, from {edge_type[2]!r} to "
            f"{edge_type[0]!r}"
        )
        raise ConfigError(msg)
    return found
