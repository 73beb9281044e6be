"""Reading of user data: files become `TimeSeries`, or are refused with the call that helps."""

from .load import load_trajectories, read_bytes

__all__ = ["load_trajectories", "read_bytes"]
