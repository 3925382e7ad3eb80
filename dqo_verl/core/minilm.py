"""The default embedder of training and evaluation; apart from the settings, which import torch."""

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
