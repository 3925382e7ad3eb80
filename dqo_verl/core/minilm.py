"""The embedder that counts where nobody chose another: small, reads 256 tokens, packaged on PyPI."""

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
