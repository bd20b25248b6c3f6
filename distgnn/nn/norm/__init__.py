"""Normalisation of node features."""

from distgnn.nn.norm.batch_norm import BatchNorm

__all__ = ["BatchNorm"]
