"""Embeddings, recommendation and temporal models: distgnn against torch-geometric, in one run.

    python benchmarks/embeddings.py               # 100k nodes, 2M edges: several minutes
    python benchmarks/embeddings.py --quick
    python benchmarks/embeddings.py --json embeddings.json

Both sides take turns in one process on one thread, on the same generated power-law graph; the
median over rounds counts. Walks per second are those of the loaders, by wall clock, in the process
and with one worker. Expected: Node2Vec and MetaPath2Vec twice the walks of torch-geometric's loader
with one worker, and no slower steps; TGN 1.5 times the events per second of its neighbour loader
and memory together; a LightGCN step no slower, and `recommend` for all nodes in bounded memory.
"""

from __future__ import annotations

import dataclasses
import resource
import time
import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import _common
import torch
import tyro
from _common import Figure, Timed, in_turns, machine, median, timed, write_json
from rich.console import Console
from rich.table import Table

from distgnn.datasets.generate import generate
from distgnn.nn import (
    IdentityMessage,
    LastAggregator,
    LastNeighborLoader,
    LightGCN,
    MetaPath2Vec,
    Node2Vec,
    TGNMemory,
)
from distgnn.nn.adjacency import to_csc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch-geometric warns about what it does without
    import torch_geometric.nn as pyg
    from torch_geometric.nn.models import tgn as pyg_tgn
    from torch_sparse import SparseTensor

DIM = 128
WALKS: dict[str, Any] = {"context_size": 10, "walks_per_node": 10, "num_negative_samples": 1}
SEEDS = 128
EVENT_BATCH, RAW_DIM, MEMORY_DIM, NEIGHBORS = 200, 172, 100, 10
PAIRS = 8192
SCORES_MIB = 64


@dataclass(frozen=True, kw_only=True)
class Arguments(_common.Arguments):
    """What to measure; of the options of other benchmarks, `cache` and `child` do nothing here."""

    nodes: int = 100_000
    edges: int = 2_000_000

    def sized(self) -> Arguments:
        """Return these arguments with what `quick` implies."""
        return dataclasses.replace(self, nodes=1000, edges=20_000, rounds=3) if self.quick else self


def graph_of(arguments: Arguments) -> Tensor:
    """Return the edges of the generated graph, int64 [2, E]."""
    raw = generate(arguments.nodes, arguments.edges, num_features=1)
    edges = next(iter(raw.edges.values()))
    return torch.stack([torch.from_numpy(edges[end].to_numpy().copy()) for end in ("src", "dst")])


def hetero_graph_of(edge_index: Tensor, num_nodes: int) -> dict[tuple[str, str, str], Tensor]:
    """Make authors of the sources and papers of the targets, each paper at one of 1000 venues."""
    papers = torch.arange(num_nodes)
    venues = torch.stack([papers, papers % 1000])
    return {
        ("author", "writes", "paper"): edge_index,
        ("paper", "at", "venue"): venues,
        ("venue", "holds", "paper"): venues.flip(0),
        ("paper", "by", "author"): edge_index.flip(0),
    }


def batches(model: Any, num_workers: int) -> Iterator[Any]:
    """Return batches of a walk model's loader, epoch after epoch."""
    workers = {"num_workers": num_workers, "persistent_workers": num_workers > 0}
    loader = model.loader(batch_size=SEEDS, shuffle=True, **workers)
    while True:
        yield from loader


def walks(models: dict[str, Any], arguments: Arguments, num_workers: int) -> dict[str, float]:
    """Measure walks per second by wall clock, many batches at a time, for both sides in turns."""
    num_batches = 40 if num_workers else 10  # a worker has two ready when it is its turn

    def measure(source: Iterator[Any], _: int) -> Timed:
        return timed(
            lambda: [next(source) for _ in range(num_batches)], lambda _: num_batches * SEEDS * 10
        )

    sides: dict[str, Callable[[int], Timed]] = {
        name: partial(measure, batches(model, num_workers)) for name, model in models.items()
    }
    return compared(in_turns(sides, arguments.rounds, warm_up=2), wall=True)


def steps(sides: Mapping[str, Callable[[], Tensor]], arguments: Arguments) -> dict[str, float]:
    """Measure steps per CPU second: forward to a loss, and backward."""

    def step(loss: Callable[[], Tensor], _: int) -> Timed:
        return timed(lambda: loss().backward(), lambda _: 1)

    prepared: dict[str, Callable[[int], Timed]] = {
        name: partial(step, loss) for name, loss in sides.items()
    }
    return compared(in_turns(prepared, arguments.rounds, warm_up=1))


