"""Datasets: small real graphs that ship with the package, and a generator of large ones."""

from distgnn.datasets.generate import generate

__all__ = ["generate"]
