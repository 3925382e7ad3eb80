"""GRPO in one process, in seconds: verl's loss, the package's reward shaping, exact evaluation. Results: docs/alpha_and_k.md."""
