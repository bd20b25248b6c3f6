"""Prediction: from a checkpoint and a sharded graph to tables."""
