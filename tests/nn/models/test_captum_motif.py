"""Explanations of a trained model name what was planted, by captum's own methods.

A graph is a tree: a root, its neighbours and theirs, all edges towards the root. Its class is 1 if
somewhere a red node points to a blue one that points to the root. Red and blue nodes elsewhere mean
nothing.
"""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, Saliency

from distgnn.nn import GraphSAGE, to_captum_input, to_captum_model

CHILDREN = 4
NUM_NODES = 1 + CHILDREN + CHILDREN**2
INNER = torch.arange(1, CHILDREN + 1)
OUTER = torch.arange(CHILDREN + 1, NUM_NODES)
PARENT = INNER.repeat_interleave(CHILDREN)
EDGES = torch.stack([torch.cat([INNER, OUTER]), torch.cat([torch.zeros_like(INNER), PARENT])])
RED, BLUE, COLOURS = 1, 2, 5
NUM_TRAIN, NUM_EXPLAINED = 400, 40


def tree(positive, generator):
    """Return the colours [NUM_NODES], and the outer node that starts the planted path."""
    colour = torch.randint(COLOURS, (NUM_NODES,), generator=generator)
    means = (colour[OUTER] == RED) & (colour[PARENT] == BLUE)
    colour[OUTER[means]] = 0
    start = int(torch.randint(CHILDREN**2, (), generator=generator))
    if positive:
        blue = (colour[PARENT] == BLUE) | (PARENT[start] == PARENT)
        colour[OUTER[blue & (colour[OUTER] == RED)]] = 0
        colour[PARENT[start]], colour[OUTER[start]] = BLUE, RED
    return colour, start


def features(colours):
    return F.one_hot(colours, COLOURS).float()


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(NUM_TRAIN) % 2
    x = features(torch.cat([tree(bool(label), generator)[0] for label in y]))
    shift = NUM_NODES * torch.arange(NUM_TRAIN)
    edges = (EDGES.unsqueeze(1) + shift.view(1, -1, 1)).flatten(1)
    model = GraphSAGE(COLOURS, 32, 2, 2, aggr="max")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(model(x, edges)[shift], y).backward()
        optimizer.step()
    model.eval()
    assert bool((model(x, edges)[shift].argmax(dim=1) == y).float().mean() > 0.97)
    return model


def cases(model):
    """Return graphs of class 1 that the model has not seen and gets right."""
    generator = torch.Generator().manual_seed(1)
    found = []
    while len(found) < NUM_EXPLAINED:
        colours, start = tree(True, generator)
        if model(features(colours), EDGES)[0].argmax() == 1:
            found.append((features(colours), start))
    return found


def attribute(model, x, level, method):
    inputs, rest = to_captum_input(x, EDGES, level)
    target = {"target": 1, "additional_forward_args": rest}
    explained = to_captum_model(model, level, 0)
    if method == "saliency":
        return Saliency(explained).attribute(inputs, abs=False, **target)
    return IntegratedGradients(explained).attribute(
        inputs, n_steps=12, internal_batch_size=1, **target
    )


@pytest.mark.parametrize("method", ["integrated_gradients", "saliency"])
def test_edges_of_the_planted_path(trained, method):
    hits = 0
    for x, start in cases(trained):
        (scores,) = attribute(trained, x, "edge", method)
        planted = {int(PARENT[start]) - 1, CHILDREN + start}
        hits += set(scores[0].topk(2).indices.tolist()) == planted
    assert hits >= 0.95 * NUM_EXPLAINED


@pytest.mark.parametrize("level", ["node", "node_and_edge"])
def test_nodes_of_the_planted_path(trained, level):
    hits = 0
    for x, start in cases(trained):
        scores = attribute(trained, x, level, "integrated_gradients")[0][0].sum(dim=1)
        planted = {int(PARENT[start]), int(OUTER[start])}
        hits += set(scores[1:].topk(2).indices.add(1).tolist()) == planted
    assert hits >= 0.95 * NUM_EXPLAINED
