"""Tiny policies, judges and data, created in a minute: recipes and tests use them on machines without a GPU."""
