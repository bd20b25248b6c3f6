"""Metrics of links against scikit-learn on the scores themselves, and by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from distgnn.tasks.link_metrics import link_metrics


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_auc_and_ap_are_those_of_scikit_learn(scale):
    generator = torch.Generator().manual_seed(0)
    metrics = link_metrics(3)
    links = scale * (torch.randn(3000, generator=generator) + 1)
    negatives = scale * torch.randn(3000, 4, generator=generator)
    for rows in torch.arange(3000).split(700):
        metrics.update(links[rows], negatives[rows])
    label = np.r_[np.ones(3000), np.zeros(12000)]
    scores = torch.cat([links, negatives.reshape(-1)])
    found = {name: float(value) for name, value in metrics.compute().items()}
    assert found["auc"] == pytest.approx(roc_auc_score(label, scores), abs=1e-4)
    assert found["ap"] == pytest.approx(average_precision_score(label, scores), abs=1e-3)
    rounded = scores.to(torch.bfloat16).float()
    assert found["auc"] == pytest.approx(roc_auc_score(label, rounded), abs=1e-6)
    assert found["ap"] == pytest.approx(average_precision_score(label, rounded), abs=1e-6)


def test_ranks_by_hand():
    metrics = link_metrics(2)
    links = torch.tensor([3.0, 1.0, 0.0])
    negatives = torch.tensor([[1.0, 2.0], [2.0, 0.0], [0.0, 1.0]])
    metrics.update(links, negatives)  # ranks 1, 2 and, tied with one, 2.5
    found = metrics.compute()
    assert float(found["mrr"]) == pytest.approx((1 + 1 / 2 + 1 / 2.5) / 3)
    assert float(found["hits_at_2"]) == pytest.approx(2 / 3)


def test_the_order_of_all_floats_is_kept():
    values = torch.tensor([-math.inf, -1e30, -3.0, -1e-30, 0.0, 1e-30, 0.5, 7.0, math.inf])
    for low, high in pairwise(values):
        metrics = link_metrics(1)
        metrics.update(high[None], low[None, None])
        assert float(metrics.compute()["auc"]) == 1.0
    metrics = link_metrics(1)
    metrics.update(torch.tensor([0.0]), torch.tensor([[-0.0]]))
    assert float(metrics.compute()["auc"]) == 0.5


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_states_survive_a_checkpoint():
    metrics, again = link_metrics(2), link_metrics(2)
    for one in (metrics, again):
        one.persistent(mode=True)
    metrics.update(torch.randn(10), torch.randn(10, 3))
    again.load_state_dict(metrics.state_dict())
    for name in ("auc", "ap", "mrr", "hits_at_2"):
        assert float(again[name].compute()) == float(metrics[name].compute())


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_no_links_have_no_metrics():
    assert all(math.isnan(float(value)) for value in link_metrics(2).compute().values())
