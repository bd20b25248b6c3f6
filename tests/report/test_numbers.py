"""How numbers and schemas are written."""

import pytest

from distgnn.report import numbers
from distgnn.schema import EdgeSchema, FeatureSpec, LabelSpec, NodeSchema


@pytest.mark.parametrize(
    ("num_bytes", "expected"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (3 * 2**30, "3.0 GiB"),
        (2**50, "1,024.0 TiB"),
    ],
)
def test_sizes(num_bytes, expected):
    assert numbers.size(num_bytes) == expected


def test_schemas():
    sparse = FeatureSpec(dim=8415, dtype="float16", sparse=True)
    assert numbers.features(sparse) == "8,415 x float16, sparse"
    assert numbers.features(None) == numbers.label(None) == "-"
    assert numbers.label(LabelSpec(kind="value", dim=1)) == "1 value"
    assert numbers.label(LabelSpec(kind="value", dim=2)) == "2 values"
    edge = EdgeSchema(type=("a", "b", "c"), has_weight=True, has_time=True, columns=("z",))
    assert numbers.other_columns(edge) == "weight, time, z"
    assert numbers.other_columns(NodeSchema(type="n")) == "-"
