"""Partitioners: from a `RawGraph` to a directory of Arrow shards, one contiguous id range a part."""

if __name__ != "distgnn.partition":
    msg = f"this package is imported as 'distgnn.partition', not as {__name__!r}"
    raise ImportError(msg)
