"""A trainer in one process: verl's loss on a tiny policy, seconds for a run. `dqo-verl demo` and experiments.lab train with it."""
