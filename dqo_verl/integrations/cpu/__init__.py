"""Shared by the CPU runs of verl and OpenRLHF: a fork server for fast process starts, and patches for vLLM's CPU build."""
