"""One cell: one system, one family - settings tuned on a trajectory of its own, then forecasts of many windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from dsr import __version__
from dsr.errors import DsrError
from dsr.measure import plain
from dsr.models import MODELS, Range
from dsr.series import TimeSeries
from dsr.training import fit
from dsr.training.searching.search_space import make_sampler

from ...analysis import forecast_metrics
from ...systems import get_system

POINTS_PER_PERIOD, FITTED, FORECAST = 100, 1000, 200
TRANSIENT_PERIODS = 50
WORST = 200.0  # sMAPE of a forecast that diverges, the largest there is
DRAWS = 12  # settings tried on the tuning trajectory, the family's own included
# ranges for 1000 rows: the units of a reservoir stay below the rows it is fitted to
SPACES: Mapping[str, Mapping[str, Range]] = {
    "esn": {
        "spectral_radius": Range(0.05, 1.5),
        "leak": Range(0.05, 1.0),
        "input_scale": Range(0.03, 3.0, log=True),
        "ridge": Range(1e-12, 1e-4, log=True),
    },
    "ngrc": {"degree": Range(choices=(2, 3)), "lags": Range(choices=(1, 2, 3)), "stride": Range(choices=(1, 3, 10))},
}
BASES: Mapping[str, Mapping[str, Any]] = {"esn": {"units": 300, "spin_up": 50}, "ngrc": {"degree": 2}}
BUDGETS: Mapping[str, Mapping[str, Any]] = {"shplrnn": {"steps": 20_000}}  # of training, with the family's own settings
MOST_TERMS = 2000  # of a polynomial library, for systems of many columns


def trajectories(system: str, windows: int, seed: int) -> tuple[TimeSeries, list[TimeSeries]]:
    """One series to tune on and `windows` to test on, 1200 rows each from independent initial conditions."""
    found = get_system(system)
    dt, drop = found.period / POINTS_PER_PERIOD, TRANSIENT_PERIODS * found.period
    rows = FITTED + FORECAST
    several = found.simulate_many(rows, dt, count=windows + 1, transient=drop, seed=seed)
    return several[0], list(several[1:])


def made_by(family: str) -> dict[str, Any]:
    """All that a cell of this family depends on besides its system, its windows and its seed, as plain values."""
    return plain({
        "version": __version__,
        "points per period": POINTS_PER_PERIOD,
        "rows": [FITTED, FORECAST],
        "transient periods": TRANSIENT_PERIODS,
        "most terms": MOST_TERMS,
        "base": BASES.get(family, {}),
        "training": BUDGETS.get(family, {}),
        "draws": DRAWS,
        "ranges": {name: asdict(values) for name, values in _space(family).items()},
    })  # fmt: skip


def cell(family: str, tuning: TimeSeries, windows: list[TimeSeries], seed: int) -> dict[str, Any]:
    """sMAPE on the scale from 0 to 200 and the other metrics of every window. A forecast that diverges, and one that
    there is none of (`forecast`), is counted as diverged; its sMAPE is 200 and it has no other metric."""
    settings, tried = tuned(family, tuning, seed)
    smape, metrics, diverged = [], [], 0
    for series in windows:
        ahead = forecast(family, settings, series, seed)
        if ahead is None or not np.isfinite(ahead).all():
            diverged += 1
            smape.append(WORST)
            continue
        found = forecast_metrics(series.values[None, FITTED:], ahead[None], seed=seed)
        values = {name: m.value for name, m in found.items()}
        smape.append(2 * values["smape"])
        metrics.append(values)
    scores = {"smape": smape, "diverged": diverged, "metrics": metrics}
    return {"made by": made_by(family), "settings": settings, "tried": tried, **scores}


def tuned(family: str, tuning: TimeSeries, seed: int) -> tuple[dict[str, Any], int]:
    """The settings whose forecast of rows 1000 to 1200 of the tuning series has the least sMAPE, and how many were
    tried: the family's own, and random draws from its ranges."""
    base = dict(BASES.get(family, {}))
    draws = [base]
    if space := _space(family):
        sampler = make_sampler("random", space, seed)
        draws += [{**base, **sampler.ask()} for _ in range(DRAWS - 1)]
    scores = [_smape(tuning, forecast(family, settings, tuning, seed)) for settings in draws]
    return draws[int(np.argmin(scores))], len(draws)


def _space(family: str) -> Mapping[str, Range]:
    return {} if family in BUDGETS else SPACES.get(family, MODELS[family].search_space)


def forecast(family: str, settings: Mapping[str, Any], series: TimeSeries, seed: int) -> np.ndarray | None:
    """The 200 rows that a model fitted to the first 1000 predicts, NaN from where it diverges; None where the settings
    do not suit the data."""
    model = None
    try:
        model = MODELS.build(family, dict(settings)).build(series.dim, seed)
        if getattr(model, "factors", np.empty(0)).shape[0] > MOST_TERMS:
            return None
        past = series[:FITTED]
        fit(model, past, seed=seed, **BUDGETS.get(family, {}))
        state = model.initial_state(past.values[None, -max(model.min_context, 1) :])
        return model.free_run(state, FORECAST).observations[0]
    except (DsrError, np.linalg.LinAlgError):
        return None


def _smape(series: TimeSeries, ahead: np.ndarray | None) -> float:
    if ahead is None or not np.isfinite(ahead).all():
        return WORST
    found = forecast_metrics(series.values[None, FITTED:], ahead[None], include=["smape"])
    return 2 * found["smape"].value
