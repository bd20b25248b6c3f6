import shutil

import numpy as np
import pytest

from distgnn.datasets import NAMES, load
from distgnn.datasets.load import SHIPPED
from distgnn.exceptions import ArgumentError, TableError

TO = ("node", "to", "node")


def test_cora_ships():
    graph = load("cora")
    assert graph.name == "cora"
    assert (graph.num_nodes("node"), graph.num_edges(TO)) == (2708, 10_556)
    assert graph.schema.nodes[0].features.dim == 1433
    assert graph.schema.nodes[0].label.dim == 7
    split = graph.nodes["node"].column("split").to_numpy()
    assert np.bincount(split[split >= 0]).tolist() == [140, 500, 1000]


def test_amazon_computers_ships():
    graph = load("amazon_computers")
    assert (graph.num_nodes("node"), graph.num_edges(TO)) == (13_752, 491_722)
    assert graph.schema.nodes[0].features.dim == 767
    assert graph.schema.nodes[0].features.sparse
    assert graph.schema.nodes[0].label.dim == 10


@pytest.mark.parametrize("name", ["cora", "amazon_computers"])
def test_what_ships_names_its_origin_and_licence(name):
    text = (SHIPPED / name / "README.md").read_text()
    assert "Origin: github.com/" in text
    assert "MIT License" in text
    assert "Permission is hereby granted" in text


def test_the_fingerprint_of_cora():
    assert load("cora").fingerprint() == "365109b1b5cdbdc71c7c8e9022fae4f7"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ArgumentError, match=r"no dataset 'coar'; did you mean 'cora'"):
        load("coar")


def test_a_missing_dataset_says_where_it_was_looked_for_and_what_to_give(tmp_path):
    with pytest.raises(TableError, match=r"'citeseer' does not ship .*load\(name, root=\.\.\.\)"):
        load("citeseer")
    with pytest.raises(TableError, match=rf"there is no {tmp_path}/gowalla/data\.npz or "):
        load("gowalla", tmp_path)


def test_the_folder_of_the_user_comes_first(tmp_path):
    shutil.copytree(SHIPPED / "cora", tmp_path / "cora")
    with np.load(SHIPPED / "cora" / "data.npz") as arrays:
        other = dict(arrays)
    other["edge_index"] = other["edge_index"][:, :10]
    np.savez(tmp_path / "cora" / "data.npz", **other)
    assert load("cora", tmp_path).num_edges(TO) == 10


def test_names():
    assert "cora" in NAMES
    assert list(NAMES) == sorted(NAMES)
