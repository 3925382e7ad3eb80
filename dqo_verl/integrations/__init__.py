"""One room for each trainer."""
