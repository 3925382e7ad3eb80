"""The only place that imports verl or vLLM. `internals.py` holds every touch of a private name."""
