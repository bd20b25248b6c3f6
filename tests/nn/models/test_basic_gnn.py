"""The BasicGNN family against torch-geometric's."""

import copy
import itertools
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

import distgnn.nn as ours
from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from tests.nn.conv.compare import EDGE_ATTR, EDGE_DIM, FORMS, WEIGHT, compare, features
from tests.nn.models.graphs import EDGES, NUM_NODES, csc

PNA_ARGUMENTS = {
    "aggregators": ["mean", "min", "max", "std"],
    "scalers": ["identity", "amplification", "attenuation"],
    "deg": torch.tensor([1, 4, 2, 1]),
}
MODELS = {
    "GCN": {},
    "GraphSAGE": {},
    "GIN": {"train_eps": True},
    "GAT": {"heads": 2},
    "PNA": PNA_ARGUMENTS,
    "EdgeCNN": {},
}
TOLERANCE = {"rtol": 1e-6, "atol": 1e-7}


def pair(name, *args, **kwargs):
    kwargs = {**MODELS[name], **kwargs}
    return getattr(ours, name)(*args, **kwargs), getattr(pyg, name)(*args, **kwargs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("num_layers", "out_channels", "jk"),
    [
        (1, None, None),
        (2, 5, None),
        (3, 5, "last"),
        (3, None, "cat"),
        (3, 5, "max"),
        (2, 5, "lstm"),
    ],
)
def test_jumping_knowledge(form, name, num_layers, out_channels, jk):
    made = pair(name, 4, 6, num_layers, out_channels, jk=jk, act="elu")
    compare(*made, features(4), form, tolerance=TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("norm", ["batch_norm", "LayerNorm", "graph_norm", "instance_norm"])
@pytest.mark.parametrize("act_first", [False, True])
def test_norm(name, norm, act_first):
    batch = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1])
    made = pair(name, 4, 6, 3, 5, norm=norm, act="tanh", act_first=act_first)
    assert made[0].supports_norm_batch == made[1].supports_norm_batch
    compare(*made, features(4), tolerance=TOLERANCE)
    compare(*made, features(4), "csc", tolerance=TOLERANCE, batch=batch, batch_size=2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["GCN", "GAT", "PNA"])
def test_edge_values(form, name):
    made = pair(name, 4, 6, 2, 5)
    if name == "GCN":
        compare(*made, features(4), form, edge_weight=WEIGHT)
        return
    made = pair(name, 4, 6, 2, 5, edge_dim=EDGE_DIM)
    if form == "sparse_tensor" and name == "GAT":
        made = pair(name, 4, 6, 2, 5, edge_dim=EDGE_DIM, add_self_loops=False)
    compare(*made, features(4), form, edge_attr=EDGE_ATTR, tolerance=TOLERANCE)


@pytest.mark.parametrize("v2", [False, True])
@pytest.mark.parametrize("concat", [False, True])
def test_gat_variants(v2, concat):
    made = pair("GAT", 4, 6, 3, 5, v2=v2, concat=concat)
    compare(*made, features(4))


@pytest.mark.parametrize("name", ["GCN", "GraphSAGE", "GAT"])
def test_lazy_input_size(name):
    made = pair(name, -1, 6, 2, 5)
    for model in made:
        model(features(4).float(), EDGES)
    compare(*made, features(4))


@pytest.mark.parametrize("name", MODELS)
def test_repr_reset_copy_pickle(name):
    model, theirs = pair(name, 4, 6, 3, 5, norm="batch_norm")
    assert repr(model) == repr(theirs)
    assert [repr(conv) for conv in model.convs] == [repr(conv) for conv in theirs.convs]
    model.eval()
    x = features(4).float()
    out = model(x, EDGES)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(twin(x, EDGES), out)
    model.reset_parameters()
    assert not torch.equal(model(x, EDGES), out)
    assert not torch.equal(model(x, EDGES), torch.zeros_like(out))


@pytest.mark.parametrize("name", MODELS)
def test_empty_graphs(name):
    model, theirs = pair(name, 4, 6, 2, 5)
    model.load_state_dict(theirs.state_dict())
    no_edges = torch.empty(2, 0, dtype=torch.int64)
    x = features(4).float()
    torch.testing.assert_close(model(x, no_edges), theirs(x, no_edges))
    assert model(x[:0], no_edges).shape == (0, 5)


