"""Lyapunov exponents of maps and flows with a tangent map, and from data alone."""
