"""Functions on edge_index, softmax, degree, sampling of negatives."""

from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.softmax import softmax

__all__ = ["degree", "scatter", "softmax"]
