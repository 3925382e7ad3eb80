"""Train, judge and serve the pair classifier that DARLING's partition stands on."""
