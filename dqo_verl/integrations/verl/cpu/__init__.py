"""Runs verl without a GPU: a platform, patches where no public setting exists, vLLM's worker. Has no code about diversity."""
