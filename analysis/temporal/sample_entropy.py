"""Sample entropy: how often stretches that agreed for m samples part at the next."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import only_column

from ..compiled import compiled
from ..jackknife import jackknife_error
from ..magnitude import of_order_one

NAME = "sample entropy"


def sample_entropy(
    x: Any,
    *,
    dimension: int = 2,
    tolerance: float = 0.2,
    delay: int = 1,
    theiler: int = 0,
    blocks: int = 10,
) -> Measure:
    """-ln(A / B): B pairs of stretches of `dimension` samples agree, A of them also in the next sample; in nats.

    Parameters
    ----------
    x : (time,) or (time, 1), one observable.
    dimension : samples of a stretch, `delay` steps apart.
    tolerance : two stretches agree when all samples differ by less than this many standard deviations (of a sample,
        n - 1) of x.
    theiler : pairs at most so many steps apart are left out; 0, the classical definition, keeps all.
    blocks : of time, left out one after another for the error; 0 for none.

    Returns
    -------
    Measure "sample entropy" -+ one standard error; settings hold all arguments, A and B. NaN with a note where no
    stretch of either length agrees with another. With the defaults it is
    `nolds.sampen(x, tolerance=0.2 * x.std(ddof=1))`; left out, the tolerance of nolds is 0.2006 standard deviations.

    When it misleads: it is the entropy of the sampling as much as of the system, so compare only equal dt, tolerance
    and dimension; on a finely sampled flow it is small and says that the signal is smooth. It is no invariant. Time
    grows with rows squared. Source: Richman & Moorman, doi:10.1152/ajpheart.2000.278.6.H2039.
    """
    column = only_column(of_order_one(x, rows=3)[0])
    if dimension < 1 or delay < 1 or theiler < 0 or blocks < 0 or not 0 < tolerance < math.inf:
        raise SpecError(
            f"dimension = {dimension}, delay = {delay}, tolerance = {tolerance}, theiler = {theiler}, {blocks} blocks",
            "dimension and delay from 1, tolerance above 0, theiler and blocks from 0",
            "use the defaults",
        )
    stretches = len(column) - dimension * delay
    if stretches < theiler + 10:
        raise DataError(
            f"{len(column)} rows for stretches of {dimension + 1} samples",
            f"at least {dimension * delay + theiler + 10} rows",
            "bring a longer series",
        )
    parts = min(blocks, stretches // 10) if blocks else 1
    values = column / column.std(ddof=1)
    counts = compiled(_agreeing)(values, dimension, tolerance, delay, theiler, max(1, parts))
    touching = counts.sum(1) + counts.sum(2) - np.diagonal(counts, axis1=1, axis2=2)
    short, long = (int(c) for c in counts.sum((1, 2)))
    settings = {
        "dimension": dimension, "tolerance": tolerance, "delay": delay, "theiler": theiler, "length": len(column),
        "blocks": parts if blocks else 0, "A": long, "B": short,
    }  # fmt: skip
    if not long:
        note = f"none of {short} agreeing pairs of stretches agrees in the next sample: raise the tolerance"
        return Measure(NAME, math.nan, unit="nats", settings=settings, note=note)
    value = math.log(short / long) + 0.0
    left_out = counts.sum((1, 2))[:, None] - touching
    error = math.nan
    if parts > 1 and left_out.min() > 0:
        error = float(jackknife_error(np.log(left_out[0] / left_out[1])))
    return Measure(NAME, value, value - error, value + error, "nats", settings)


def _agreeing(x, dimension, tolerance, delay, theiler, blocks):
    """Pairs of stretches that agree in `dimension` and in `dimension + 1` samples, per pair of blocks of time.

    Pairs at one distance in time are compared together: which samples agree is worked out once for all stretches
    that contain them. Arrays are cut before they are read, so that the compiler can use vector instructions.
    """
    counts = np.zeros((2, blocks, blocks), np.int64)
    stretches = x.size - dimension * delay
    size = -(-stretches // blocks)
    agree, all_agree = np.zeros(x.size, np.uint8), np.zeros(x.size, np.uint8)
    for lag in range(theiler + 1, stretches):
        late, count = x[lag:], stretches - lag
        for i in range(late.size):
            agree[i] = abs(x[i] - late[i]) < tolerance
        all_agree[:count] = agree[:count]
        for s in range(1, dimension):
            following = agree[s * delay :]
            for i in range(count):
                all_agree[i] &= following[i]
        following = agree[dimension * delay :]
        for b in range(blocks):
            first = b + lag // size
            for other in range(first, min(first + 2, blocks)):
                begin = max(b * size, other * size - lag)
                end = max(begin, min((b + 1) * size, (other + 1) * size - lag, count))
                now, then = all_agree[begin:end], following[begin:end]
                short, long = 0, 0
                for i in range(now.size):
                    short += now[i]
                    long += now[i] & then[i]
                counts[0, b, other] += short
                counts[1, b, other] += long
    return counts
