"""Gathered rows against numpy."""

import gc
from itertools import pairwise

import numpy as np
import pytest

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.samplers import BufferPool, EdgeRows, NodeRows
from distgnn.samplers._kernels import DenseRows, SparseRows
from distgnn.testing.graphs import CITES, WRITES

STORED = ["float32", "float64", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"]
OFFSETS = np.array([0, 3, 3, 10])


def in_parts(rows):
    return [np.ascontiguousarray(rows[a:b]) for a, b in pairwise(OFFSETS)]


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("dtype", STORED)
def test_dense_rows_become_float32(dtype, num_threads):
    rng = np.random.default_rng(0)
    stored = (rng.standard_normal((10, 7)) * 100).astype(dtype)
    ids = rng.integers(10, size=5000)
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(stored), stored_as=dtype)
    found = kernel.gather(ids, num_threads)
    assert found.dtype == np.float32
    assert np.array_equal(found, stored[ids].astype(np.float32))


def test_every_float16_is_converted():
    bits = np.arange(1 << 16, dtype=np.uint16)
    stored = bits.view(np.float16).reshape(-1, 64)
    offsets = np.array([0, len(stored)])
    kernel = DenseRows(BufferPool(), offsets, [stored], stored_as="float16")
    found = kernel.gather(np.arange(len(stored)))
    with np.errstate(invalid="ignore"):  # signalling NaN
        np.testing.assert_array_equal(found, stored.astype(np.float32))
    assert np.array_equal(np.signbit(found), np.signbit(stored))


def test_bfloat16_is_the_upper_half_of_a_float32():
    values = np.array([[1.0, -2.5, 0.0, np.inf], [3.0, 1e30, -1e-30, 0.5]], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    kernel = DenseRows(BufferPool(), np.array([0, 2]), [bits], stored_as="bfloat16")
    expected = (bits.astype(np.uint32) << 16).view(np.float32)
    assert np.array_equal(kernel.gather(np.array([1, 0])), expected[::-1])


@pytest.mark.parametrize("row", [1, 3, 4, 128, 300])
def test_long_gathers_of_rows_of_any_size(row):
    """Long ones of rows of whole cache lines are written past the caches; all must be exact."""
    stored = np.random.default_rng(0).standard_normal((10, row)).astype(np.float32)
    ids = np.random.default_rng(1).integers(10, size=(4 << 20) // row // 4 * 2)
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(stored), stored_as="float32")
    for num_threads in (1, 2):
        assert np.array_equal(kernel.gather(ids, num_threads), stored[ids])


@pytest.mark.parametrize("row", [48, 50])
@pytest.mark.parametrize("dtype", ["float16", "int32"])
def test_long_gathers_of_converted_rows(dtype, row):
    stored = (100 * np.random.default_rng(0).standard_normal((10, row))).astype(dtype)
    ids = np.random.default_rng(1).integers(10, size=30_000)
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(stored), stored_as=dtype)
    for num_threads in (1, 2):
        assert np.array_equal(kernel.gather(ids, num_threads), stored[ids].astype(np.float32))


@pytest.mark.parametrize(
    "stored",
    [np.arange(10), np.arange(20, dtype=np.int8).reshape(10, 2), np.linspace(0, 1, 10)],
    ids=["int64", "int8 pairs", "float64"],
)
def test_rows_may_keep_their_type(stored):
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(stored), stored_as="bytes")
    found = kernel.gather(np.array([9, 0, 3, 2, 2]))
    assert found.dtype == stored.dtype
    assert np.array_equal(found, stored[[9, 0, 3, 2, 2]])


def test_no_ids_give_no_rows():
    kernel = DenseRows(BufferPool(), np.array([0, 2]), [np.ones((2, 3))], stored_as="float64")
    assert kernel.gather(np.array([], np.int64)).shape == (0, 3)


def test_columns_of_a_hand_made_graph(papers_graph):
    pool = BufferPool()
    ids = np.array([5, 0, 2])  # raw rows 4, 0, 5
    x = NodeRows(papers_graph, "paper", "x", pool).gather(ids)
    assert x.tolist() == [[40, 41], [0, 1], [50, 51]]
    assert NodeRows(papers_graph, "paper", "y", pool).gather(ids).tolist() == [-1, 0, 1]
    assert NodeRows(papers_graph, "paper", "split", pool).gather(ids).tolist() == [-1, 0, 0]
    assert NodeRows(papers_graph, "paper", "index", pool).gather(ids).tolist() == [4, 0, 5]
    # Edges in shard order have the raw rows 2, 8, then 0, 7, 1, 3, 5, 4, 6.
    positions = np.array([8, 0, 1, 2])
    assert EdgeRows(papers_graph, CITES, "eid", pool).gather(positions).tolist() == [6, 2, 8, 0]
    weight = EdgeRows(papers_graph, CITES, "weight", pool).gather(positions)
    assert weight.tolist() == [3.5, 1.5, 4.5, 0.5]