def compared(found: dict[str, list[Timed]], *, wall: bool = False) -> dict[str, float]:
    """Return the rates of both sides and their median ratio."""
    seconds = {
        name: [result.wall_s if wall else result.cpu_s for result in results]
        for name, results in found.items()
    }
    amount = found["ours"][0].amount
    pairs = zip(seconds["peer"], seconds["ours"], strict=True)
    rates = {f"{name}_per_s": amount / median(times) for name, times in seconds.items()}
    return {**rates, "ratio": median([peer / ours for peer, ours in pairs])}


def walk_figures(models: dict[str, Any], arguments: Arguments) -> dict[str, Any]:
    """Return walks and steps per second of a walk model."""
    pos, neg = next(batches(models["ours"], 0))
    dense = (pos.contiguous(), neg.contiguous())  # as the peer's loader would give them

    def loss(model: Any, windows: tuple[Tensor, Tensor]) -> Tensor:
        model.zero_grad()
        found: Tensor = model.loss(*windows)
        return found

    losses = {
        "ours": partial(loss, models["ours"], (pos, neg)),
        "peer": partial(loss, models["peer"], dense),
    }
    found = {"walks, in process": walks(models, arguments, 0)}
    found["walks, one worker"] = walks(models, arguments, 1)
    ours = found["walks, in process"]["ours_per_s"]
    peer = found["walks, one worker"]["peer_per_s"]
    found["walks, in process against one worker"] = {
        "ours_per_s": ours, "peer_per_s": peer, "ratio": ours / peer
    }  # fmt: skip
    found["loss steps"] = steps(losses, arguments)
    return found


def node2vec(arguments: Arguments, edge_index: Tensor) -> dict[str, Any]:
    """Measure Node2Vec: plain, with sparse gradients, and with p and q."""
    figures = {}
    cases: dict[str, dict[str, Any]] = {
        "Node2Vec": {},
        "Node2Vec, sparse gradients": {"sparse": True},
        "Node2Vec, p = 0.5, q = 2": {"p": 0.5, "q": 2.0},
    }
    for name, options in cases.items():
        models = {
            side: kind(
                edge_index, DIM, walk_length=20, num_nodes=arguments.nodes, **WALKS, **options
            )
            for side, kind in (("ours", Node2Vec), ("peer", pyg.Node2Vec))
        }
        figures[name] = walk_figures(models, arguments)
    return figures


def metapath2vec(arguments: Arguments, edge_index: Tensor) -> dict[str, Any]:
    """Measure MetaPath2Vec on author, paper, venue, paper, author."""
    edges = hetero_graph_of(edge_index, arguments.nodes)
    counts = {"author": arguments.nodes, "paper": arguments.nodes, "venue": 1000}
    models = {
        side: kind(
            edges, DIM, metapath=list(edges), walk_length=20, num_nodes_dict=counts, sparse=True,
            **WALKS,
        )
        for side, kind in (("ours", MetaPath2Vec), ("peer", pyg.MetaPath2Vec))
    }  # fmt: skip
    return {"MetaPath2Vec, sparse gradients": walk_figures(models, arguments)}


class TemporalRun:
    """A stream of events through a neighbour loader and a memory, training and evaluating."""

    def __init__(self, library: Any, events: Tensor, num_nodes: int) -> None:
        """Start at the first of the events, int64 [2, E]."""
        torch.manual_seed(0)
        self.memory = library.TGNMemory(
            num_nodes, RAW_DIM, MEMORY_DIM, MEMORY_DIM,
            library.IdentityMessage(RAW_DIM, MEMORY_DIM, MEMORY_DIM), library.LastAggregator(),
        )  # fmt: skip
        self.neighbors = library.LastNeighborLoader(num_nodes, NEIGHBORS)
        self.events = events
        self.raw = torch.randn(EVENT_BATCH, RAW_DIM)
        self.num_nodes = num_nodes
        self.at = 0

    def __call__(self, _: int) -> Timed:
        """Take in five batches."""
        return timed(self.five_steps, lambda _: 5 * EVENT_BATCH)

    def five_steps(self) -> None:
        """Take five steps."""
        for _ in range(5):
            self.step()

    def step(self) -> None:
        """Query neighbours and memory of a batch and of random nodes, update, go back."""
        place = self.at % (self.events.size(1) - EVENT_BATCH)
        src, dst = self.events[:, place : place + EVENT_BATCH]
        t = torch.arange(self.at, self.at + EVENT_BATCH)
        negative = torch.randint(self.num_nodes, (EVENT_BATCH,))
        n_id, _, _ = self.neighbors(torch.cat([src, dst, negative]).unique())
        z, _ = self.memory(n_id)
        self.memory.update_state(src, dst, t, self.raw)
        self.neighbors.insert(src, dst)
        if self.memory.training:
            z.sum().backward()
            self.memory.detach()
        self.at += EVENT_BATCH


