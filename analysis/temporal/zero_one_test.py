"""The 0-1 test: chaos drives a random walk, regular motion does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import only_column
from dsr.timescales import autocorrelation_time

from ..magnitude import of_order_one

FREQUENCIES = (np.pi / 5, 4 * np.pi / 5)  # of the rotation: resonances crowd near 0 and pi
FEWEST = 100


@dataclass(frozen=True, eq=False)
class ZeroOneTest:
    """K of every frequency c: draw `growth_rates` against `frequencies` with `measure`, their median.

    frequencies, growth_rates (frequencies,). translation (steps, 2): the walk (p, q) at the frequency whose K is the
    median: bounded for regular motion, a random walk for chaos.
    """

    measure: Measure
    frequencies: np.ndarray
    growth_rates: np.ndarray
    translation: np.ndarray


def zero_one_test(
    x: Any, *, stride: int | None = None, frequencies: int = 100, damping: float = 2.5, seed: int = 0
) -> ZeroOneTest:
    """K, near 1 for chaos and near 0 for regular motion, from one observable without an embedding.

    x drives the walk p(n) = sum x(j) cos(j c), q(n) = sum x(j) sin(j c). K is the correlation of its mean square
    displacement over n steps, up to a tenth of the series, with n.

    Parameters
    ----------
    x : (time,) or (time, 1).
    stride : every so many rows are used; None: the autocorrelation time, 1 for a map. A finely sampled flow looks
        regular to this test.
    frequencies : number of c drawn with `seed` from (pi / 5, 4 pi / 5).
    damping : alpha of the term alpha * variance * sin(sqrt(2) n), which hides the small oscillations of regular motion
        and is small against the growth of chaos; 0: none.

    Returns
    -------
    ZeroOneTest; the Measure "0-1 test K" is the median over c, low and high its quartiles: the spread over
    frequencies, no standard error. The oscillating part of the displacement is subtracted by its mean: the test is
    the same for x + constant and for multiples of x.

    When it misleads: noise is chaos to it; K is between 0 and 1 for short series, weak chaos and phase-coherent flows
    (Rössler: 0.5 after 3,000 time units), so look at the translation; a stride that nearly divides the period of a
    cycle makes it slow. Source: Gottwald & Melbourne, doi:10.1137/080718851; damping: Dawes & Freeland 2008, with the
    variance for the squared mean.
    """
    values = only_column(of_order_one(x)[0])
    if frequencies < 1 or damping < 0 or (stride is not None and stride < 1):
        raise SpecError(
            f"stride = {stride}, frequencies = {frequencies}, damping = {damping}",
            "stride and frequencies from 1, damping from 0",
            "use the defaults",
        )
    low, high = values.min(), values.max()
    column = (values - low) / (high - low)
    step = max(1, int(autocorrelation_time(column)[0])) if stride is None else stride
    phi = column[::step]
    if phi.size < FEWEST or phi.max() == phi.min():
        raise DataError(
            f"{len(values)} rows, of which every {step}. is used",
            f"at least {FEWEST * step} rows",
            "bring a longer series, or give a smaller stride",
        )
    phi = (phi - phi.mean()) / phi.std()
    lags = phi.size // 10
    c = np.random.default_rng(seed).uniform(*FREQUENCIES, frequencies)
    steps = np.arange(1, lags + 1)
    wobble = damping * np.sin(np.sqrt(2.0) * steps)
    rates = np.empty(frequencies)
    for i, frequency in enumerate(c):
        rates[i] = np.corrcoef(steps, _displacement(_walk(phi, frequency), lags) + wobble)[0, 1]
    first, value, third = (float(v) for v in np.quantile(rates, [0.25, 0.5, 0.75]))
    middle = _walk(phi, c[int(np.argmin(np.abs(rates - value)))])
    settings = {"stride": step, "length": phi.size, "frequencies": frequencies, "damping": damping, "seed": seed}
    measure = Measure("0-1 test K", value, first, third, settings=settings)
    return ZeroOneTest(measure, c, rates, np.stack([middle.real, middle.imag], axis=1))


def _walk(phi: np.ndarray, frequency: float) -> np.ndarray:
    """p + i q."""
    return np.cumsum(phi * np.exp(1j * frequency * np.arange(1, phi.size + 1)))


def _displacement(walk: np.ndarray, lags: int) -> np.ndarray:
    """Mean square displacement after 1 .. lags steps, over the same starting points for all of them: (lags,)."""
    starts = walk.size - lags
    size = 1 << int(walk.size + starts - 1).bit_length()
    start = np.fft.fft(walk[:starts], size)
    product = np.fft.ifft(np.fft.fft(walk, size) * start.conj())[1 : lags + 1].real
    squares = np.append(0.0, np.cumsum(np.abs(walk) ** 2))
    n = np.arange(1, lags + 1)
    return (squares[n + starts] - squares[n] + squares[starts] - 2 * product) / starts
