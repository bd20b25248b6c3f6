"""The datasets that need more than `read_npz`: one function each, from its file to its graph.

Choices that hold for all: relations of a knowledge graph are one edge type with a column
`edge_type`, not an edge type each; edges of the validation and test parts are there and told apart
by the column `split` (see `distgnn.tables.select_edges`); names of entities are the node ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.schema import SPLITS
from distgnn.tables import CSRFeatures, EdgeArrays, EdgeOptions, NodeArrays, from_arrays
from distgnn.tables.npz import Archive, npz_nodes

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.schema import EdgeType, NodeType
    from distgnn.tables import RawGraph

NELL_CLASSES = 210
"""Classes of NELL; only 105 of them occur in its training and test labels."""

UNDIRECTED = EdgeOptions(undirected=True)


def nell(path: Path) -> RawGraph:
    """Entities and relations of NELL: 5,414 sparse features, then one for each relation node."""
    with Archive(path) as archive:
        base, extra = archive.csr("x"), archive["identity_nodes"]
        nodes = npz_nodes(archive)
        x = _with_identity(base, extra)
        features = NodeArrays(x=x, y=nodes.y, split=nodes.split, num_classes=NELL_CLASSES)
        edges = EdgeArrays(index=archive["edge_index_half"], options=UNDIRECTED)
        return from_arrays(features, edges, name="nell_0.001")


def facebook100(path: Path) -> RawGraph:
    """Students of Cornell: six categories, one-hot (4,735 sparse features), and the gender."""
    with Archive(path) as archive:
        nodes = npz_nodes(archive)
        x = one_hot(archive["x_cat"], archive["x_cat_card"])
        return from_arrays(
            NodeArrays(x=x, y=nodes.y, split=nodes.split),
            EdgeArrays(index=archive["edge_index_half"], options=UNDIRECTED),
            name="facebook100_cornell5",
        )


def wordnet31(path: Path) -> RawGraph:
    """Synsets; the kind of pointer (26 of them) is the edge column `edge_type`."""
    with Archive(path) as archive:
        columns = {"edge_type": archive["edge_type"].astype(np.int64)}
        edges = EdgeArrays(index=archive["edge_index"], columns=columns)
        return from_arrays(npz_nodes(archive), edges, name="wordnet31")


def gowalla(path: Path) -> RawGraph:
    """Check-ins as user -> item edges and back; the column `split` marks the test ones."""
    with Archive(path) as archive:
        parts = {"train": archive["train_edge"], "test": archive["test_edge"]}
        index, split = _joined(parts)
        nodes = {
            "user": NodeArrays(num_nodes=int(archive["num_users"])),
            "item": NodeArrays(num_nodes=int(archive["num_items"])),
        }
    pairs = {("user", "visits", "item"): ("item", "visited_by", "user")}
    return _both_ways(nodes, {("user", "visits", "item"): index}, pairs, "gowalla", split=split)


def acm(path: Path) -> RawGraph:
    """Papers, authors and subjects; splits with 40 and 60 papers a class are further columns."""
    with Archive(path) as archive:
        papers, authors, subjects = archive["num_nodes"].tolist()
        nodes = {
            "paper": _papers(archive, papers, archive.csr("paper_x")),
            "author": NodeArrays(num_nodes=authors),
            "subject": NodeArrays(num_nodes=subjects),
        }
        written, about = ("paper", "written_by", "author"), ("paper", "about", "subject")
        index = {written: archive["paper_author"], about: archive["paper_subject"]}
        back: dict[EdgeType, EdgeType] = {
            written: ("author", "writes", "paper"),
            about: ("subject", "of", "paper"),
        }
        return _both_ways(nodes, index, back, "acm_hetero")


def aminer(path: Path) -> RawGraph:
    """Papers, authors and references; no features."""
    with Archive(path) as archive:
        papers, authors, references = archive["num_nodes"].tolist()
        nodes = {
            "paper": _papers(archive, papers, None),
            "author": NodeArrays(num_nodes=authors),
            "reference": NodeArrays(num_nodes=references),
        }
        written, cites = ("paper", "written_by", "author"), ("paper", "cites", "reference")
        index = {written: archive["paper_author"], cites: archive["paper_reference"]}
        back: dict[EdgeType, EdgeType] = {
            written: ("author", "writes", "paper"),
            cites: ("reference", "cited_by", "paper"),
        }
        return _both_ways(nodes, index, back, "aminer_hetero")


def jodie(path: Path) -> RawGraph:
    """Edits of Wikipedia, user -> page, with a time in seconds; users are nodes 0 to 8,226.

    The edge label says whether the user was banned after the edit.
    """
    with Archive(path) as archive:
        index = np.stack([archive["src"], archive["dst"]])
        edges = EdgeArrays(index=index, time=archive["t"], y=archive["label"])
        nodes = NodeArrays(num_nodes=int(index.max()) + 1)
        return from_arrays(nodes, edges, name="jodie_wikipedia_events")


def bitcoin_alpha(path: Path) -> RawGraph:
    """Ratings of trust from -10 to 10 as the edge feature, with a time; `test_mask` as a column."""
    with Archive(path) as archive:
        index = np.stack([archive["src"], archive["dst"]])
        edges = EdgeArrays(
            index=index,
            attr=archive["rating"],
            time=archive["time"],
            columns={"test_mask": archive["test_mask"]},
        )
        nodes = NodeArrays(num_nodes=int(index.max()) + 1)
        return from_arrays(nodes, edges, name="bitcoin_alpha")


def fb15k_237(path: Path) -> RawGraph:
    """Facts of Freebase, head -> tail, with columns `edge_type` (237 relations) and `split`."""
    with Archive(path) as archive:
        facts, split = _joined(_knowledge(archive))
        columns = {"edge_type": facts[1].astype(np.int64), "split": split}
        edges = EdgeArrays(index=facts[[0, 2]], columns=columns)
        return from_arrays(NodeArrays(ids=archive["entity"]), edges, name="fb15k_237")


def icews14(path: Path) -> RawGraph:
    """Events, subject -> object, with a time in hours, columns `edge_type` and `split`."""
    with Archive(path) as archive:
        events, split = _joined(_knowledge(archive))
        columns = {"edge_type": events[1].astype(np.int64), "split": split}
        edges = EdgeArrays(index=events[[0, 2]], time=events[3], columns=columns)
        return from_arrays(NodeArrays(ids=archive["entity"]), edges, name="icews14_tkg")


def one_hot(codes: npt.NDArray[Any], sizes: npt.NDArray[Any]) -> CSRFeatures:
    """Return categories as sparse features of value 1.

    Args:
        codes: Integers [N, K], column k from 0 to ``sizes[k] - 1``.
        sizes: Number of categories of each column, integers [K].
    """
    offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    indices = codes + offsets[:-1]
    return CSRFeatures(
        indptr=np.arange(len(codes) + 1, dtype=np.int64) * codes.shape[1],
        indices=indices.reshape(-1),
        values=np.ones(1, np.float32),
        dim=int(offsets[-1]),
    )


def _with_identity(csr: CSRFeatures, rows: npt.NDArray[Any]) -> CSRFeatures:
    """Return `csr` with one more feature for each of `rows` (all different): 1 in that row."""
    extra = np.zeros(csr.num_rows, np.int64)
    extra[rows] = np.arange(csr.dim, csr.dim + len(rows))
    has_extra = extra > 0
    ends = csr.indptr[1:].astype(np.int64)[has_extra]
    indptr = csr.indptr.astype(np.int64)
    indptr[1:] += np.cumsum(has_extra)
    return CSRFeatures(
        indptr=indptr,
        indices=np.insert(csr.indices.astype(np.int64), ends, extra[has_extra]),
        values=np.insert(csr.values, ends, 1),
        dim=csr.dim + len(rows),
    )


def _knowledge(archive: Archive) -> dict[str, npt.NDArray[Any]]:
    return {"train": archive["train"], "val": archive["valid"], "test": archive["test"]}


def _joined(parts: dict[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int8]]:
    """Return arrays [k, E] side by side, and the code of the split that each column is from."""
    sizes = [part.shape[1] for part in parts.values()]
    codes = np.array([SPLITS[name] for name in parts], np.int8)
    return np.concatenate(list(parts.values()), axis=1), np.repeat(codes, sizes)


def _papers(archive: Archive, num_papers: int, x: CSRFeatures | None) -> NodeArrays:
    """Return the labelled papers with the split of 20 training papers a class."""

    def split(size: int) -> npt.NDArray[np.int8]:
        codes = np.full(num_papers, -1, np.int8)
        for name, code in SPLITS.items():
            codes[archive[f"{name}_{size}"]] = code
        return codes

    columns = {"split_40": split(40), "split_60": split(60)}
    return NodeArrays(x=x, y=archive["paper_y"], split=split(20), columns=columns)


def _both_ways(
    nodes: dict[NodeType, NodeArrays],
    index: dict[EdgeType, npt.NDArray[Any]],
    back: dict[EdgeType, EdgeType],
    name: str,
    *,
    split: npt.NDArray[np.int8] | None = None,
) -> RawGraph:
    """Return a heterogeneous graph in which each edge type has its reverse type."""
    columns = {} if split is None else {"split": split}
    edges: dict[EdgeType, EdgeArrays] = {}
    for edge_type, ends in index.items():
        edges[edge_type] = EdgeArrays(index=ends, columns=columns)
        edges[back[edge_type]] = EdgeArrays(index=ends[::-1], columns=columns)
    return from_arrays(nodes, edges, name=name)
