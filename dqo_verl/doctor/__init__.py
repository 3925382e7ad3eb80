"""`dqo-verl doctor`: what is missing before a run, and what to type."""
