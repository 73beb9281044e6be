"""Models that are equations: sparse regression of dynamics, dynamic mode decomposition, Koopman operators."""
