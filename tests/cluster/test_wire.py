"""Rows in the types in which they travel, and back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distgnn.cluster.wire import encode, place, travels_as_stored
from distgnn.schema import FeatureSpec

MATRICES = arrays(
    np.float32, st.tuples(st.integers(0, 5), st.integers(1, 4)), elements=st.floats(width=32)
)
FINITE = arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 4)),
    elements=st.floats(-1e4, 1e4, width=32),
)


def decoded(rows, wire_dtype):
    target = np.full(rows.shape, -1, np.float32)
    place(target, np.arange(len(rows)), encode(rows, wire_dtype))
    return target


@given(rows=MATRICES)
def test_float32_is_exact(rows):
    np.testing.assert_array_equal(decoded(rows, "float32"), rows)


@given(rows=MATRICES)
def test_half_precision_is_rounded_as_torch_does(rows):
    for name, dtype in (("bfloat16", torch.bfloat16), ("float16", torch.float16)):
        wanted = torch.from_numpy(rows).to(dtype).float().numpy()
        np.testing.assert_array_equal(decoded(rows, name), wanted)


@given(rows=FINITE)
def test_int8_errs_by_half_a_step(rows):
    step = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert (np.abs(decoded(rows, "int8") - rows) <= 0.501 * step + 1e-30).all()


@pytest.mark.parametrize(
    ("stored", "wire", "as_stored"),
    [
        ("float32", "float32", True),
        ("float32", "float16", False),
        ("float16", "float32", True),
        ("bfloat16", "float16", True),
        ("float16", "int8", False),
        ("uint8", "int8", True),
        ("float64", "float32", False),
    ],
)
def test_the_smaller_type_travels(stored, wire, as_stored):
    assert travels_as_stored(FeatureSpec(dim=4, dtype=stored), wire) is as_stored
    assert not travels_as_stored(FeatureSpec(dim=4, dtype=stored, sparse=True), wire)
