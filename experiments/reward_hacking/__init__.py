"""Noise after the answer: whether a policy learns to add it, and whether answer_only prevents it."""
