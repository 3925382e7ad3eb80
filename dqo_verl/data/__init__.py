"""`dqo-verl prepare NAME`: public data sets -> parquet that verl reads."""
