"""Diversity for TRL's GRPOTrainer and RLOOTrainer, without Ray. `dqo_verl.trl` is the front."""
