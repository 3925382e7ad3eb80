"""Responses -> numbers."""