def sampled(seed=0):
    """Return features and edges of a three-hop sample, hop by hop, and the counts per hop."""
    generator = torch.Generator().manual_seed(seed)
    nodes, edges = [3, 4, 5, 6], [9, 11, 12]
    starts = list(itertools.accumulate(nodes, initial=0))
    sources, targets = [], []
    for hop, count in enumerate(edges):
        target = torch.randint(starts[hop], starts[hop + 1], (count,), generator=generator)
        source = torch.randint(0, starts[hop + 2], (count,), generator=generator)
        targets.append(target.sort().values)
        sources.append(source)
    edge_index = torch.stack([torch.cat(sources), torch.cat(targets)])
    return features(4, sum(nodes)), edge_index, nodes, edges


def rectangular(edge_index, num_src, num_dst):
    indptr = torch.searchsorted(edge_index[1], torch.arange(num_dst + 1))
    return CSC(indptr, edge_index[0], num_src)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("jk", [None, "last"])
def test_hops_are_trimmed(name, num_layers, jk):
    model, theirs = (m.double() for m in pair(name, 4, 6, num_layers, 5, jk=jk, act="elu"))
    model.load_state_dict(theirs.state_dict())
    x, edge_index, nodes, edges = sampled()
    hops = {"num_sampled_nodes_per_hop": nodes, "num_sampled_edges_per_hop": edges}
    expected = theirs(x, edge_index, **hops)
    adj = rectangular(edge_index, x.size(0), sum(nodes[:-1]))
    for edges_given in (edge_index, adj):
        out = model(x, edges_given, **hops)
        assert out.shape == (sum(nodes[: 4 - num_layers]), 5)  # the rows that nobody trims
        torch.testing.assert_close(out, expected[: out.size(0)], **TOLERANCE)


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_hops_with_norms_of_all_rows(norm):
    model, theirs = pair("GraphSAGE", 4, 6, 3, 5, norm=norm)
    model.load_state_dict(theirs.state_dict())
    x, edge_index, nodes, edges = sampled()
    x = x.float()
    hops = {"num_sampled_nodes_per_hop": nodes, "num_sampled_edges_per_hop": edges}
    torch.testing.assert_close(model(x, edge_index, **hops)[:3], theirs(x, edge_index, **hops)[:3])
    for m in (model, theirs):
        m.eval()
    torch.testing.assert_close(model(x, edge_index, **hops)[:3], theirs(x, edge_index, **hops)[:3])


def test_hops_keep_all_outputs_for_jumping_knowledge():
    model = ours.GraphSAGE(4, 6, 3, 5, jk="cat")
    x, edge_index, nodes, edges = sampled()
    out = model(
        x.float(), edge_index, num_sampled_nodes_per_hop=nodes, num_sampled_edges_per_hop=edges
    )
    torch.testing.assert_close(out, model(x.float(), edge_index)[:3])


def test_rectangular_csc_without_hops():
    model = ours.GraphSAGE(4, 6, 3, 5)
    x, edge_index, nodes, _ = sampled()
    num_dst = sum(nodes[:-1])
    out = model(x.float(), rectangular(edge_index, x.size(0), num_dst))
    torch.testing.assert_close(out, model(x.float(), edge_index)[:num_dst])


class Batch:
    def __init__(self, n_id, batch_size, **edges):
        self.n_id, self.batch_size = n_id, batch_size
        self.__dict__.update(edges)


class Loader:
    """Every node once, with all in-edges; batches in a shuffled order."""

    def __init__(self, x, order, form):
        self.data, self.order, self.form = Batch(None, None, x=x), order, form

    def __len__(self):
        return len(self.order)

    def __iter__(self):
        for seeds in self.order:
            is_in = torch.isin(EDGES[1], torch.tensor(seeds))
            sources = [n for n in EDGES[0][is_in].unique().tolist() if n not in seeds]
            n_id = torch.tensor([*seeds, *sources])
            local = torch.full((NUM_NODES,), -1)
            local[n_id] = torch.arange(len(n_id))
            edges = local[EDGES[:, is_in]]
            edges = edges[:, edges[1].argsort(stable=True)]
            if self.form == "edge_index":
                yield Batch(n_id, len(seeds), edge_index=edges)
            else:
                yield Batch(n_id, len(seeds), adj=rectangular(edges, len(n_id), len(seeds)))


