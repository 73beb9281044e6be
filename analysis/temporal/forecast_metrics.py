"""The 17 point-forecast metrics of the dysts benchmark, under their names there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dsr.errors import DataError, unknown
from dsr.measure import Measure
from dsr.points import real_numbers

TINY = 1e-10
FREQUENCIES = 100
NEIGHBOURS, DRAWS = 3, 1000


def forecast_metrics(
    truth: Any, forecast: Any, *, include: Sequence[str] | None = None, seed: int = 0
) -> dict[str, Measure]:
    """Compare forecasts with the truth, point by point.

    Parameters
    ----------
    truth, forecast : (starts, time, dim), or (time, dim) for one start.
    include : names of `METRICS`; all of them if None. seed : of the draws for "kl_divergence".

    Returns
    -------
    {name: Measure}: the mean over starts -+ its standard error. NaN with a note that counts them where a metric is
    not defined for some starts: diverged forecasts, correlations with a constant, numbers too large to be squared.

    Definitions are those of dysts 0.96, with T rows, D columns, e = forecast - truth: "mse", "mae", "rmse", "nrmse"
    (each column over its standard deviation), "marre" (% of the range), "r2_score" (all columns pooled), "rmsle"
    (logarithms of 1 + distance to the least value of each series), "smape" (100 <|e| / (|x| + |y|)>), "mape",
    "wape" (%), "spearman", "pearson", "kendall" (means over columns), "coefficient_of_variation" (100 sd(e) / mean
    of the truth), "mutual_information" (nats, 3 nearest neighbours, mean over columns), "kl_divergence" (Gaussians
    of unit variance at every row, 1000 draws), "hellinger_distance" (the first 100 bins of raw periodograms). Two
    things differ on purpose: "pearson" of a single column is Pearson's (there it is Spearman's), and "kl_divergence"
    keeps draws far from all forecasts (logarithms of sums, not sums that vanish).

    When it misleads: mape, smape, wape and coefficient_of_variation move with the origin of the data and blow up near
    a zero or a zero mean; kl_divergence depends on the units; after a few Lyapunov times every pointwise metric of a
    perfect model is that of an independent trajectory. Source: Gilpin, arXiv:2110.05266; mutual information:
    Kraskov et al., doi:10.1103/PhysRevE.69.066138.
    """
    true, pred = real_numbers(truth, "values of the truth"), real_numbers(forecast, "forecasts")
    if true.ndim == 2 and pred.ndim == 2:
        true, pred = true[None], pred[None]
    if true.ndim != 3 or true.shape != pred.shape or true.shape[1] < 8 or not np.isfinite(true).all():
        raise DataError(
            f"truth of shape {np.shape(truth)} and forecasts of shape {np.shape(forecast)}",
            "two arrays (starts, time, dim) of equal shape with at least 8 rows, the truth finite",
            "cut both to the same windows",
        )
    if (true.max(1) == true.min(1)).any():
        raise DataError("a column of the truth is constant", "columns that vary", "leave that column out")
    names = list(METRICS) if include is None else list(include)
    for name in names:
        if name not in METRICS:
            raise unknown("forecast metric", name, METRICS)
    rngs = np.random.default_rng(seed).spawn(len(true))
    finite = np.asarray(np.isfinite(pred).all((1, 2)))
    found = {}
    for name in names:
        with np.errstate(all="ignore"):  # what is not finite is counted below
            starts = zip(true, pred, finite, rngs, strict=True)
            values = np.array([METRICS[name](x, y, rng) if ok else math.nan for x, y, ok, rng in starts])
        found[name] = _over_starts(name, values, finite, seed)
    return found


def _over_starts(name: str, values: np.ndarray, finite: np.ndarray, seed: int) -> Measure:
    settings: dict[str, Any] = {"starts": values.size}
    if name == "kl_divergence":
        settings |= {"draws": DRAWS, "variance": 1.0, "seed": seed}
    undefined = int((~np.isfinite(values)).sum())
    if undefined:
        diverged = int((~finite).sum())
        why = (
            f"{diverged} diverged"
            if diverged == undefined
            else f"{diverged} diverged, for the others it is not defined"
        )
        note = f"no {name} for {undefined} of {values.size} forecasts: {why}"
        return Measure(name, math.nan, settings=settings, note=note)
    size = float(np.abs(values).max()) or 1.0  # divided out: squares of the largest numbers overflow
    value = float((values / size).mean()) * size
    error = float((values / size).std(ddof=1)) * size / math.sqrt(values.size) if values.size > 1 else math.nan
    return Measure(name, value, value - error, value + error, UNITS.get(name, ""), settings)


def _rmsle(x: np.ndarray, y: np.ndarray) -> float:
    rise = [np.log1p(a - a.min(0) + TINY) for a in (x, y)]
    return math.sqrt(np.square(rise[1] - rise[0]).mean())


def _by_column(name: str) -> Callable[..., float]:
    def metric(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
        from scipy import stats

        if (y.max(0) == y.min(0)).any():
            return math.nan
        correlation = getattr(stats, name)
        return float(np.mean([correlation(a, b).statistic for a, b in zip(x.T, y.T, strict=True)]))

    return metric


def _information(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """Kraskov's first estimator; columns are scaled, and ties parted by 1e-10, as in scikit-learn."""
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    found = []
    for a, b in zip(x.T, y.T, strict=True):
        pair = np.stack([a, b], axis=1)
        sd = pair.std(0)
        pair = pair / np.where(sd > 0, sd, 1.0)
        pair += TINY * np.maximum(1.0, np.abs(pair).mean(0)) * rng.standard_normal(pair.shape)
        radius = cKDTree(pair).query(pair, k=NEIGHBOURS + 1, p=np.inf)[0][:, -1]
        within = 0.0
        for column in pair.T:
            ranked = np.sort(column)
            inside = np.searchsorted(ranked, column + radius) - np.searchsorted(ranked, column - radius, side="right")
            within += digamma(np.maximum(inside, 1)).mean()  # the row itself counts as the 1 of Kraskov's n + 1
        found.append(max(0.0, digamma(len(a)) + digamma(NEIGHBOURS) - within))
    return float(np.mean(found))


