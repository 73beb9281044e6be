"""Models with process noise, whose free run is an ensemble."""

from .variational_plrnn import VariationalPLRNN

__all__ = ["VariationalPLRNN"]
