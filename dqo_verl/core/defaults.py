"""Defaults that several parts of the package share. Importing them does not import torch."""

# the default embedder: small, reads 256 tokens
MINILM = "sentence-transformers/all-MiniLM-L6-v2"

# MiniLM's threshold with the best accuracy on NoveltyBench's 1,000 human-labelled training pairs; it is right on 67% of the 100
# validation pairs. With so many errors, single linkage would join nearly all classes: hence first_member without a classifier
DEFAULT_COSINE = 0.891
