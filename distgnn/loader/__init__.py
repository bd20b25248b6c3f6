"""Loader: from seeds to `MiniBatch`es, prefetched."""
