"""Write TensorFlow checkpoints, and modules as schnetpack pickled them, for the tests that read."""

import struct
from itertools import product

import numpy as np


def write_bundle(prefix, tensors):
    """Write `tensors` as TensorFlow does: data in the second of two files, a table of names."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    data, entries = b"", [(b"", _varint_field(1, 2))]
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        raw = array.tobytes()
        dims = b"".join(_bytes_field(2, _varint_field(1, size)) for size in array.shape)
        dtype = {"float32": 1, "float64": 2, "int64": 9}[array.dtype.name]
        entry = _varint_field(1, dtype) + _bytes_field(2, dims) + _varint_field(3, 1)
        entry += _varint_field(4, len(data)) if data else b""
        entry += _varint_field(5, len(raw)) + _tag(6, 5) + b"\0\0\0\0"
        entries.append((name.encode(), entry))
        data += raw
    prefix.with_name("ckpt.data-00000-of-00002").write_bytes(b"")
    prefix.with_name("ckpt.data-00001-of-00002").write_bytes(data)
    prefix.with_name("ckpt.index").write_bytes(_table(entries))


def _table(entries):
    out, handles = b"", []
    for start in range(0, len(entries), 20):
        handles.append(
            (entries[start][0], _append_handle(out, block := _block(entries[start:][:20])))
        )
        out += block + b"\0" + b"\0\0\0\0"
    meta = _append_handle(out, block := _block([]))
    out += block + b"\0" + b"\0\0\0\0"
    index = _append_handle(out, block := _block(handles))
    out += block + b"\0" + b"\0\0\0\0"
    return out + (meta + index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def _append_handle(out, block):
    return _varint(len(out)) + _varint(len(block))


def _block(entries):
    out, last = b"", b""
    for key, value in entries:
        shared = next((n for n, (a, b) in enumerate(zip(key, last, strict=False)) if a != b), None)
        shared = min(len(key), len(last)) if shared is None else shared
        out += _varint(shared) + _varint(len(key) - shared) + _varint(len(value))
        out += key[shared:] + value
        last = key
    return out + struct.pack("<II", 0, 1)


def _tag(field, wire):
    return _varint(field << 3 | wire)


def _varint_field(field, value):
    return _tag(field, 0) + _varint(value)


def _bytes_field(field, value):
    return _tag(field, 2) + _varint(len(value)) + value


def _varint(value):
    out = []
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


LINEAR = ("kernel", "bias")
LAYERS = tuple(f"dense_{n}/{part}" for n, part in product((1, 2), LINEAR))


def dimenet_shapes(plus_plus):
    """Return names and shapes in the published checkpoints of DimeNet or DimeNet++."""
    shapes = {
        "rbf_layer/frequencies": (6,),
        "emb_block/embeddings": (95, 128),
        "emb_block/dense_rbf/kernel": (6, 128),
        "emb_block/dense_rbf/bias": (128,),
        "emb_block/dense/kernel": (384, 128),
        "emb_block/dense/bias": (128,),
    }
    num_blocks = 4 if plus_plus else 6
    for n in range(num_blocks):
        shapes |= {f"int_blocks/{n}/{k}": v for k, v in _interaction(plus_plus).items()}
    for n in range(num_blocks + 1):
        shapes |= {f"output_blocks/{n}/{k}": v for k, v in _output(plus_plus).items()}
    return {f"{name}/.ATTRIBUTES/VARIABLE_VALUE": shape for name, shape in shapes.items()}


def _interaction(plus_plus):
    square = ["dense_ji", "dense_kj", "final_before_skip"]
    square += [
        f"layers_{where}/dense_{n}"
        for where in ("before_skip/0", "after_skip/0", "after_skip/1")
        for n in (1, 2)
    ]
    shapes = {f"{name}/kernel": (128, 128) for name in square}
    shapes |= {f"{name}/bias": (128,) for name in square}
    if not plus_plus:
        return shapes | {
            "bilinear": (128, 8, 128),
            "dense_rbf/kernel": (6, 128),
            "dense_sbf/kernel": (42, 8),
        }
    return shapes | {
        "dense_rbf1/kernel": (6, 8),
        "dense_rbf2/kernel": (8, 128),
        "dense_sbf1/kernel": (42, 8),
        "dense_sbf2/kernel": (8, 64),
        "down_projection/kernel": (128, 64),
        "up_projection/kernel": (64, 128),
    }


def _output(plus_plus):
    size = 256 if plus_plus else 128
    shapes = {"dense_rbf/kernel": (6, 128), "dense_final/kernel": (size, 1)}
    for n in range(3):
        shapes |= {f"dense_layers/{n}/kernel": (size, size), f"dense_layers/{n}/bias": (size,)}
    return shapes | ({"up_projection/kernel": (128, 256)} if plus_plus else {})
