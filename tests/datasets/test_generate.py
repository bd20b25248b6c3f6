import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from distgnn.datasets import generate
from distgnn.exceptions import ArgumentError

TO = ("node", "to", "node")


def ends(graph):
    return (graph.edges[TO].column(name).to_numpy() for name in ("src", "dst"))


def features(graph):
    x = graph.nodes["node"].column("x").combine_chunks()
    return x.flatten().to_numpy().reshape(len(x), -1)


@pytest.mark.parametrize("undirected", [True, False])
def test_exactly_as_many_different_edges_as_asked_for(undirected):
    graph = generate(500, 6000, num_features=4, undirected=undirected, seed=3)
    src, dst = ends(graph)
    assert graph.num_nodes("node") == 500
    assert len(src) == 6000
    assert (src != dst).all()
    pairs = set(zip(src.tolist(), dst.tolist(), strict=True))
    assert len(pairs) == 6000
    reverse = {(b, a) for a, b in pairs}
    assert (reverse == pairs) == undirected


def test_the_seed_decides_everything():
    made = [generate(200, 1000, seed=seed, timed=True, weighted=True) for seed in (1, 1, 2)]
    prints = [graph.fingerprint() for graph in made]
    assert prints[0] == prints[1] != prints[2]


def test_the_graph_of_a_seed_stays_what_it_was():
    """Figures measured on generated graphs compare only while this holds."""
    # Without features: their last bit may depend on the machine.
    assert (
        generate(100, 600, num_features=0, seed=5).fingerprint()
        == "7b76340e62c86781d44d75751b1f2ff9"
    )


def test_features_and_attributes_do_not_move_edges():
    base = generate(200, 1000, num_features=0, seed=1)
    rich = generate(200, 1000, num_features=8, seed=1, weighted=True, timed=True, label_noise=0.5)
    assert base.schema.nodes[0].features is None
    for one, other in zip(ends(base), ends(rich), strict=True):
        assert (one == other).all()


def test_both_directions_share_weight_and_time():
    graph = generate(100, 600, num_features=0, weighted=True, timed=True)
    table = graph.edges[TO]
    rows = list(zip(*(table.column(c).to_pylist() for c in table.column_names), strict=True))
    values = {(s, d): (w, t) for s, d, w, t in rows}
    assert all(values[d, s] == value for (s, d), value in values.items())
    weight, time = table.column("weight").to_numpy(), table.column("time").to_numpy()
    assert ((weight >= 0.5) & (weight < 1.5)).all()
    assert ((time >= 0) & (time < 1_000_000)).all()


def test_degrees_follow_a_power_law():
    graph = generate(20_000, 400_000, num_features=0, exponent=2.5)
    degrees = np.bincount(next(ends(graph)), minlength=20_000)
    assert degrees.mean() == 20
    # Maximum likelihood for the tail of a power law (Clauset, Shalizi and Newman, 2009, eq. 3.7).
    tail = degrees[degrees >= 30]
    exponent = 1 + len(tail) / np.log(tail / 29.5).sum()
    assert 2.2 < exponent < 2.9
    assert degrees.max() > 15 * degrees.mean()
    assert (degrees == 0).mean() < 0.01


@pytest.mark.parametrize(("homophily", "low", "high"), [(0.8, 0.75, 0.9), (0.0, 0.0, 0.1)])
def test_edges_join_nodes_of_one_class_as_often_as_asked(homophily, low, high):
    graph = generate(
        5000, 60_000, num_features=0, homophily=homophily, label_noise=0.0, num_communities=32
    )
    y = graph.nodes["node"].column("y").to_numpy()
    src, dst = ends(graph)
    assert low < (y[src] == y[dst]).mean() < high


def test_labels_are_learnable_from_neighbours_and_hardly_from_own_features():
    graph = generate(4000, 80_000, num_features=32, num_classes=8, num_communities=16, seed=0)
    x, y = features(graph), graph.nodes["node"].column("y").to_numpy()
    split = graph.nodes["node"].column("split").to_numpy()
    src, dst = ends(graph)
    mean = np.zeros_like(x)
    np.add.at(mean, dst, x[src])
    mean /= np.maximum(np.bincount(dst, minlength=len(x)), 1)[:, None]
    scores = {}
    for name, given in (("own", x), ("neighbours", np.hstack([x, mean]))):
        model = LogisticRegression(max_iter=300).fit(given[split == 0], y[split == 0])
        scores[name] = model.score(given[split == 2], y[split == 2])
    assert scores["own"] < 0.5
    assert scores["neighbours"] > 0.8


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_types_of_features(dtype):
    graph = generate(50, 100, num_features=3, dtype=dtype)
    assert graph.schema.nodes[0].features.dtype == dtype


def test_shares_of_the_splits_and_classes():
    graph = generate(1000, 2000, num_features=0, split=(0.1, 0.2, 0.3), num_classes=5)
    split = graph.nodes["node"].column("split").to_numpy()
    assert np.bincount(split + 1).tolist() == [400, 100, 200, 300]
    assert graph.schema.nodes[0].label.dim == 5


def test_the_smallest_graphs():
    assert generate(1, 0, num_features=1).num_edges(TO) == 0
    assert generate(2, 2, num_features=1).num_edges(TO) == 2
    full = generate(5, 20, num_features=0, num_classes=1, num_communities=1)
    assert full.num_edges(TO) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_nodes": 0}, r"num_nodes is 0; it must be at least 1"),
        ({"num_edges": -2}, r"num_edges is -2; it must be 0 to"),
        ({"num_nodes": 3}, r"num_edges is 20; it must be 0 to .* = 6"),
        ({"num_edges": 21}, r"num_edges is 21; undirected edges come in pairs"),
        ({"num_features": -1}, r"num_features is -1"),
        ({"num_classes": 0}, r"num_classes is 0"),
        ({"num_communities": 3}, r"num_communities is 3; it must be at least num_classes"),
        ({"seed": -1}, r"seed is -1"),
        ({"exponent": 2.0}, r"exponent is 2.0; it must be above 2"),
        ({"homophily": 1.1}, r"homophily is 1.1"),
        ({"label_noise": -0.1}, r"label_noise is -0.1"),
        ({"split": (0.8, 0.2, 0.1)}, r"split is .*add up to at most 1"),
        ({"dtype": "float8"}, r"'float8' is no type of generated features"),
    ],
)
def test_arguments_outside_their_range(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        generate(**{"num_nodes": 10, "num_edges": 20} | arguments)


def test_more_edges_than_communities_hold():
    with pytest.raises(ArgumentError, match=r"different edges were asked for.*fewer edges, more"):
        generate(40, 1400, num_features=0, num_communities=40, num_classes=1, homophily=1.0)
