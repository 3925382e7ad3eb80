"""Sample from checkpoints, measure quality and diversity with confidence intervals, compare runs on one page."""
