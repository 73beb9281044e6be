"""Recurrence quantification against the stored plot, closed forms and pyunicorn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsr.analysis.geometry.recurrence import recurrence_quantification
from dsr.errors import DataError, SpecError
from dsr.systems import get_system

# pyunicorn 1.0.0: RecurrencePlot(henon(300), metric=..., threshold=0.2)
PYUNICORN = {
    "supremum": {
        "RR": 0.1114, "DET": 0.7955994242229121, "L": 3.4513826940077994, "Lmax": 19,
        "ENTR": 1.6334748549043898, "LAM": 0.14961101137028762, "TT": 3.2894736841383887,
    },
    "euclidean": {
        "RR": 0.10044444444444445, "DET": 0.8457665903880482, "L": 3.4033149171114028, "Lmax": 19,
        "ENTR": 1.6087024583309897, "LAM": 0.1392699115042707, "TT": 3.4027027026107377,
    },
}  # fmt: skip


def henon(rows: int) -> np.ndarray:
    x = np.empty((rows, 2))
    x[0] = 0.1, 0.1
    for t in range(1, rows):
        x[t] = 1 - 1.4 * x[t - 1, 0] ** 2 + x[t - 1, 1], 0.3 * x[t - 1, 0]
    return x


def run_lengths(cells: np.ndarray) -> list[int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
    return list(edges[1::2] - edges[::2])


@pytest.mark.parametrize("theiler", [0, 1, 6])
@pytest.mark.parametrize("metric", ["supremum", "euclidean"])
def test_lines_are_those_of_the_stored_plot(metric: str, theiler: int) -> None:
    x = get_system("lorenz63").simulate(700, 0.03, transient=20, seed=1).values  # more than one chunk of a row
    difference = np.abs(x[:, None] - x[None])
    distance = difference.max(2) if metric == "supremum" else np.sqrt((difference**2).sum(2))
    i, j = np.indices(distance.shape)
    plot = (distance < 3.0) & (np.abs(i - j) >= theiler)
    diagonal = [n for k in range(max(1, theiler), 700) for n in run_lengths(np.diag(plot, -k))]
    vertical = [n for column in plot.T for n in run_lengths(column)]
    found = recurrence_quantification(x, radius=3.0, metric=metric, theiler=theiler, blocks=0)
    assert found.diagonals.tolist() == np.bincount(diagonal, minlength=701).tolist()
    assert found.verticals.tolist() == np.bincount(vertical, minlength=701).tolist()
    assert found.measures["RR"].value == pytest.approx(plot.sum() / (np.abs(i - j) >= theiler).sum())


def test_numbers_of_a_cycle_in_closed_form() -> None:
    """Of period p the diagonals p, 2p, ... are full: one line each, all cells in them, no vertical line of two."""
    period, rows = 7, 70
    x = np.tile(np.random.default_rng(0).standard_normal(period) * 10, rows // period)
    found = recurrence_quantification(x, radius=1e-6, theiler=1, blocks=0)
    lengths = rows - np.arange(period, rows, period)
    values = {key: m.value for key, m in found.measures.items()}
    assert values["DET"] == 1.0 and values["Lmax"] == rows - period
    assert values["L"] == pytest.approx(lengths.mean())
    assert values["ENTR"] == pytest.approx(math.log(lengths.size))
    assert values["RR"] == pytest.approx(2 * lengths.sum() / (rows * (rows - 1)))
    assert values["LAM"] == 0.0 and math.isnan(values["TT"]) and found.measures["TT"].note


@pytest.mark.parametrize("metric", ["supremum", "euclidean"])
def test_the_numbers_of_pyunicorn_for_a_fixed_series(metric: str) -> None:
    found = recurrence_quantification(henon(300), radius=0.2, metric=metric, theiler=0, blocks=0)
    for key, value in PYUNICORN[metric].items():
        assert found.measures[key].value == pytest.approx(value, rel=1e-9), key


@pytest.mark.parametrize("metric", ["supremum", "euclidean"])
def test_the_numbers_of_pyunicorn_where_it_is_installed(metric: str) -> None:
    timeseries = pytest.importorskip("pyunicorn.timeseries", reason="pyunicorn is not installed")
    x = get_system("rossler").simulate(900, 0.2, transient=100, seed=0).values
    theirs = timeseries.RecurrencePlot(x, metric=metric, threshold=1.5, silence_level=3)
    wanted = {
        "RR": theirs.recurrence_rate(), "DET": theirs.determinism(), "L": theirs.average_diaglength(),
        "Lmax": theirs.max_diaglength(), "ENTR": theirs.diag_entropy(), "LAM": theirs.laminarity(),
        "TT": theirs.trapping_time(),
    }  # fmt: skip
    found = recurrence_quantification(x, radius=1.5, metric=metric, theiler=0, blocks=0)
    for key, value in wanted.items():
        assert found.measures[key].value == pytest.approx(value, rel=1e-9), key


def test_the_radius_gives_the_rate_asked_for() -> None:
    x = get_system("lorenz63").simulate(3000, 0.03, transient=20, seed=1).values
    found = recurrence_quantification(x, rate=0.03)
    assert found.measures["RR"].value == pytest.approx(0.03, abs=0.003)
    again = recurrence_quantification(x, radius=found.radius)
    assert again.measure.value == found.measure.value


def test_noise_is_less_deterministic_than_chaos() -> None:
    x = get_system("henon").simulate(2000, 1.0, transient=100, seed=0).values
    chaos = recurrence_quantification(x, theiler=1, rate=0.02).measure
    noise = recurrence_quantification(np.random.default_rng(0).permutation(x), theiler=1, rate=0.02).measure
    assert noise.high < 0.3 < 0.6 < chaos.low


def test_the_error_is_the_scatter_between_trajectories() -> None:
    system = get_system("henon")
    found = [
        recurrence_quantification(system.simulate(1500, 1.0, transient=50, seed=k).values, radius=0.15, theiler=1)
        for k in range(40)
    ]
    for key in ("RR", "DET", "L", "ENTR"):
        values = np.array([f.measures[key].value for f in found])
        errors = np.array([f.measures[key].high for f in found]) - values
        assert 0.6 < np.sqrt((errors**2).mean()) / values.std(ddof=1) < 1.6, key


@pytest.mark.parametrize("settings", [{"radius": -1.0}, {"rate": 0.0}, {"metric": "manhatten"}, {"theiler": -2}])
def test_settings_are_checked(settings: dict) -> None:
    with pytest.raises(SpecError):
        recurrence_quantification(henon(100), **settings)


def test_a_radius_below_all_distances_gives_a_note() -> None:
    found = recurrence_quantification(henon(100), radius=1e-9, theiler=1)
    assert math.isnan(found.measure.value) and "no recurrent lines" in found.measure.note
    with pytest.raises(DataError):
        recurrence_quantification(henon(12), theiler=50)
