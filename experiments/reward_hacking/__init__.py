"""Noise after the answer: what a policy learns to add, and what answer_only does about it."""
