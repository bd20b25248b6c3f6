"""Helpers that tests of this package and of user models share."""
