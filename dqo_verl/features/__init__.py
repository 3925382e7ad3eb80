"""Features of responses (embeddings, pair decisions), computed in Ray actors so that the trainer never loads a model."""
