"""Integrators: compiled loops for orbits and tangent vectors, adaptive and stiff ones."""
