"""Experiments in miniature, not part of the package: they depend on the library, never the other way."""
