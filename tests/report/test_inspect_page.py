"""The page holds the figures, needs nothing else, and runs nothing that a user named."""

from html.parser import HTMLParser

import pyarrow as pa
import pytest

from distgnn.exceptions import StorageError
from distgnn.report.inspect_page import render_inspect_page, write_inspect_page
from distgnn.schema import GraphSchema, NodeSchema
from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter
from tests.report.conftest import HOSTILE

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags, their attributes and the text of a page; fails if tags are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.opened = [], [], [], []
        self.feed(text)
        assert not self.opened, "every tag is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_data(self, data):
        if self.opened and self.opened[-1] != "style" and data.strip():
            self.text.append(data.strip())


def test_the_figures_stand_on_the_page(papers_graph):
    page = Page(render_inspect_page(papers_graph))
    for expected in (
        "papers",
        "66.7%",
        "1.667",
        "1.556",
        "2 x float32",
        "3 classes",
        "title",
        "weight",
    ):
        assert expected in page.text
    assert "train 3 (50.0%)" in page.text
    assert (
        "Nodes without a label: 1. Train nodes: the largest part has 1.333 times the mean."
        in page.text
    )
    assert page.tags.count("svg") == 2, "in-degrees and labels"
    assert papers_graph.fingerprint in page.text
    assert "by hand, balanced by nodes, seed 0" in page.text


def test_every_type_of_a_heterogeneous_graph_stands_on_the_page(scholars_graph):
    page = Page(render_inspect_page(scholars_graph))
    assert page.tags.count("svg") == 3, "in-degrees of three edge types, no classes"
    for expected in ("author", "paper", "writes", "cites", "by", "5 x float16, sparse", "2 labels"):
        assert expected in page.text


def test_the_page_loads_nothing_and_runs_nothing(papers_graph):
    text = render_inspect_page(papers_graph)
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    links = [value for name, value in page.attributes if name in {"src", "href", "xlink:href"}]
    assert all(link.startswith("#") for link in links), "links lead to the page's own glyphs"
    assert "url(http" not in text
    assert "@import" not in text


def test_colours_follow_the_readers_mode(papers_graph):
    text = render_inspect_page(papers_graph)
    assert "prefers-color-scheme: dark" in text
    assert "var(--series-0)" in text[text.index("<svg") :]
    for placeholder in ("#010101", "#020202", "#030303"):
        assert placeholder not in text


def test_names_of_the_users_are_escaped(hostile_graph):
    text = render_inspect_page(hostile_graph)
    page = Page(text)
    assert "<script" not in text
    assert "script" not in page.tags
    assert page.text.count(HOSTILE) >= 5


def test_equal_graphs_give_equal_pages(papers_graph):
    assert render_inspect_page(papers_graph) == render_inspect_page(papers_graph)


def test_a_graph_without_edges_labels_and_nodes(tmp_path):
    schema = GraphSchema(nodes=(NodeSchema(type="n"),), edges=())
    empty = pa.array([], pa.int64())
    with ShardWriter(tmp_path / "graph", schema, 1) as writer:
        writer.write_nodes(0, "n", pa.table({"id": empty, "index": empty}))
        writer.commit(ManifestInfo(name="empty", fingerprint="0", method="range"))
    page = Page(render_inspect_page(ShardedGraph.open(tmp_path / "graph")))
    assert "svg" not in page.tags
    assert "Edge types" not in page.text


def test_the_file_is_replaced_or_left_alone(papers_graph, tmp_path):
    out = tmp_path / "new" / "page.html"
    write_inspect_page(papers_graph, out)
    first = out.read_text()
    out.write_text("old")
    write_inspect_page(papers_graph, out)
    assert out.read_text() == first
    assert [path.name for path in out.parent.iterdir()] == ["page.html"]
    folder = tmp_path / "folder"
    (folder / "page.html").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"cannot write .*page.html: Is a directory"):
        write_inspect_page(papers_graph, folder / "page.html")
    assert [path.name for path in folder.iterdir()] == ["page.html"]
