"""The whole way on one machine: partition a real graph, look at it, train on it, predict all nodes.

    python examples/quickstart.py --out runs/quickstart
    python examples/quickstart.py coauthor_physics --data ../shared/data --out runs/physics

Amazon Computers (13,752 products, 491,722 co-purchase edges, 767 words, 10 classes) ships with
distgnn; Coauthor Physics (34,493 authors, 495,924 edges, 8,415 sparse keywords, 5 classes) does
not. Both in 4 parts, with GraphSAGE on sampled neighbourhoods and 20 training labels a class.
Published on such splits (Shchur et al. 2018, https://arxiv.org/abs/1811.05868), test accuracy of
GraphSAGE-mean: 82.4 +- 1.8 and 93.0 +- 0.8. Each step is a command that you can run by yourself;
it is printed first.
"""

from __future__ import annotations

import json
import resource
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.table import Table
from tyro.conf import Positional  # noqa: TC002 - tyro reads the annotations

PUBLISHED = {"amazon_computers": "82.4 ± 1.8", "coauthor_physics": "93.0 ± 0.8"}
PARTS = "4"
DISTGNN = Path(sys.executable).with_name("distgnn")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Which graph, and where the results go."""

    dataset: Positional[Literal["amazon_computers", "coauthor_physics"]] = "amazon_computers"
    """The graph."""
    data: Path = Path("../shared/data")
    """Folder of the datasets that do not ship with distgnn."""
    out: Path = Path("runs/quickstart")
    """Directory of the results; what an earlier run left there is replaced."""


def run(console: Console, *words: str | Path) -> None:
    """Print a `distgnn` command, run it and stop if it fails."""
    line = [str(word) for word in words]
    console.rule()
    console.print(f"[bold]$ distgnn {shlex.join(line)}[/bold]", highlight=False, soft_wrap=True)
    started = time.monotonic()
    sys.stdout.flush()
    if code := subprocess.run([DISTGNN, *line], check=False).returncode:
        sys.exit(code)
    console.print(f"[dim]{time.monotonic() - started:.1f} s[/dim]")


def main() -> None:
    """Run the four steps and print the result beside the published one."""
    args = tyro.cli(Arguments, description=__doc__)
    shutil.rmtree(args.out, ignore_errors=True)
    console = Console()
    shards, run_dir, predictions = args.out / "shards", args.out / "run", args.out / "out.parquet"
    config = Path(__file__).with_name(f"{args.dataset}.toml")
    run(console, "partition", args.dataset, shards, "--parts", PARTS, "--data", args.data)
    run(console, "inspect", shards, "--html", args.out / "shards.html")
    run(console, "train", config, "--graph", shards, "--run-dir", run_dir)
    run(console, "predict", run_dir, predictions)

    accuracy = 100 * json.loads((run_dir / "result.json").read_text())["test"]["accuracy"]
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    table = Table(f"GraphSAGE on {args.dataset}", "test accuracy, %")
    table.add_row("this run", f"{accuracy:.1f}")
    table.add_row("published", PUBLISHED[args.dataset])
    console.rule()
    console.print(table)
    console.print(
        f"checkpoint    {run_dir}\npredictions   {predictions}\n"
        f"shards        {args.out / 'shards.html'} (open it in a browser)\n"
        f"peak memory   {peak_mib:.0f} MiB, of the largest step\n\n"
        f"Next, change something and compare:\n"
        f"  distgnn train {config} --graph {shards} --run-dir {args.out / 'gcn'} --model.name GCN\n"
        f"  tensorboard --logdir {args.out}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    main()
