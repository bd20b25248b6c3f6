"""Functions on edge_index, softmax, degree, sampling of negatives."""
