"""Normalisation layers, one a file."""
