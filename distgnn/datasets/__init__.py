"""Datasets: small real graphs that ship with the package, and a generator of large ones."""

from distgnn.datasets.generate import generate
from distgnn.datasets.load import NAMES, load

__all__ = ["NAMES", "generate", "load"]
