"""Models of the zoo in the loop: trimmed layers, and the peer's class on the same weights."""

import pytest
import torch
import torch_geometric.nn as pyg

import distgnn.nn
from distgnn.predict.predict import predict
from tests.train.runs import final_weights, run

SETTINGS = {"target": None, "hidden_channels": 16, "dropout": 0.3}


@pytest.mark.parametrize("name", ["GraphSAGE", "GCN"])
@pytest.mark.parametrize("extra", [{}, {"norm": "batch_norm", "jk": "cat"}], ids=["plain", "jk"])
def test_it_learns_resumes_and_predicts(make_config, tmp_path, name, extra):
    config = make_config(model=SETTINGS | extra | {"name": name}, train={"epochs": 6})
    result = run(config)
    assert result.test["accuracy"] > 0.6  # chance: 1/3
    report = predict(config.run_dir, None, tmp_path / "p", progress=False)
    assert report.num_rows == 600


@pytest.mark.parametrize("name", ["GraphSAGE", "GCN"])
def test_the_weights_load_into_the_peer(make_config, name):
    config = make_config(model=SETTINGS | {"name": name}, train={"epochs": 1})
    run(config)
    peer = getattr(pyg, name)(8, 16, 2, 3)
    peer.load_state_dict(final_weights(config), strict=True)
    ours = getattr(distgnn.nn, name)(8, 16, 2, 3)
    ours.load_state_dict(final_weights(config), strict=True)
    x, edge_index = torch.randn(20, 8), torch.randint(20, (2, 60))
    torch.testing.assert_close(ours.eval()(x, edge_index), peer.eval()(x, edge_index))
