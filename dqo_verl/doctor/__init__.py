"""`dqo-verl doctor`: says what a run still needs, and what to type."""
