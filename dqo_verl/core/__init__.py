"""The method: settings, measures, objectives and shaping. It needs torch and pydantic, and no trainer and no model."""
