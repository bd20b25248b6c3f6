"""How reports write numbers and schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distgnn.schema import EdgeSchema, FeatureSpec, LabelSpec, NodeSchema

BYTES_A_UNIT = 1024


def count(number: int) -> str:
    """Return ``1,234,567``."""
    return f"{number:,}"


def percent(share: float) -> str:
    """Return ``12.3%`` for 0.123."""
    return f"{share:.1%}"


def ratio(value: float) -> str:
    """Return ``1.234``."""
    return f"{value:.3f}"


def size(num_bytes: float) -> str:
    """Return ``12.3 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if num_bytes < BYTES_A_UNIT:
            return f"{num_bytes:,.0f} B" if unit == "B" else f"{num_bytes:,.1f} {unit}"
        num_bytes /= BYTES_A_UNIT
    return f"{num_bytes:,.1f} TiB"


def features(spec: FeatureSpec | None) -> str:
    """Return ``128 x float32``, ``8,415 x float16, sparse``, or a dash."""
    if spec is None:
        return "-"
    return f"{spec.dim:,} x {spec.dtype}{', sparse' if spec.sparse else ''}"


def label(spec: LabelSpec | None) -> str:
    """Return ``10 classes``, ``3 labels``, ``1 value``, or a dash."""
    if spec is None:
        return "-"
    noun = {"class": "classes", "multilabel": "labels", "value": "values"}[spec.kind]
    return "1 value" if spec.kind == "value" and spec.dim == 1 else f"{spec.dim:,} {noun}"


def other_columns(schema: NodeSchema | EdgeSchema) -> str:
    """Return the names of the remaining columns: weight, time and the user's, or a dash."""
    weighted = getattr(schema, "has_weight", False)
    roles = [name for name, has in (("weight", weighted), ("time", schema.has_time)) if has]
    return ", ".join([*roles, *schema.columns]) or "-"