@pytest.mark.parametrize("form", ["edge_index", "csc"])
@pytest.mark.parametrize("name", ["GraphSAGE", "GIN", "GAT", "EdgeCNN"])
@pytest.mark.parametrize("jk", [None, "last"])
@pytest.mark.parametrize("cache", [False, True])
def test_inference_equals_forward(form, name, jk, cache):
    model = pair(name, 4, 6, 2, 5, jk=jk, norm="batch_norm")[0].eval()
    x = features(4).float()
    loader = Loader(x, [[2, 5, 7], [0, 1], [6, 3, 4]], form)
    out = model.inference(loader, cache=cache, progress_bar=cache)
    torch.testing.assert_close(out, model(x, EDGES))


def test_inference_refuses():
    loader = Loader(features(4), [], "csc")
    with pytest.raises(ArgumentError, match="call eval"):
        ours.GCN(4, 6, 2).inference(loader)
    with pytest.raises(ArgumentError, match="jk='cat'"):
        ours.GCN(4, 6, 2, jk="cat").eval().inference(loader)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"act": "rellu"}, "did you mean 'relu'"),
        ({"norm": "batchnrm"}, "did you mean 'batchnorm'"),
        ({"jk": "lstn"}, "did you mean 'lstm'"),
        ({"aggr": "meen"}, "did you mean 'mean'"),
        ({"num_layers": 0}, "num_layers=0"),
    ],
)
def test_unknown_names(kwargs, match):
    kwargs = {"num_layers": 2, **kwargs}
    with pytest.raises(ArgumentError, match=match):
        ours.GraphSAGE(4, 6, **kwargs)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("x", "edge_index", "kwargs", "match"),
    [
        (features(3).float(), EDGES, {}, r"x has shape|\[\*, "),
        (features(4).float(), EDGES.int(), {}, r"edge_index has type torch.int32"),
        (features(4).float(), EDGES.t(), {}, r"edge_index has shape \[13, 2\], expected \[2, E\]"),
        (features(4).float(), EDGES + 5, {}, r"edge_index"),
        (features(4).float(), EDGES.numpy(), {}, r"edge_index is a ndarray"),
        (features(4)[0].float(), EDGES, {}, r"x has shape \[4\]"),
        (
            features(4).float(),
            EDGES,
            {"edge_weight": torch.ones(3)},
            r"edge_weight has shape \[3\]",
        ),
    ],
)
def test_bad_input(name, x, edge_index, kwargs, match):
    model = pair(name, 4, 6, 2, 5)[0]
    with pytest.raises(ArgumentError, match=match):
        model(x, edge_index, **kwargs)


def test_hops_that_do_not_add_up():
    model = ours.GCN(4, 6, 2)
    x = features(4).float()
    with pytest.raises(ArgumentError, match="adds up to 5, but x has 8 rows"):
        model(x, EDGES, num_sampled_nodes_per_hop=[2, 3], num_sampled_edges_per_hop=[4])
    with pytest.raises(NotImplementedError, match="not both"):
        model(
            x,
            EDGES,
            edge_weight=torch.ones(13),
            edge_attr=torch.ones(13, 1),
            num_sampled_nodes_per_hop=[8],
            num_sampled_edges_per_hop=[],
        )


@pytest.mark.parametrize("name", MODELS)
def test_permutation(name):
    """Relabelling nodes permutes the output; shuffling edges changes nothing beyond rounding."""
    model = pair(name, 4, 6, 2, 5)[0].double()
    x = features(4)
    out = model(x, EDGES)
    generator = torch.Generator().manual_seed(2)
    shuffled = EDGES[:, torch.randperm(EDGES.size(1), generator=generator)]
    torch.testing.assert_close(model(x, shuffled), out)
    order = torch.randperm(NUM_NODES, generator=generator)
    renamed = torch.empty_like(order).index_copy_(0, order, torch.arange(NUM_NODES))
    torch.testing.assert_close(model(x[order], renamed[EDGES]), out[order])


@pytest.mark.parametrize("name", MODELS)
def test_compiles_without_graph_breaks(name):
    model = pair(name, 4, 6, 2, 5)[0]
    x = features(4).float()
    edge_attr = {}
    for edges in (EDGES, csc()):
        torch._dynamo.reset()
        found = torch._dynamo.explain(model)(x, edges, **edge_attr)
        assert found.graph_break_count == 0, found.break_reasons


@pytest.mark.parametrize("name", MODELS)
def test_bfloat16_autocast(name):
    model = pair(name, 4, 6, 2, 5)[0]
    x = features(4).float()
    expected = model(x, EDGES)
    for edges in (EDGES, csc()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x, edges)
        out.float().sum().backward()
        torch.testing.assert_close(out.float(), expected, rtol=0.05, atol=0.1)
