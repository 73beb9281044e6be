"""Many runs from one command: a sweep is a list of specs, and the run store alone knows which of them are done."""

from .plan import Planned, combinations

__all__ = ["Planned", "combinations"]
