"""Parts of recipes/gpu_check.sh, for a machine with a GPU; most also run without one, at a small size."""
