"""Tiny policies, judges and data, made here in a minute: what recipes and tests use where there is no GPU."""
