import pytest
import torch
import torch_geometric.nn.aggr as pyg

from distgnn.nn import aggr
from tests.nn.parity import assert_parity

DEG = torch.tensor([1, 4, 3, 0, 2])
INDEX = torch.tensor([0, 0, 2, 2, 2, 5, 6, 6])  # 1, 3, 4 and 7 are empty
PTR = torch.tensor([0, 2, 2, 5, 5, 5, 6, 8, 8])
SHUFFLED = torch.tensor([6, 0, 2, 5, 2, 0, 6, 2])

CASES = [
    ("SumAggregation", {}),
    ("MeanAggregation", {}),
    ("MaxAggregation", {}),
    ("MinAggregation", {}),
    ("MulAggregation", {}),
    ("VarAggregation", {}),
    ("VarAggregation", {"semi_grad": True}),
    ("StdAggregation", {}),
    ("MedianAggregation", {}),
    ("MedianAggregation", {"fill_value": 3.0}),
    ("SoftmaxAggregation", {}),
    ("SoftmaxAggregation", {"t": 0.3, "semi_grad": True}),
    ("SoftmaxAggregation", {"t": 0.7, "learn": True}),
    ("SoftmaxAggregation", {"t": 0.7, "learn": True, "channels": 3}),
    ("PowerMeanAggregation", {}),
    ("PowerMeanAggregation", {"p": 2.0}),
    ("PowerMeanAggregation", {"p": 1.5, "learn": True}),
    ("PowerMeanAggregation", {"p": 1.5, "learn": True, "channels": 3}),
    ("LSTMAggregation", {"in_channels": 3, "out_channels": 4}),
    ("LSTMAggregation", {"in_channels": 3, "out_channels": 4, "bidirectional": True}),
    ("MultiAggregation", {"aggrs": ["mean", "min", "max", "sum", "std", "var", "median"]}),
    ("MultiAggregation", {"aggrs": ["softmax", "max"], "aggrs_kwargs": [{"learn": True}, {}]}),
    (
        "MultiAggregation",
        {
            "aggrs": ["mean", "max"],
            "mode": "proj",
            "mode_kwargs": {"in_channels": 3, "out_channels": 5},
        },
    ),
    (
        "MultiAggregation",
        {
            "aggrs": ["mean", "max"],
            "mode": "attn",
            "mode_kwargs": {"in_channels": 3, "out_channels": 4, "num_heads": 2},
        },
    ),
    *[
        ("MultiAggregation", {"aggrs": ["mean", "max", "sum"], "mode": mode})
        for mode in ("sum", "mean", "max", "min", "logsumexp", "std", "var")
    ],
    (
        "DegreeScalerAggregation",
        {
            "aggr": ["mean", "max"],
            "scaler": ["identity", "amplification", "attenuation", "linear", "inverse_linear"],
            "deg": DEG,
        },
    ),
    (
        "DegreeScalerAggregation",
        {"aggr": "std", "scaler": "linear", "deg": DEG, "train_norm": True},
    ),
]
SYMMETRIC = [case for case in CASES if case[0] != "LSTMAggregation"]
IDS = [f"{name}-{i}" for i, (name, _) in enumerate(CASES)]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_as_torch_geometric(name, options):
    torch.manual_seed(3)
    x, index, dim_size = torch.randn(8, 3), INDEX, 8
    if name == "PowerMeanAggregation" and "learn" in options:
        # Where the mean is 0, torch-geometric's gradient of p is NaN.
        x, index, dim_size = x.abs() + 0.1, SHUFFLED.unique(return_inverse=True)[1], 4
    ours, theirs = getattr(aggr, name)(**options), getattr(pyg, name)(**options)
    assert_parity(ours, theirs, x, index=index, dim_size=dim_size)
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_ptr_and_index_agree(name, options):
    torch.manual_seed(4)
    x = torch.randn(8, 3, dtype=torch.double)
    module = getattr(aggr, name)(**options).double()
    expected = module(x, index=INDEX, dim_size=8)
    assert torch.allclose(module(x, ptr=PTR), expected)
    assert torch.allclose(module(x, index=INDEX, ptr=PTR, dim_size=8), expected)


@pytest.mark.parametrize(("name", "options"), SYMMETRIC, ids=map(str, range(len(SYMMETRIC))))
def test_order_of_entries_does_not_matter(name, options):
    torch.manual_seed(5)
    x = torch.randn(8, 3, dtype=torch.double)
    module = getattr(aggr, name)(**options).double()
    order = torch.randperm(8)
    expected = module(x, index=SHUFFLED, dim_size=7)
    out = module(x[order], index=SHUFFLED[order], dim_size=7)
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize(
    "name", ["Sum", "Mean", "Max", "Min", "Var", "Std", "Softmax", "PowerMean"]
)
def test_groups_along_any_dimension(name, dim):
    x = torch.randn(8, 2, 3).movedim(0, dim)
    ours = getattr(aggr, f"{name}Aggregation")()
    theirs = getattr(pyg, f"{name}Aggregation")()
    assert_parity(ours, theirs, x, index=SHUFFLED, dim_size=8, dim=dim)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_no_entries_at_all(name, options):
    module = getattr(aggr, name)(**options)
    out = module(torch.empty(0, 3), index=torch.empty(0, dtype=torch.int64), dim_size=2)
    assert out.size(0) == 2
    assert bool(out.isfinite().all())
    if out.requires_grad:
        out.sum().backward()
