import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn import nn as ours_nn
from distgnn.exceptions import ArgumentError
from distgnn.nn.resolver import normalization_resolver
from tests.nn.parity import assert_parity

BATCH = torch.tensor([0, 0, 0, 2, 2, 3, 3, 3, 3])  # graph 1 is empty
PER_GRAPH = [
    ("LayerNorm", (4,), {}),
    ("LayerNorm", (4,), {"mode": "node"}),
    ("LayerNorm", (4,), {"affine": False, "eps": 0.1}),
    ("GraphNorm", (4,), {}),
    ("GraphNorm", (4,), {"eps": 0.1}),
    ("InstanceNorm", (4,), {}),
    ("InstanceNorm", (4,), {"affine": True, "track_running_stats": True}),
    ("PairNorm", (), {}),
    ("PairNorm", (), {"scale": 2.0, "scale_individually": True}),
    ("MeanSubtractionNorm", (), {}),
    ("GraphSizeNorm", (), {}),
]
PLAIN = [
    ("BatchNorm", (4,), {}),
    ("BatchNorm", (4,), {"affine": False, "momentum": None}),
    ("BatchNorm", (4,), {"allow_single_element": True}),
    ("DiffGroupNorm", (4, 3), {}),
    ("DiffGroupNorm", (4, 3), {"lamda": 0.5, "affine": False}),
]
ALL = [*PER_GRAPH, *PLAIN]


def ids(cases):
    return [f"{name}-{i}" for i, (name, _, _) in enumerate(cases)]


def build(package, name, sizes, options):
    module = getattr(package, name)(*sizes, **options)
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.uniform_(-1, 1, generator=generator)
    return module


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("graphs", [True, False])
@pytest.mark.parametrize(("name", "sizes", "options"), PER_GRAPH, ids=ids(PER_GRAPH))
def test_per_graph_as_torch_geometric(name, sizes, options, graphs, training):
    torch.manual_seed(1)
    x = torch.randn(9, 4) * 2 + 1
    ours, theirs = (build(package, name, sizes, options) for package in (ours_nn, pyg))
    assert repr(ours) == repr(theirs)
    ours.train(training)
    theirs.train(training)
    if graphs:
        third = {"dim_size": 4} if name == "MeanSubtractionNorm" else {"batch_size": 4}
        assert_parity(ours, theirs, x, batch=BATCH, **third)
    else:
        assert_parity(ours, theirs, x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "sizes", "options"), PLAIN, ids=ids(PLAIN))
def test_as_torch_geometric(name, sizes, options, training):
    ours, theirs = (build(package, name, sizes, options) for package in (ours_nn, pyg))
    assert repr(ours) == repr(theirs)
    ours.train(training)
    theirs.train(training)
    assert_parity(ours, theirs, torch.randn(9, 4) * 2 + 1)


@pytest.mark.parametrize("learn_scale", [True, False])
def test_message_norm_as_torch_geometric(learn_scale):
    ours, theirs = ours_nn.MessageNorm(learn_scale), pyg.MessageNorm(learn_scale)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, torch.randn(9, 4), torch.randn(9, 4))
    assert_parity(ours, theirs, torch.randn(9, 4), torch.randn(9, 4), p=1.0)


def test_running_statistics_of_instances_accumulate_as_in_torch_geometric():
    options = {"track_running_stats": True, "momentum": 0.3}
    ours, theirs = ours_nn.InstanceNorm(4, **options), pyg.InstanceNorm(4, **options)
    for _ in range(3):
        assert_parity(ours, theirs, torch.randn(9, 4), BATCH, 4)


def test_single_node_is_normalised_by_running_statistics():
    norm = ours_nn.BatchNorm(2, allow_single_element=True)
    norm(torch.randn(8, 2))
    x = torch.randn(1, 2)
    assert torch.equal(norm(x), norm.eval()(x))
    with pytest.raises(ArgumentError, match="track_running_stats"):
        ours_nn.BatchNorm(2, allow_single_element=True, track_running_stats=False)


def test_group_distance_ratio_as_torch_geometric():
    x, y = torch.randn(20, 3), torch.arange(20) % 3
    expected = pyg.DiffGroupNorm.group_distance_ratio(x, y)
    assert ours_nn.DiffGroupNorm.group_distance_ratio(x, y) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("name", "sizes", "options"), ALL, ids=ids(ALL))
def test_empty_graph(name, sizes, options):
    module = getattr(ours_nn, name)(*sizes, **options)
    assert module(torch.empty(0, 4)).shape == (0, 4)
    for buffer in module.buffers():
        assert bool(buffer.isfinite().all())


@pytest.mark.parametrize(("name", "sizes", "options"), ALL, ids=ids(ALL))
def test_copies_pickles_resets(name, sizes, options):
    module = build(ours_nn, name, sizes, options).eval()
    fresh = getattr(ours_nn, name)(*sizes, **options).eval()
    x = torch.randn(9, 4)
    expected = module(x)
    assert torch.equal(copy.deepcopy(module)(x), expected)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x), expected)
    for part in [module, *module.children()]:
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
    if name != "DiffGroupNorm":
        assert torch.equal(module(x), fresh(x))


@pytest.mark.parametrize(("name", "sizes", "options"), ALL, ids=ids(ALL))
def test_renaming_nodes_permutes_the_output(name, sizes, options):
    module = build(ours_nn, name, sizes, options)
    x, order = torch.randn(9, 4), torch.randperm(9)
    if (name, sizes, options) in PER_GRAPH:
        out, permuted = module(x, BATCH), module(x[order], BATCH[order])
    else:
        out, permuted = module(x), module(x[order])
    torch.testing.assert_close(permuted, out[order], rtol=1e-4, atol=1e-5)


def test_names():
    assert isinstance(normalization_resolver("batch_norm", 3), ours_nn.BatchNorm)
    assert isinstance(normalization_resolver("Graph-Norm", 3), ours_nn.GraphNorm)
    assert normalization_resolver(len) is len
    with pytest.raises(
        ArgumentError, match=r"norm=.bach_norm. is unknown; did you mean .batchnorm"
    ):
        normalization_resolver("bach_norm", 3)
    with pytest.raises(ArgumentError, match=r"mode=.nodes'.*did you mean 'node'"):
        ours_nn.LayerNorm(3, mode="nodes")


def test_bfloat16_autocast():
    lin = torch.nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for name, sizes, options in ALL:
            getattr(ours_nn, name)(*sizes, **options)(lin(torch.randn(9, 4))).sum().backward()


@pytest.mark.parametrize("name", ["LayerNorm", "GraphNorm", "InstanceNorm"])
def test_bad_input(name):
    norm = getattr(ours_nn, name)(4)
    with pytest.raises(ArgumentError, match=rf"x has shape \[9, 3\], but {name}.*\[N, 4\]"):
        norm(torch.randn(9, 3))
    with pytest.raises(ArgumentError, match=r"batch has shape \[8\], expected \[9\]"):
        norm(torch.randn(9, 4), BATCH[:8])
