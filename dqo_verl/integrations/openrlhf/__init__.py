"""The OpenRLHF integration. Only this package imports OpenRLHF. `hooks.py` has all hooks, except those of `cpu/`."""
