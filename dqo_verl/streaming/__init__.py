"""Features computed in Ray actors while the trainer still generates."""
