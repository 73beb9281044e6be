"""How trajectories unfold: forecasts, error growth, correlation, entropy."""
