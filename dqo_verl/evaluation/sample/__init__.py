"""Responses from a checkpoint or an endpoint."""
