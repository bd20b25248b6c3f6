"""Charts are valid SVG that draws the figures given."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from distgnn.report import charts
from distgnn.shards.statistics import EdgeStatistics, NodeStatistics

SVG = "{http://www.w3.org/2000/svg}"


def edges(degrees, counts):
    return EdgeStatistics(
        type=("n", "to", "n"),
        counts=np.array([1]),
        cut=np.array([0]),
        degrees=np.array(degrees, np.int64),
        degree_counts=np.array(counts, np.int64),
    )


def nodes(**labels):
    found = {name: np.array(counts) for name, counts in labels.items()}
    return NodeStatistics(type="n", counts=np.array([1]), splits={}, labels=found)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]


def test_degrees_are_drawn_on_whole_decades():
    found = texts(charts.degree_chart(edges([0, 1, 20], [50, 49, 1])))
    assert [text for text in found if text and text[0].isdigit()] == [
        "1",
        "10",
        "100",
        "1%",
        "10%",
        "100%",
    ]


@pytest.mark.parametrize(("degrees", "counts"), [([], []), ([0], [7])])
def test_without_edges_there_is_no_chart(degrees, counts):
    assert charts.degree_chart(edges(degrees, counts)) is None


@pytest.mark.parametrize("degrees", [[1], [3], [1, 1_000_000_000]])
def test_extreme_degrees(degrees):
    assert "<svg" in charts.degree_chart(edges(degrees, [1] * len(degrees)))


def test_classes_are_stacked_by_split():
    found = nodes(all=[5, 3, 1], train=[2, 0, 0], val=[1, 1, 0], test=[0, 1, 1])
    layers = {name: list(counts) for name, counts in charts.label_layers(found)}
    assert layers == {"train": [2, 0], "val": [1, 1], "test": [0, 1], "none": [2, 1]}
    assert [name for name, _ in charts.label_layers(nodes(all=[5, 3, 1]))] == ["all"]
    svg = charts.label_chart(found)
    for series in range(4):
        assert f"var(--series-{series})" in svg


def test_many_classes_become_a_curve():
    counts = np.arange(1001)
    svg = charts.label_chart(nodes(all=counts))
    assert "class, by rank" in texts(svg)
    assert len(svg) < 40_000


@pytest.mark.parametrize("labels", [{}, {"all": [0, 0, 9]}])
def test_without_classes_there_is_no_chart(labels):
    assert charts.label_chart(nodes(**labels)) is None


def test_curves_are_thinned_and_keep_their_ends():
    x = np.arange(1, 10_001) ** 2
    found, halves = charts._thinned(x, x / 2)
    assert len(found) <= charts.MAX_POINTS + 1
    assert (found[0], found[-1]) == (1, 10**8)
    np.testing.assert_array_equal(halves, found / 2)
    for start in range(8):
        decade = (found >= 10**start) & (found <= 10 ** (start + 1))
        assert decade.sum() >= 3, "no decade is left bare"
