"""The model zoo: everything public is importable from here."""
