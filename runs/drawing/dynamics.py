"""Figures that look inside the model: its linear regions, its fixed points and cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dsr.fate import FIXED_POINT

from ... import analysis
from ...analysis.units import rate_unit
from .. import figures
from ..figures.coordinates import plane
from .reason import NotApplicable
from .truth_points import rates_of, true_fixed_points

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .material import RunMaterial

MOST_STATES = 60  # of a model in which fixed points are searched by Newton's method
STARTS = 200
MOST_REGIONS = 1e5  # solved one by one; a search takes over beyond
SAME = 1e-3  # of the spread of states: closer fixed points are one
LONGEST = 4  # period of the cycles of a map that are counted


def _regions(run: RunMaterial) -> tuple[analysis.SymbolSequence, np.ndarray, tuple[str, str]]:
    """Itinerary of a piecewise-linear model, its orbit (time, 2) in the plane of the figures, and the labels."""
    import torch

    if not piecewise_linear(run.model):
        raise NotApplicable(f"{type(run.model).__name__} is not piecewise linear")
    states, seen = run.latent
    model = run.model.in_float64()
    symbols = analysis.region_symbols(lambda z: model.bits(torch.from_numpy(z)).numpy(), states, dt=run.test.dt)  # type: ignore[operator]
    clouds, labels = plane(run.test, [run.test.values, seen])
    kept = len(clouds[1])  # delay coordinates are fewer than the rows
    return analysis.SymbolSequence(symbols.symbols[:kept], symbols.alphabet, symbols.times[:kept]), clouds[1], labels


def piecewise_linear(model: Any) -> bool:
    return hasattr(model, "bits") and hasattr(model, "affine")


def region_attractor(run: RunMaterial) -> Figure:
    symbols, orbit, labels = _regions(run)
    return figures.region_attractor(orbit, symbols, labels=labels)


def transition_graph(run: RunMaterial) -> Figure:
    symbols, orbit, _ = _regions(run)
    order, _ = figures.by_occupancy(symbols)
    if len(order) < 2:
        raise NotApplicable("the free run stays in one linear region")
    is_map = run.test.time_unit == "iterations"
    matrix = analysis.transition_matrix(symbols) if is_map else analysis.embedded_chain(symbols, blocks=None)
    return figures.transition_graph(matrix, symbols, positions=region_middles(orbit, symbols))


def region_middles(orbit: np.ndarray, symbols: analysis.SymbolSequence) -> np.ndarray:
    """(alphabet, 2), mean of the orbit (time, 2) in each region; zero where it never is."""
    middles = np.zeros((len(symbols.alphabet), 2))
    for region in symbols.visited:
        middles[region] = orbit[symbols.symbols == region].mean(0)
    return middles


def fixed_points_and_cycles(run: RunMaterial) -> Figure:
    if run.test.dim == 1:
        raise NotApplicable("one column: a fixed point lies on the diagonal of every delay plot")
    found = _found(run)
    truth, unknown = true_fixed_points(run)
    places = [p for p, *_ in truth + found]
    clouds, labels = plane(run.test, [run.test.values, *places])
    placed = [
        figures.PlacedOrbit(cloud, kind, unstable, rates)
        for cloud, (_, kind, unstable, rates) in zip(clouds[1:], truth + found, strict=True)
    ]
    return figures.fixed_points_and_cycles(
        clouds[0], placed[: len(truth)], placed[len(truth) :], labels=labels, unit=rate_unit(run.test.time_unit),
        unknown=unknown,
    )  # fmt: skip


def _found(run: RunMaterial) -> list[tuple[np.ndarray, str, int, np.ndarray]]:
    """Orbits of the model: points (period, dim) as observed, kind, unstable directions, rates per unit of time."""
    import torch

    model, dt = run.model.in_float64(), run.test.dt
    states, _ = run.latent

    def observed(points: np.ndarray) -> np.ndarray:
        return model.observe(torch.from_numpy(points)).numpy()

    if piecewise_linear(model):
        periods = range(1, LONGEST + 1) if run.test.time_unit == "iterations" else range(1, 2)
        orbits = [o for p in periods for o in analysis.cycles(model, p, states=states, most=MOST_REGIONS)]  # type: ignore[arg-type]
        return [(observed(o.points), o.kind, o.unstable, rates_of(o.multipliers, o.period * dt)) for o in orbits]
    if model.state_dim > MOST_STATES:
        raise NotApplicable(f"{model.state_dim} states, and not piecewise linear: no search for fixed points")
    if run.measures["outcome"]["name"] == FIXED_POINT:
        points = tuple(_around_rest(run, states[-1:]))
    else:
        points = analysis.smooth_points(model, states[:: len(states) // STARTS], dt=dt, kick=0.5).fixed
    return [(observed(p.point[None]), p.kind, p.unstable, rates_of(p.multipliers, dt)) for p in points]


def _around_rest(run: RunMaterial, rest: np.ndarray) -> list[analysis.SmoothPoint]:
    """Where a free run that is all but one point (1, M) rests, and what is found from states that follow the truth."""
    model, context, values = run.model.in_float64(), run.model.min_context, run.test.values
    rows = np.linspace(0, len(values) - context, STARTS).astype(int)
    starts = np.asarray(model.initial_state(values[rows[:, None] + np.arange(context)]))
    near = analysis.smooth_points(model, rest, dt=run.test.dt, kick=0.0).fixed
    wide = analysis.smooth_points(model, starts, dt=run.test.dt, kick=0.5).fixed
    size = np.maximum(starts.std(0), SAME)
    return [*near, *(p for p in wide if all((abs(p.point - q.point) > SAME * size).any() for q in near))]
