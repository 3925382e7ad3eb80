"""Defaults that several rooms share; torch is not needed to read them."""

# the embedder: small, reads 256 tokens
MINILM = "sentence-transformers/all-MiniLM-L6-v2"

# of MiniLM, chosen on NoveltyBench's 1,000 human-labelled training pairs (best accuracy); right on 67% of its 100 validation
# pairs. That often wrong, it would join nearly all classes by single linkage: hence first_member without a classifier
DEFAULT_COSINE = 0.891
