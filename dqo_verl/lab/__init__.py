"""A one-process trainer: verl's loss on a tiny policy, in seconds. `dqo-verl demo` and experiments.lab train with it."""
