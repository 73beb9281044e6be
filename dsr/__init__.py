"""dsr: reconstruct chaotic dynamical systems from time series, and check that the reconstruction is right."""

__version__ = "0.2.0"
