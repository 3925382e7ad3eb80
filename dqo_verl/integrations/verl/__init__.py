"""The verl integration. Only this package imports verl. Private names: `seam.py`, `batch_seam.py`, `critic.py` and `cpu/`."""