def test_sparse_and_edge_features_of_a_hand_made_graph(scholars_graph):
    pool = BufferPool()
    x = NodeRows(scholars_graph, "paper", "x", pool).gather(np.array([3, 1, 0]))  # rows 2, 3, 0
    assert x.tolist() == [[0, 0, 0, 0, 3], [0, 4, 5, 0, 0], [1, 0, 0, 2, 0]]
    attr = EdgeRows(scholars_graph, WRITES, "edge_attr", pool).gather(np.array([0, 5]))
    assert attr.tolist() == [[0], [5]]
    time = EdgeRows(scholars_graph, CITES, "time", pool).gather(np.array([2, 0]))
    assert time.tolist() == [4, 2]


@pytest.mark.parametrize("dtype", [name for name in STORED if name != "bool"])
def test_sparse_rows_of_any_type(dtype):
    indptr, indices = np.array([0, 2, 2, 3]), np.array([0, 3, 1], np.int32)
    values = np.array([1, 2, 3], dtype)
    parts = [(indptr, indices, values)]
    kernel = SparseRows(BufferPool(), np.array([0, 3]), parts, dim=4, stored_as=dtype)
    assert kernel.gather(np.array([2, 0, 1])).tolist() == [[0, 3, 0, 0], [1, 0, 0, 2], [0] * 4]


@pytest.mark.parametrize(
    ("indptr", "indices"), [([0, 2], [0, 4]), ([0, 2], [0, -1]), ([0, 3], [0, 1]), ([2, 0], [0, 1])]
)
def test_damaged_sparse_rows_are_noticed(indptr, indices):
    arrays = (np.array(indptr), np.array(indices, np.int32), np.ones(2, np.float32))
    kernel = SparseRows(BufferPool(), np.array([0, 1]), [arrays], dim=4, stored_as="float32")
    with pytest.raises(ShardCorruptError, match="sparse row of global id 0"):
        kernel.gather(np.array([0]))


def test_absent_columns_are_named(papers_graph, scholars_graph):
    with pytest.raises(ArgumentError, match="'author' has no column 'x'"):
        NodeRows(scholars_graph, "author", "x", BufferPool())
    with pytest.raises(ArgumentError, match="has no column 'edge_attr'"):
        EdgeRows(papers_graph, CITES, "edge_attr", BufferPool())
    with pytest.raises(ArgumentError, match="no node type 'papr'; did you mean 'paper'"):
        NodeRows(papers_graph, "papr", "y", BufferPool())


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (np.array([0, 10]), "ids hold 10 at place 1, outside the ids 0 to 9"),
        (np.array([-1]), "ids hold -1"),
        (np.array([0], np.int32), "got int32"),
        ([0], "got list"),
    ],
)
def test_ids_are_checked(ids, message):
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(np.ones((10, 2))), stored_as="float64")
    with pytest.raises(ArgumentError, match=message):
        kernel.gather(ids)


@pytest.mark.parametrize(
    ("parts", "stored_as", "message"),
    [
        ([np.ones((2, 2))], "float64", "rows of 1 parts, but offsets have 3"),
        (in_parts(np.ones((10, 2))), "float32", "stored as float32, but are float64"),
        (in_parts(np.ones((10, 2))), "complex", "stored as complex, which is not known"),
        ([*in_parts(np.ones((10, 2)))[:2], np.ones((7, 3))], "float64", "rows of part 2 are"),
        ([*in_parts(np.ones((10, 2)))[:2], np.ones((6, 2))], "float64", "rows of part 2 are"),
        ([np.array(1.0)] * 3, "float64", "part 0 are a single number"),
    ],
)
def test_parts_are_checked(parts, stored_as, message):
    with pytest.raises(ArgumentError, match=message):
        DenseRows(BufferPool(), OFFSETS, parts, stored_as=stored_as)


def test_memory_is_used_again_only_when_nothing_refers_to_it():
    pool = BufferPool()
    kernel = DenseRows(pool, OFFSETS, in_parts(np.ones((10, 2))), stored_as="float64")
    ids = np.arange(10)
    first = kernel.gather(ids)
    address = first.__array_interface__["data"][0]
    part = first[3:5]  # a view keeps the memory
    del first
    gc.collect()
    assert pool.num_free_blocks == 0
    second = kernel.gather(ids)
    assert second.__array_interface__["data"][0] != address
    del part
    assert pool.num_free_blocks == 1
    third = kernel.gather(ids)
    assert third.__array_interface__["data"][0] == address
    del second, third
    assert pool.num_free_blocks == 2
    assert pool.num_free_bytes >= 2 * 10 * 2 * 4


def test_arrays_outlive_their_pool():
    kernel = DenseRows(BufferPool(), OFFSETS, in_parts(np.ones((10, 2))), stored_as="float64")
    rows = kernel.gather(np.arange(10))
    del kernel
    gc.collect()
    assert rows.sum() == 20


def test_a_pool_keeps_a_bounded_number_of_blocks():
    pool = BufferPool()
    kernel = DenseRows(pool, OFFSETS, in_parts(np.ones((10, 2))), stored_as="float64")
    held = [kernel.gather(np.arange(10)) for _ in range(100)]
    del held
    assert pool.num_free_blocks == 64