class _Ours:
    TGNMemory = TGNMemory
    IdentityMessage = IdentityMessage
    LastAggregator = LastAggregator
    LastNeighborLoader = LastNeighborLoader


def temporal(arguments: Arguments, edge_index: Tensor) -> dict[str, Any]:
    """Measure events per second of TGN, in training and in evaluation."""
    order = torch.randperm(edge_index.size(1), generator=torch.Generator().manual_seed(0))
    events = edge_index[:, order]
    runs = {
        name: TemporalRun(library, events, arguments.nodes)
        for name, library in (("ours", _Ours), ("peer", pyg_tgn))
    }
    training = compared(in_turns(dict(runs), arguments.rounds))
    for run in runs.values():
        run.memory.eval()
    with torch.no_grad():
        evaluation = compared(in_turns(dict(runs), arguments.rounds))
    return {"TGN": {"events, training": training, "events, evaluation": evaluation}}


def lightgcn(arguments: Arguments, edge_index: Tensor) -> dict[str, Any]:
    """Measure a full-batch step with the ranking loss, for each form of the edges."""
    both = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    size = arguments.nodes
    models = {"ours": LightGCN(size, 64, 3), "peer": pyg.LightGCN(size, 64, 3)}
    picked = torch.randint(both.size(1), (PAIRS,))
    pairs = torch.cat([both[:, picked], torch.randint(size, (2, PAIRS))], dim=1)

    def loss(model: Any, edges: Any) -> Tensor:
        model.zero_grad()
        rank = model(edges, pairs)
        found: Tensor = model.recommendation_loss(rank[:PAIRS], rank[PAIRS:])
        return found

    csc, _ = to_csc(both, size, size)
    matrix = SparseTensor(row=both[1], col=both[0], sparse_sizes=(size, size))
    forms = {
        "steps, edge_index for both": (both, both),
        "steps, CSC against SparseTensor": (csc, matrix),
        "steps, CSC against edge_index": (csc, both),
    }
    return {
        "LightGCN": {
            name: steps(
                {
                    "ours": partial(loss, models["ours"], ours),
                    "peer": partial(loss, models["peer"], theirs),
                },
                arguments,
            )
            for name, (ours, theirs) in forms.items()
        }
    }


def recommending(arguments: Arguments, edge_index: Tensor) -> dict[str, float]:
    """Measure `recommend` for all nodes: its time, and what it adds to the peak of memory."""
    size = arguments.nodes
    model = LightGCN(size, 64, 3)
    csc, _ = to_csc(edge_index, size, size)
    with torch.no_grad():
        model.get_embedding(csc)
        before, started = peak_mib(), time.perf_counter()
        model.recommend(csc, k=20)
    return {
        "seconds": time.perf_counter() - started,
        "peak_growth_mib": peak_mib() - before,
        "all_scores_mib": size * size * 4 / 2**20,
    }


def peak_mib() -> float:
    """Return the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    console = Console(width=100)
    console.print(figures["machine"])
    table = Table("model", "per second", "distgnn", "torch-geometric", "ratio")
    for model, measured in figures["models"].items():
        for name, found in measured.items():
            rates = [f"{found[f'{side}_per_s']:,.4g}" for side in ("ours", "peer")]
            table.add_row(model, name, *rates, f"{found['ratio']:.2f}")
    console.print(table)
    found = figures["recommend"]
    console.print(
        f"LightGCN.recommend, 20 of all nodes for all nodes: {found['seconds']:.1f} s, peak memory "
        f"+{found['peak_growth_mib']:.0f} MiB (all scores at once: {found['all_scores_mib']:,.0f})"
    )


def main() -> None:
    """Measure everything, one thread."""
    arguments = tyro.cli(Arguments, description=__doc__).sized()
    torch.set_num_threads(1)
    edge_index = graph_of(arguments)
    figures: dict[str, Any] = {"machine": machine()}
    figures["recommend"] = recommending(arguments, edge_index)  # first: peaks only grow
    figures["models"] = {
        **node2vec(arguments, edge_index),
        **metapath2vec(arguments, edge_index),
        **temporal(arguments, edge_index),
        **lightgcn(arguments, edge_index),
    }
    show(figures)
    ratios = [
        Figure(
            name=f"{model}, {name}",
            value=found["ratio"],
            unit="x torch-geometric",
            peer=found["peer_per_s"],
        )
        for model, measured in figures["models"].items()
        for name, found in measured.items()
    ]
    write_json(arguments.json, ratios, figures)


if __name__ == "__main__":
    main()
