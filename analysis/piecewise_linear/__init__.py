"""Exact analysis of piecewise-linear maps, and of smooth ones by Newton."""
