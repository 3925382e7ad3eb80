"""What engines without a GPU share: processes that start at once, vLLM's build for CPUs. Knows no trainer."""
