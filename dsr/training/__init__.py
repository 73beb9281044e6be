"""Training of reconstruction models: forcing, gradients, optimisation, selection."""
