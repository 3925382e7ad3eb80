"""Runs OpenRLHF without a GPU: DeepSpeed on gloo, vLLM's CPU build, and patches where no public setting exists.

Has no code about diversity.
"""
