"""What became of a free run: the names, and one rule for each, shared by selection and judgement."""

from __future__ import annotations

import numpy as np

DIVERGED, FIXED_POINT, CYCLE = "diverged", "fixed point", "cycle"
TRANSIENT_CHAOS, CHAOTIC, NOT_CHAOTIC = "transient chaos", "chaotic", "not chaotic"
NOT_JUDGED = "not judged"

STILL = 1e-3  # standard deviations of the truth
REPEATS = 1e-4  # squared distance of two rows a period apart, against that of two random rows
COLLAPSED = -1e6  # nats in place of -inf, where the tangent vector has become zero
GROWTH = 5.0  # nats by which chaos stretches at least; neutral motion stays below at any length


def settled(run: np.ndarray, truth: np.ndarray) -> str | None:
    """Name of the end of a finite run (time, dim), from its last tenth: "fixed point", "cycle" or None.

    "fixed point": it moves by less than a thousandth of the truth's standard deviation in every column. "cycle": it
    repeats itself (`period`). A run that settles more slowly than that has no name yet.
    """
    tail = run[-max(2, len(run) // 10) :] / truth.std(0)
    if (np.ptp(tail, axis=0) < STILL).all():
        return FIXED_POINT
    return CYCLE if period(tail) is not None else None


def period(x: np.ndarray) -> int | None:
    """First lag (rows) up to half the length at which x (time, dim) repeats itself, None if it does not.

    The rows a lag apart must be nearer than 1.4 % of the standard deviation, root mean square, after they have once
    been as far apart as random rows. A cycle sampled in time matches at a multiple of its period that comes close to
    a whole number of rows. A torus can match at a near return of all its phases, so it may be called a cycle. Chaos
    does not match: the tail must only be long enough to see neighbours part.
    """
    n, centred = len(x), x - x.mean(0)
    power = (centred**2).sum(1)
    spread = 2 * power.mean()
    if n < 4 or spread == 0:
        return None
    product = np.fft.irfft((np.abs(np.fft.rfft(centred, 2 * n, axis=0)) ** 2).sum(1), 2 * n)[: n // 2]
    total = np.concatenate([[0.0], np.cumsum(power)])
    lags = np.arange(n // 2)
    distance = (total[n - lags] + total[n] - total[lags] - 2 * product) / (n - lags) / spread
    apart = distance > 0.5
    if not apart.any():
        return None
    first = int(apart.argmax())
    close = distance[first:] < REPEATS
    return first + int(close.argmax()) if close.any() else None


def fate(runs: np.ndarray, growth: np.ndarray, truth: np.ndarray) -> str:
    """One name for several finite free runs of one model, runs (starts, time, dim).

    growth : (starts, blocks) logarithmic growth of a tangent vector over equal blocks of each run. A run is chaotic
        while its tangent vector grows, by more than two standard errors of the blocks and by at least 5 nats.

    "chaotic": every run still is, in its last fifth, and none has settled. "transient chaos": one run is or was, and
    one is not any more. Otherwise "fixed point" or "cycle" if a run ends on one, else "not chaotic".
    """
    growth = np.maximum(growth, COLLAPSED)
    ends = [settled(run, truth) for run in runs]
    last = -max(2, growth.shape[1] // 5)
    chaotic = [end is None and _grows(blocks[last:]) for end, blocks in zip(ends, growth, strict=True)]
    if all(chaotic):
        return CHAOTIC
    if any(chaotic) or any(_grew(blocks) for blocks in growth):
        return TRANSIENT_CHAOS
    return next((name for name in (FIXED_POINT, CYCLE) if name in ends), NOT_CHAOTIC)


def _grows(blocks: np.ndarray) -> bool:
    error = blocks.std(ddof=1) / np.sqrt(len(blocks)) if len(blocks) > 1 else 0.0
    return bool(blocks.mean() > 2 * error and blocks.sum() > GROWTH)


def _grew(blocks: np.ndarray) -> bool:
    """Whether the stretch before the growth changed most was chaotic."""
    change = int(np.argmax(np.cumsum(blocks - blocks.mean()))) + 1
    return change > 2 and _grows(blocks[:change])
