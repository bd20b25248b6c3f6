"""Datasets: small real graphs that ship with the package, and a generator of large ones."""
