"""Figures: each function takes results and returns a `Figure`; `render` turns it into bytes."""

from .attractor import attractor
from .correlation_sums import correlation_sums
from .critical_difference import critical_difference
from .error_growth import error_growth
from .family_sweep import Line, family_sweep
from .fixed_points_and_cycles import PlacedOrbit, fixed_points_and_cycles
from .forest import forest
from .invariant_density import invariant_density
from .lyapunov_bars import lyapunov_bars
from .lyapunov_spectra import Spectrum, lyapunov_spectra
from .marginals import marginals
from .poincare_sections import poincare_sections
from .power_spectra import power_spectra
from .region_attractor import region_attractor
from .region_look import by_occupancy
from .return_maps import return_maps
from .run_summary import run_summary
from .score_matrix import score_matrix
from .score_sweep import score_sweep
from .scorecard import scorecard
from .series import series
from .space_time import space_time
from .style import render
from .training_history import training_history
from .transition_graph import transition_graph

__all__ = [
    "Line",
    "PlacedOrbit",
    "Spectrum",
    "attractor",
    "by_occupancy",
    "correlation_sums",
    "critical_difference",
    "error_growth",
    "family_sweep",
    "fixed_points_and_cycles",
    "forest",
    "invariant_density",
    "lyapunov_bars",
    "lyapunov_spectra",
    "marginals",
    "poincare_sections",
    "power_spectra",
    "region_attractor",
    "render",
    "return_maps",
    "run_summary",
    "score_matrix",
    "score_sweep",
    "scorecard",
    "series",
    "space_time",
    "training_history",
    "transition_graph",
]
