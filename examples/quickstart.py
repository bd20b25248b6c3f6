"""The whole way on one machine: partition a real graph, look at it, train on it, predict all nodes.

    python examples/quickstart.py --out runs/quickstart

Amazon Computers (13,752 products, 491,722 co-purchase edges, 767 bag-of-words features, 10 classes)
in 4 parts; GraphSAGE on sampled neighbourhoods, 20 training labels a class. Published on such
splits (Shchur et al. 2018, https://arxiv.org/abs/1811.05868): GraphSAGE-mean 82.4 +- 1.8,
GCN 82.6 +- 2.4. Each step is a command that you can run by yourself; it is printed first.
"""

from __future__ import annotations

import json
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console
from rich.table import Table

from distgnn.cli import main as distgnn

CONFIG = Path(__file__).with_name("amazon_computers.toml")
PUBLISHED = "82.4 ± 1.8"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Where the results go."""

    out: Path = Path("runs/quickstart")
    """Directory of the results; what an earlier run left there is replaced."""


def run(console: Console, *words: str | Path) -> None:
    """Print a `distgnn` command, run it in this process and stop if it fails."""
    line = [str(word) for word in words]
    console.rule()
    console.print(f"[bold]$ distgnn {shlex.join(line)}[/bold]", highlight=False)
    started = time.monotonic()
    if code := distgnn(line):
        sys.exit(code)
    console.print(f"[dim]{time.monotonic() - started:.1f} s[/dim]")


def main() -> None:
    """Run the four steps and print the result beside the published one."""
    out = tyro.cli(Arguments, description=__doc__).out
    shutil.rmtree(out, ignore_errors=True)
    console = Console()
    shards, run_dir = out / "shards", out / "run"
    run(console, "partition", "amazon_computers", shards, "--parts", "4")
    run(console, "inspect", shards, "--html", out / "shards.html")
    run(console, "train", CONFIG, "--graph", shards, "--run-dir", run_dir)
    run(console, "predict", run_dir, out / "predictions.parquet")

    accuracy = 100 * json.loads((run_dir / "result.json").read_text())["test"]["accuracy"]
    table = Table("GraphSAGE on Amazon Computers", "test accuracy, %")
    table.add_row("this run", f"{accuracy:.1f}")
    table.add_row("published", PUBLISHED)
    console.rule()
    console.print(table)
    console.print(
        f"checkpoint    {run_dir}\npredictions   {out / 'predictions.parquet'}\n"
        f"shards        {out / 'shards.html'} (open it in a browser)\n\n"
        f"Next, change something and compare:\n"
        f"  distgnn train {CONFIG} --graph {shards} --run-dir {out / 'gcn'} --model.name GCN\n"
        f"  tensorboard --logdir {out}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
