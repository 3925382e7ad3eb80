"""The method: settings, measures, objectives and shaping. Needs torch and pydantic, knows no trainer and no model."""
