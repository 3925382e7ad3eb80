"""GRPO in one process, in seconds: the loss of verl, the shaping of the package, exact evaluation. Evidence comes from here."""
