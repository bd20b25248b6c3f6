"""Cluster: what runs on Ray. Nothing below this package imports Ray."""

if __name__ != "distgnn.cluster":
    msg = f"this package is imported as 'distgnn.cluster', not as {__name__!r}"
    raise ImportError(msg)
