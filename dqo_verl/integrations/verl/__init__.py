"""The verl integration. Only this package imports verl; `seam.py`, `batch_seam.py` and `cpu/` use verl's private names."""
