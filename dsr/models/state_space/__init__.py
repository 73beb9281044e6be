"""Linear state-space layers, stacks of them as models, and conversions between representations."""
