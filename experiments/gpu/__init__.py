"""What recipes/gpu_check.sh runs on a machine with a GPU; each part also works, small, without one."""
