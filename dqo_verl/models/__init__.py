"""The models that turn texts into vectors, decisions or scores, in this process or on servers; no Ray, no trainer."""
