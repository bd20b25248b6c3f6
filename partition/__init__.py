"""Partitioners: from a `RawGraph` to Arrow shards, one contiguous range of ids a part."""

if __name__ != "distgnn.partition":
    msg = f"this package is imported as 'distgnn.partition', not as {__name__!r}"
    raise ImportError(msg)
