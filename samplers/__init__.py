"""Samplers: from a sharded graph and a batch of seeds to a `SampledSubgraph`."""

if __name__ != "distgnn.samplers":
    msg = f"this package is imported as 'distgnn.samplers', not as {__name__!r}"
    raise ImportError(msg)
