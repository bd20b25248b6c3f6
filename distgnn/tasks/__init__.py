"""Tasks: how batches become a loss, metrics and predictions."""
