"""The tables of the terminal hold the figures, as plain text."""

import io

import pytest
from rich.console import Console

from distgnn.report import inspect_text
from distgnn.report.inspect_text import print_inspect
from tests.report.conftest import HOSTILE


def printed(graph, width=120):
    console = Console(file=io.StringIO(), width=width)
    print_inspect(graph, console)
    return console.file.getvalue()


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_the_figures_are_printed(papers_graph):
    found = rows(printed(papers_graph))
    cut = ["edge", "cut", "66.7%", "of", "the", "edges", "join", "two", "parts"]
    assert [*cut, "(random", "parts:", "50.0%)"] in found
    assert ["paper", "6", "1.000", "2", "x", "float32", "3", "classes", "title"] in found
    assert ["paper__cites__paper", "9", "1.50", "4", "66.7%", "1.556", "-", "weight"] in found
    assert ["paper", "3", "1", "1", "1", "1.333,", "2.000,", "2.000"] in found
    assert ["1", "3", "7", "71.4%", "3", "1", "2.9", "KiB"] in found


def test_a_heterogeneous_graph_without_splits(scholars_graph):
    text = printed(scholars_graph)
    assert "Splits" not in text
    assert "author__writes__paper" in text
    assert "5 x float16, sparse" in text


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_cuts_nothing_off(scholars_graph, width):
    text = printed(scholars_graph, width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_markup_in_names_is_printed_as_it_is(hostile_graph):
    text = printed(hostile_graph, width=300)
    assert f"{HOSTILE}[/red]" in text
    assert f"{HOSTILE}__[bold]__{HOSTILE}" in text


def test_many_parts_are_cut_short(papers_graph, monkeypatch):
    monkeypatch.setattr(inspect_text, "MAX_PARTS", 1)
    assert "... and 1 more parts" in printed(papers_graph)


def test_it_prints_to_standard_output(papers_graph, capsys):
    print_inspect(papers_graph)
    assert "Node types" in capsys.readouterr().out
