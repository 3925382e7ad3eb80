"""Compares the numbers of several runs on one page."""
