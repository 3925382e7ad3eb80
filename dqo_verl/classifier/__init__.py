"""Train, evaluate and serve the pair classifier whose decisions DARLING's classes are made from."""
