"""Link prediction: splits, what may be a message, training, resuming, predicting, bad options."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from distgnn.exceptions import ArgumentError, ConfigError, GraphDataError
from distgnn.predict.predict import predict
from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, NodeSchema
from distgnn.tables.raw_graph import RawGraph
from distgnn.tasks import make_task
from distgnn.tasks.task import LoaderSettings
from distgnn.testing.sharding import shard
from distgnn.train.config_file import config_from_dict
from distgnn.train.run import train
from tests.train.runs import assert_equal_weights, final_weights

TO = ("node", "to", "node")
BUYS, BY = ("user", "buys", "item"), ("item", "by", "user")
N = 120


def features(num_rows, dim=8, seed=0):
    values = np.random.default_rng(seed).normal(size=num_rows * dim).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(values), dim)


def community_graph(*, both_ways=True, column=None):
    """Four communities of 30 nodes with 5 links a node inside, few between; features tell them."""
    rng = np.random.default_rng(0)
    src = rng.integers(N, size=600)
    dst = np.where(rng.random(600) < 0.95, src // 30 * 30 + rng.integers(30, size=600),
                   rng.integers(N, size=600))  # fmt: skip
    pairs = np.unique(np.stack([src, dst])[:, src < dst], axis=1)
    pairs = pairs[:, rng.permutation(pairs.shape[1])]
    ends = np.concatenate([pairs, pairs[::-1]], axis=1) if both_ways else pairs
    edges = pa.table({"src": ends[0], "dst": ends[1]})
    if column is not None:
        edges = edges.append_column("split", column(ends))
    x = np.eye(4, dtype=np.float32)[np.arange(N) // 30] + rng.normal(size=(N, 4)) * 0.3
    x = pa.FixedSizeListArray.from_arrays(pa.array(x.astype(np.float32).ravel()), 4)
    return RawGraph(
        schema=GraphSchema(
            nodes=(NodeSchema(type="node", features=FeatureSpec(dim=4, dtype="float32")),),
            edges=(EdgeSchema(type=TO, columns=() if column is None else ("split",)),),
        ),
        nodes={"node": pa.table({"id": [f"n{i}" for i in range(N)], "x": x})},
        edges={TO: edges},
        name="communities",
    )


def in_parts(raw, out, parts=2):
    owners = {name: np.arange(raw.num_nodes(name)) % parts for name in raw.nodes}
    return shard(raw, owners, out)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return in_parts(community_graph(), tmp_path_factory.mktemp("links") / "two")


@pytest.fixture(scope="module")
def three_parts(tmp_path_factory):
    return in_parts(community_graph(), tmp_path_factory.mktemp("links") / "three", 3)


def task_of(graph, **options):
    return make_task("link_prediction", graph, options=options)


def ends_of(graph, edge_type, positions):
    """Return raw rows of the ends of edges, as pairs."""
    src = np.concatenate([graph.edges(edge_type, p).src for p in range(graph.num_parts)])
    dst = np.concatenate([
        np.repeat(np.arange(e.num_dst), np.diff(e.indptr)) + graph.offsets(edge_type[2])[p]
        for p in range(graph.num_parts) for e in [graph.edges(edge_type, p)]
    ])  # fmt: skip
    rows = [
        graph.index_of(edge_type[0], src[positions]), graph.index_of(edge_type[2], dst[positions])
    ]  # fmt: skip
    return list(zip(*(r.tolist() for r in rows), strict=True))


def settings(**changes):
    return LoaderSettings(**({"fanouts": [-1, -1], "batch_size": 64, "num_threads": 0} | changes))


def test_a_random_split_shares_links_out(graph, three_parts):
    task = task_of(graph, val_share=0.1, test_share=0.2)
    assert task.undirected
    found = {name: ends_of(graph, TO, task.seeds(name)) for name in ("train", "val", "test")}
    everything = ends_of(graph, TO, task.seeds(None))
    assert sorted(sum(found.values(), [])) == sorted(everything)  # noqa: RUF017
    assert len(set(everything)) == graph.num_edges(TO) / 2
    assert all(src < dst for src, dst in everything)
    assert len(found["test"]) == round(0.2 * len(everything))
    assert len(found["val"]) == round(0.1 * len(everything))
    other = task_of(three_parts, val_share=0.1, test_share=0.2)
    for name, links in found.items():
        assert set(ends_of(three_parts, TO, other.seeds(name))) == set(links)
    again = task_of(graph, val_share=0.1, test_share=0.2, split_seed=1)
    assert set(ends_of(graph, TO, again.seeds("test"))) != set(found["test"])


def test_held_out_links_are_no_messages_in_either_direction(graph):
    task = task_of(graph, val_share=0.1, test_share=0.2)
    held = set(ends_of(graph, TO, task.seeds("val"))) | set(ends_of(graph, TO, task.seeds("test")))
    held |= {(b, a) for a, b in held}
    messages = ends_of(task.split.messages, TO, slice(None))
    assert not held & set(messages)
    assert len(messages) + len(held) == graph.num_edges(TO)
    for name in ("train", "val", "test"):
        loader = task.loader(task.seeds(name), settings(), shuffle=name == "train")
        for batch in loader.epoch(0):
            rows = graph.index_of("node", batch.n_id.numpy())
            drawn = set(zip(*rows[batch.edge_index.numpy()].tolist(), strict=True))
            assert not drawn & held
            own = set(zip(rows[batch.src].tolist(), rows[batch.dst].tolist(), strict=True))
            assert not drawn & (own | {(b, a) for a, b in own})


def test_evaluation_negatives_are_fixed_and_no_edges(graph):
    task = task_of(graph, eval_negatives=7)
    loader = task.loader(task.seeds("test"), settings(), shuffle=False)
    other = task.loader(task.seeds("test"), settings(batch_size=5), shuffle=False)

    def negatives(loader, epoch):
        return torch.cat([batch.n_id[batch.neg_dst] for batch in loader.epoch(epoch)])

    first = negatives(loader, 0)
    assert first.shape == (len(task.seeds("test")), 7)
    assert torch.equal(first, negatives(loader, 0))
    assert torch.equal(first, negatives(other, 0))
    edges = set(ends_of(graph, TO, slice(None)))
    for batch in loader.epoch(0):
        rows = graph.index_of("node", batch.n_id.numpy())
        pairs = zip(rows[batch.neg_src.ravel()], rows[batch.neg_dst.ravel()], strict=True)
        assert not edges & {(int(a), int(b)) for a, b in pairs}


def split_column(kind):
    def column(ends):
        codes = (np.minimum(*ends) * 7 + np.maximum(*ends)) % 10
        codes = np.where(codes < 7, 0, np.where(codes < 8, 1, np.where(codes < 9, 2, -1)))
        if kind == "codes":
            return pa.array(codes, pa.int8())
        return pa.array([["train", "val", "test", None][code] for code in codes])

    return column


@pytest.mark.parametrize("kind", ["codes", "words"])
def test_a_split_column_says_which_links_are_which(tmp_path, kind):
    graph = in_parts(community_graph(column=split_column(kind)), tmp_path / kind)
    task = task_of(graph)
    for code, name in enumerate(("train", "val", "test")):
        expected = [
            (a, b) for a, b in ends_of(graph, TO, task.seeds(None))
            if split_column("codes")(np.array([[a], [b]]))[0].as_py() == code
        ]  # fmt: skip
        assert sorted(ends_of(graph, TO, task.seeds(name))) == sorted(expected)
    held = len(task.seeds("val")) + len(task.seeds("test"))
    assert task.split.messages.num_edges(TO) == graph.num_edges(TO) - 2 * held


def test_directed_links_are_all_links(tmp_path):
    graph = in_parts(community_graph(both_ways=False), tmp_path / "directed")
    task = task_of(graph)
    assert not task.undirected
    assert len(task.seeds(None)) == graph.num_edges(TO)


def two_type_graph():
    rng = np.random.default_rng(1)
    pairs = np.unique(np.stack([rng.integers(20, size=150), rng.integers(30, size=150)]), axis=1)
    node = {"features": FeatureSpec(dim=8, dtype="float32")}
    return RawGraph(
        schema=GraphSchema(
            nodes=(NodeSchema(type="user", **node), NodeSchema(type="item", **node)),
            edges=(EdgeSchema(type=BUYS), EdgeSchema(type=BY)),
        ),
        nodes={
            "user": pa.table({"id": np.arange(20), "x": features(20)}),
            "item": pa.table({"id": np.arange(30), "x": features(30, seed=1)}),
        },
        edges={
            BUYS: pa.table({"src": pairs[0], "dst": pairs[1]}),
            BY: pa.table({"src": pairs[1], "dst": pairs[0]}),
        },
        name="shop",
    )  # fmt: skip


def test_the_reverse_type_loses_held_out_links_too(tmp_path):
    graph = in_parts(two_type_graph(), tmp_path / "shop")
    task = task_of(graph, edge_type="user__buys__item", reverse_type="item__by__user",
                   test_share=0.3)  # fmt: skip
    test = set(ends_of(graph, task.edge_type, task.seeds("test")))
    messages = task.split.messages
    assert not test & set(ends_of(messages, BUYS, slice(None)))
    reverse = set(ends_of(messages, BY, slice(None)))
    assert not {(b, a) for a, b in test} & reverse
    assert len(reverse) == messages.num_edges(BUYS)


def make_config(graph, out, **sections):
    data = {
        "graph": str(graph.path),
        "run_dir": str(out),
        "task": {"name": "link_prediction", "options": {"eval_negatives": 5, "hits_at": 2}},
        "model": {"name": "GraphSAGE", "hidden_channels": 16},
        "sampler": {"fanouts": [5, 5]},
        "loader": {"batch_size": 50},
        "optimizer": {"lr": 0.01},
        "train": {"epochs": 5, "device": "cpu", "tune_malloc": False},
    }
    for name, values in sections.items():
        data[name] = data.get(name, {}) | values
    return config_from_dict(data, source="test")


@pytest.mark.parametrize("decoder", ["inner_product", "mlp"])
def test_it_learns_and_predicts(graph, tmp_path, decoder):
    options = {"decoder": decoder, "eval_negatives": 5, "hits_at": 2}
    config = make_config(graph, tmp_path / "run", task={"options": options}, train={"epochs": 15})
    result = train(config, progress=False)
    assert set(result.test) == {"loss", "auc", "ap", "mrr", "hits_at_2"}
    # Nodes of one community cannot be told apart: of random pairs a quarter lies within one.
    assert result.test["auc"] > 0.8
    assert result.best.metric == "auc"
    report = predict(
        tmp_path / "run", None, tmp_path / "links.parquet", split="test", progress=False
    )
    table = pq.read_table(report.out)
    assert table.column_names == ["src", "dst", "score", "probability"]
    task = task_of(graph)
    pairs = zip(table["src"].to_pylist(), table["dst"].to_pylist(), strict=True)
    expected = {(f"n{a}", f"n{b}") for a, b in ends_of(graph, TO, task.seeds("test"))}
    assert set(pairs) == expected
    assert table.num_rows == len(expected)
    score = torch.tensor(table["score"].to_pylist())
    assert torch.allclose(score.sigmoid(), torch.tensor(table["probability"].to_pylist()))


def test_it_resumes_exactly(graph, tmp_path):
    whole = make_config(graph, tmp_path / "whole")
    train(whole, progress=False)
    first = make_config(graph, tmp_path / "cut", train={"epochs": 2})
    train(first, progress=False)
    rest = dataclasses.replace(first, train=whole.train)
    train(rest, resume=True, progress=False)
    assert_equal_weights(final_weights(rest), final_weights(whole))


def test_partitions_give_the_same_weights(graph, three_parts, tmp_path):
    results = []
    for number, parts in enumerate((graph, three_parts)):
        config = make_config(parts, tmp_path / str(number), train={"epochs": 1})
        train(config, progress=False)
        results.append(final_weights(config))
    for name, weight in results[0].items():
        torch.testing.assert_close(weight, results[1][name], rtol=1e-5, atol=1e-6)


class TakesLinks(torch.nn.Module):
    """A model of two node types, as a user would bring it."""

    def __init__(self, in_channels, out_channels, metadata):
        super().__init__()
        self.own = torch.nn.ModuleDict(
            {name: torch.nn.Linear(in_channels[name], out_channels) for name in metadata[0]}
        )

    def forward(self, x_dict, edge_index_dict):
        assert set(edge_index_dict) == {BUYS, BY}
        return {name: self.own[name](x) for name, x in x_dict.items()}


def test_links_between_two_types(tmp_path):
    graph = in_parts(two_type_graph(), tmp_path / "shop")
    options = {"edge_type": "user__buys__item", "reverse_type": "item__by__user"}
    config = make_config(
        graph, tmp_path / "run", task={"options": options | {"num_negatives": 3}},
        model={"target": "tests.tasks.test_link_prediction.TakesLinks", "hidden_channels": 256},
        train={"epochs": 2},
    )  # fmt: skip
    result = train(config, progress=False)
    assert 0 <= result.test["mrr"] <= 1
    out = tmp_path / "all.parquet"
    predict(tmp_path / "run", None, out, progress=False)
    table = pq.read_table(out)
    raw = two_type_graph().edges[BUYS]
    assert table["src"].to_pylist() == raw["src"].to_pylist()
    assert table["dst"].to_pylist() == raw["dst"].to_pylist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decoders": "mlp"}, "no such option; did you mean 'decoder'"),
        ({"decoder": "dot"}, "task.options.decoder = 'dot': it must be 'inner_product' or 'mlp'"),
        ({"negatives": "degrees"}, "task.options.negatives = 'degrees': it must be 'uniform'"),
        ({"num_negatives": 0}, "task.options.num_negatives = 0: it must be at least 1"),
        ({"num_negatives": 1.5}, "task.options.num_negatives = 1.5: it must be"),
        ({"val_share": 1.0}, r"task.options.val_share = 1.0: it must be in \[0, 1\)"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave no link to train on"),
        ({"edge_type": "node__too__node"}, "did you mean 'node__to__node'"),
        ({"reverse_type": "node__to__node"}, "is no reverse of 'node__to__node'"),
        ({"split_seed": -1}, "task.options.split_seed = -1"),
    ],
)
def test_impossible_options(graph, options, message):
    with pytest.raises(ConfigError, match=message):
        task_of(graph, **options)


def test_what_does_not_go_with_the_graph(tmp_path, graph):
    directed = in_parts(community_graph(both_ways=False), tmp_path / "directed")
    with pytest.raises(ConfigError, match="not all edges of type 'node__to__node' are stored both"):
        task_of(directed, undirected=True)
    shop = in_parts(two_type_graph(), tmp_path / "shop")
    with pytest.raises(ConfigError, match=r"say with task.options.edge_type which are links"):
        task_of(shop)
    with pytest.raises(ConfigError, match=r"task.node_type = 'node': links have an edge type"):
        make_task("link_prediction", graph, "node")
    with pytest.raises(ConfigError, match="tasks on nodes have no options"):
        make_task("node_classification", graph, options={"decoder": "mlp"})
    with pytest.raises(ArgumentError, match="top_k = 3 is for labels"):
        task_of(graph).prediction_columns(torch.zeros(2, 1), 3)


def test_split_columns_of_no_use(tmp_path):
    def one_way(ends):
        return pa.array((np.arange(ends.shape[1]) < 10).astype(np.int8))

    cases = {
        "words": (lambda ends: pa.array(["tran"] * ends.shape[1]), "holds 'tran': give train, val"),
        "codes": (lambda ends: pa.array([5] * ends.shape[1]), "holds 5: give train, val"),
        "floats": (lambda ends: pa.array([0.5] * ends.shape[1]), "is of type double"),
        "one_way": (one_way, "are in different splits by column 'split'"),
    }
    for name, (column, message) in cases.items():
        graph = in_parts(community_graph(column=column), tmp_path / name)
        with pytest.raises(GraphDataError, match=message):
            task_of(graph)


def test_no_edges_are_no_links(tmp_path):
    raw = community_graph()
    empty = dataclasses.replace(raw, edges={TO: raw.edges[TO].slice(0, 0)})
    with pytest.raises(GraphDataError, match="has no edge of type 'node__to__node' to learn from"):
        task_of(in_parts(empty, tmp_path / "empty"))


def test_an_empty_split_is_said(graph, tmp_path):
    config = make_config(graph, tmp_path / "run", task={"options": {"test_share": 0.0}})
    assert task_of(graph, test_share=0.0).seeds("test").size == 0
    assert train(config, progress=False).test == {}
