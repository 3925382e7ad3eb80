"""Samples responses from a checkpoint or an endpoint."""
