"""Reference baselines: what a model has to beat."""
