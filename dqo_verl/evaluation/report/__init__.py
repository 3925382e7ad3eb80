"""Numbers of several runs -> one page."""
