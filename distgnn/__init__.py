"""distgnn: train graph neural networks on graphs that do not fit one machine.

The stages, in the order in which data flows through them: ``tables`` (raw tables), ``partition``,
``shards`` (Arrow files, mmap), ``samplers``, ``loader``, ``train``, ``predict``.
"""

__version__ = "0.1.0"
