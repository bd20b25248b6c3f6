"""The commands of the README, run as they stand there on tables of the kind that it describes."""

import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from distgnn.cli import main

README = Path(__file__).parents[2] / "README.md"


def block(language, word):
    """Return the code block of the README that contains `word`."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)
    (found,) = [text for text in blocks if word in text]
    return found


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Write a shop of 200 products whose category shows in price and neighbours; go there."""
    rng = np.random.default_rng(0)
    category = np.arange(200) % 3
    sku = np.array([f"sku-{number:03d}" for number in rng.permutation(200)])
    products = pd.DataFrame(
        {
            "sku": sku,
            "price": 3 * (category - 1) + rng.normal(size=200),
            "weight": rng.normal(size=200),
            "category": category,
            "part": np.where(np.arange(200) < 120, "train", "val"),
        }
    )
    products.loc[160:, "part"] = "test"
    products.to_parquet(tmp_path / "products.parquet")
    ends = rng.integers(0, 200, (1500, 2))
    ends = ends[category[ends[:, 0]] == category[ends[:, 1]]]
    pd.DataFrame({"from": sku[ends[:, 0]], "to": sku[ends[:, 1]]}).to_csv(
        tmp_path / "bought_with.csv", index=False
    )
    (tmp_path / "shop.toml").write_text(block("toml", "# shop.toml"))
    (tmp_path / "config.toml").write_text(block("toml", "# config.toml"))
    monkeypatch.chdir(tmp_path)
    return products


def test_your_own_graph(shop):
    lines = block("bash", "distgnn partition").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines]
    assert [words[1] for words in commands] == [
        "partition",
        "inspect",
        "verify",
        "train",
        "predict",
    ]
    for name, *words in commands:
        assert name == "distgnn"
        assert main(words) == 0, words
    predictions = pq.read_table("predictions.parquet").to_pandas()
    assert predictions["id"].tolist() == shop["sku"].tolist()
    held_out = shop["part"] != "train"
    correct = predictions["prediction"] == shop["category"]
    assert correct[held_out].mean() > 0.8


def test_every_file_that_is_named_exists():
    names = re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    assert names
    for name in names:
        assert (README.parent / name).exists(), name
