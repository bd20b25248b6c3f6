"""Every dataset whose folder is at hand, against the counts of its source."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from distgnn.datasets import NAMES, load
from distgnn.datasets.forms import one_hot

DATA = Path(os.environ.get("DISTGNN_DATA", Path(__file__).parents[3] / "shared" / "data"))

TO = ("node", "to", "node")

COUNTS = {
    "amazon_computers": (13_752, 491_722, 767, 10, [200, 300, 13_252]),
    "citeseer": (3327, 9104, 3703, 6, [120, 500, 1000]),
    "coauthor_physics": (34_493, 495_924, 8415, 5, [100, 150, 34_243]),
    "cora": (2708, 10_556, 1433, 7, [140, 500, 1000]),
    "ego_twitter": (81_306, 2_684_592, None, None, None),
    "facebook100_cornell5": (18_660, 1_581_554, 4735, 2, None),
    "flickr_social": (7575, 479_476, 12_047, 9, [180, 270, 7125]),
    "nell_0.001": (65_755, 251_550, 61_278, 210, [105, 0, 969]),
    "pubmed_graph_only": (19_717, 88_648, None, 3, [60, 500, 1000]),
    "wordnet31": (117_791, 365_119, 1000, 45, None),
    "jodie_wikipedia_events": (9227, 157_474, None, None, None),
    "bitcoin_alpha": (3783, 24_186, None, None, None),
    "fb15k_237": (14_541, 310_116, None, None, None),
    "icews14_tkg": (7128, 90_730, None, None, None),
}


def get(name):
    if not (DATA / name / "data.npz").is_file():
        pytest.skip(f"dataset {name} is not in {DATA}; set DISTGNN_DATA to the folder that has it")
    return load(name, DATA)


def column(graph, name, edge_type=TO):
    return graph.edges[edge_type].column(name).to_numpy()


def arrays(name):
    with np.load(DATA / name / "data.npz", allow_pickle=False) as file:
        return dict(file)


def sparse_matrix(table, dim):
    x = table.column("x").combine_chunks()
    indices, values = x.field("indices"), x.field("values")
    parts = (values.flatten().to_numpy(), indices.flatten().to_numpy(), indices.offsets.to_numpy())
    return sp.csr_matrix(parts, shape=(len(x), dim))


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_those_of_the_source(name):
    graph = get(name)
    nodes, edges, dim, classes, splits = COUNTS[name]
    assert (graph.num_nodes("node"), graph.num_edges(TO)) == (nodes, edges)
    schema = graph.schema.nodes[0]
    assert (schema.features and schema.features.dim) == dim
    assert schema.features is None or schema.features.sparse
    assert (schema.label and schema.label.dim) == classes
    if splits is not None:
        split = graph.nodes["node"].column("split").to_numpy()
        assert np.bincount(split[split >= 0], minlength=3).tolist() == splits


def test_every_name_is_tested_here():
    rest = {"gowalla", "acm_hetero", "aminer_hetero"}
    assert set(NAMES) == set(COUNTS) | rest


def test_relation_nodes_of_nell_have_a_feature_of_their_own():
    graph, given = get("nell_0.001"), arrays("nell_0.001")
    x = sparse_matrix(graph.nodes["node"], 61_278)
    base = sp.csr_matrix(
        (given["x_data"], given["x_indices"], given["x_indptr"]), shape=given["x_shape"]
    )
    assert (x[:, :5414] != base).nnz == 0
    own = x[:, 5414:].tocoo()
    assert own.nnz == len(given["identity_nodes"]) == 55_864
    assert (own.data == 1).all()
    assert (given["identity_nodes"][own.col] == own.row).all()


def test_categories_of_facebook_are_one_hot():
    graph, given = get("facebook100_cornell5"), arrays("facebook100_cornell5")
    x = sparse_matrix(graph.nodes["node"], 4735)
    assert (x.getnnz(axis=1) == 6).all()
    starts = np.concatenate([[0], np.cumsum(given["x_cat_card"].astype(int))[:-1]])
    rows = np.arange(len(given["x_cat"]))
    for k, start in enumerate(starts):
        assert (np.asarray(x[rows, start + given["x_cat"][:, k].astype(int)]) == 1).all()


def test_relations_of_wordnet_and_of_knowledge_graphs_are_a_column():
    graph, given = get("wordnet31"), arrays("wordnet31")
    assert (column(graph, "edge_type") == given["edge_type"]).all()
    graph, given = get("fb15k_237"), arrays("fb15k_237")
    assert column(graph, "edge_type").max() == 236
    assert np.bincount(column(graph, "split")).tolist() == [272_115, 17_535, 20_466]
    assert (column(graph, "dst")[:272_115] == given["train"][2]).all()
    ids = graph.nodes["node"].column("id").to_pylist()
    assert ids == given["entity"].tolist()


def test_events_carry_their_time():
    graph, given = get("icews14_tkg"), arrays("icews14_tkg")
    assert (column(graph, "time")[-13_222:] == given["test"][3]).all()
    graph, given = get("jodie_wikipedia_events"), arrays("jodie_wikipedia_events")
    assert (column(graph, "time") == given["t"]).all()
    assert column(graph, "y").sum() == 217
    assert graph.schema.edges[0].label.dim == 2


def test_ratings_of_bitcoin_keep_their_sign():
    graph, given = get("bitcoin_alpha"), arrays("bitcoin_alpha")
    ratings = graph.edges[TO].column("edge_attr").combine_chunks().flatten().to_numpy()
    assert (ratings == given["rating"]).all()
    assert ratings.min() == -10
    assert graph.edges[TO].column("test_mask").to_pylist() == given["test_mask"].tolist()


def test_gowalla_is_bipartite_both_ways():
    graph, given = get("gowalla"), arrays("gowalla")
    there, back = ("user", "visits", "item"), ("item", "visited_by", "user")
    assert (graph.num_nodes("user"), graph.num_nodes("item")) == (29_858, 40_981)
    assert np.bincount(column(graph, "split", there)).tolist() == [810_128, 0, 217_242]
    assert (column(graph, "src", there)[:810_128] == given["train_edge"][0]).all()
    assert (column(graph, "src", back) == column(graph, "dst", there)).all()


ACM = {"paper": 4019, "author": 7167, "subject": 60}
AMINER = {"paper": 6564, "author": 13_329, "reference": 35_890}


@pytest.mark.parametrize(
    ("name", "sizes", "edges", "classes"),
    [("acm_hetero", ACM, [13_407, 4019], 3), ("aminer_hetero", AMINER, [18_007, 58_831], 4)],
)
def test_heterogeneous_sets(name, sizes, edges, classes):
    graph = get(name)
    assert {node_type: graph.num_nodes(node_type) for node_type in sizes} == sizes
    found = [graph.num_edges(edge_type) for edge_type in graph.schema.edge_types]
    assert found == [edges[0], edges[0], edges[1], edges[1]]
    assert graph.schema.node("paper").label.dim == classes
    for column_name, size in (("split", 20), ("split_40", 40), ("split_60", 60)):
        split = graph.nodes["paper"].column(column_name).to_numpy()
        assert np.bincount(split[split >= 0]).tolist() == [size * classes, 1000, 1000]


PEAK_MEMORY = """
import pathlib, sys
from distgnn.datasets import load
def peak():  # not getrusage, whose peak begins with that of the process that started this one
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak()
load(sys.argv[1], pathlib.Path(sys.argv[2]))
print(peak() - before)
"""


def test_sparse_features_are_never_made_dense():
    """Coauthor Physics: 1.2 GB dense, 9 MB of indices and values."""
    get("coauthor_physics")
    command = [sys.executable, "-c", PEAK_MEMORY, "coauthor_physics", str(DATA)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert int(run.stdout) < 200_000  # KiB


def test_one_hot():
    made = one_hot(np.array([[0, 2], [1, 0]], np.int16), np.array([2, 3], np.int16))
    matrix = sp.csr_matrix((np.ones(4), made.indices, made.indptr), shape=(2, made.dim))
    assert matrix.toarray().tolist() == [[1, 0, 0, 0, 1], [0, 1, 1, 0, 0]]
