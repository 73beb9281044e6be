"""Figures of a run: each function takes results and returns a `Figure`; `render` turns it into bytes."""

from .attractor import attractor
from .lyapunov_bars import lyapunov_bars
from .power_spectra import power_spectra
from .scorecard import scorecard
from .series import series
from .style import render
from .training_history import training_history

__all__ = ["attractor", "lyapunov_bars", "power_spectra", "render", "scorecard", "series", "training_history"]
