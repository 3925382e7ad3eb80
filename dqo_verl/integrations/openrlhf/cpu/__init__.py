"""OpenRLHF's engine without a GPU: DeepSpeed on gloo, vLLM's build for CPUs, and patches for what has no public switch. Knows nothing of
diversity."""
