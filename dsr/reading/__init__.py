"""Reading of user data: files become `TimeSeries`, or are refused with the call that helps."""

from .load import load_trajectories

__all__ = ["load_trajectories"]