def _kl_divergence(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    from scipy.spatial.distance import cdist
    from scipy.special import logsumexp

    drawn = x[rng.integers(len(x), size=DRAWS)] + rng.standard_normal((DRAWS, x.shape[1]))
    p, q = (logsumexp(-0.5 * cdist(drawn, a, "sqeuclidean"), axis=1) - math.log(len(a)) for a in (x, y))
    return float((p - q).mean())


def _hellinger(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    power = [np.abs(np.fft.fft(a, axis=0)[:FREQUENCIES]) ** 2 for a in (x, y)]
    p, q = (s / s.sum(0) for s in power)
    return float(np.sqrt(np.maximum(0.0, 1.0 - np.sqrt(p * q).sum(0))).mean())


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], float]] = {
    "mse": lambda x, y, rng: float(np.square(y - x).mean()),
    "mae": lambda x, y, rng: float(np.abs(y - x).mean()),
    "rmse": lambda x, y, rng: math.sqrt(np.square(y - x).mean()),
    "nrmse": lambda x, y, rng: math.sqrt((np.square(y - x) / (x.var(0) + TINY)).mean()),
    "marre": lambda x, y, rng: float(100 * np.abs(y - x).mean() / (x.max() - x.min() + TINY)),
    "r2_score": lambda x, y, rng: float(1 - np.square(y - x).sum() / np.square(x - x.mean()).sum()),
    "rmsle": lambda x, y, rng: _rmsle(x, y),
    "smape": lambda x, y, rng: float(100 * (np.abs(y - x) / (np.abs(x) + np.abs(y) + TINY)).mean()),
    "mape": lambda x, y, rng: float(100 * np.abs((y - x) / (x + TINY)).mean()),
    "wape": lambda x, y, rng: float(100 * np.abs(y - x).sum() / (np.abs(x).sum() + TINY)),
    "spearman": _by_column("spearmanr"),
    "pearson": _by_column("pearsonr"),
    "kendall": _by_column("kendalltau"),
    "coefficient_of_variation": lambda x, y, rng: float(100 * (y - x).std() / (x.mean() + TINY)),
    "mutual_information": _information,
    "kl_divergence": _kl_divergence,
    "hellinger_distance": _hellinger,
}
UNITS = {"mutual_information": "nats", "kl_divergence": "nats", "marre": "%", "smape": "%", "mape": "%", "wape": "%"}
UNITS |= {"coefficient_of_variation": "%"}
