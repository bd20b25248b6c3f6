"""The command line; `main` runs one command."""

from distgnn.cli.commands import main

__all__ = ["main"]
