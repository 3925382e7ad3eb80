"""One package for each trainer, and `cpu` for runs without a GPU."""
