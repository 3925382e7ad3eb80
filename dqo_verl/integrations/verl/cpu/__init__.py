"""verl's engine without a GPU: a platform, patches for what has no public switch, vLLM's worker. Knows nothing of diversity."""
