"""Models of ours: texts -> vectors, decisions, scores. In this process or behind servers; no Ray, no trainer."""
