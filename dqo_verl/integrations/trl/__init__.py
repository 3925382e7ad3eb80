"""Diversity for TRL's GRPOTrainer and RLOOTrainer, without Ray. Users import it from `dqo_verl.trl`."""
