"""Reading of user data: files become `TimeSeries`, or are refused with the call that helps."""

from .load import load_trajectories, read_bytes
from .tables import same_unit

__all__ = ["load_trajectories", "read_bytes", "same_unit"]
