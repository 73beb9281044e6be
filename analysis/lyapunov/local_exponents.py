"""Local Lyapunov exponents: how fast nearby states part over a finite time, and where on the attractor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dsr.errors import SpecError
from dsr.measure import Measure
from dsr.tangent import tangent_method

from ..protocol import TangentMap
from ..units import rate_unit
from .stretching import members_from, positive_time, walk

LOW, HIGH = 0.05, 0.95


@dataclass(frozen=True, eq=False)
class LocalExponents:
    """Exponents over successive windows of equal length.

    exponents (windows, members, k) per unit of time; states (windows, members, d) in which the windows began: colour
    these by those to see where the attractor stretches. window : their length in units of time. diverged : members
    that left the finite numbers, which are left out.
    """

    exponents: np.ndarray
    states: np.ndarray
    window: float
    diverged: int
    settings: Mapping[str, Any]

    def measure(self, i: int) -> Measure:
        """Mean of the i-th local exponent, counted from 1; low and high hold the middle 90 % of its values, which is
        how much it varies over the attractor and no error of the mean."""
        name, unit = f"local lambda_{i}", rate_unit(self.settings["time_unit"])
        values = self._of(i)
        if not np.isfinite(values).all() or not values.size:
            note = "no member stayed finite" if not values.size else "the map annihilates this direction"
            return Measure(name, math.nan, unit=unit, settings=self.settings, note=note)
        low, high = np.quantile(values, (LOW, HIGH))
        return Measure(name, float(values.mean()), float(low), float(high), unit, self.settings)

    def contracting_share(self, i: int = 1) -> Measure:
        """Share of windows in which the i-th local exponent is negative, between 0 and 1: where the attractor can be
        predicted for longer than lambda_1 says. The error is that of members, which are independent."""
        name, values = f"share of windows with lambda_{i} < 0", self._of(i)
        if not values.size:
            return Measure(name, math.nan, settings=self.settings, note="no member stayed finite")
        shares = (values < 0).mean(0)
        error = shares.std(ddof=1) / math.sqrt(shares.size) if shares.size > 1 else math.nan
        share = float(shares.mean())
        return Measure(name, share, share - error, share + error, "", self.settings)

    def _of(self, i: int) -> np.ndarray:
        k = self.exponents.shape[2]
        if not 1 <= i <= k:
            raise SpecError(f"exponent number {i}", f"1 to {k}", "count from 1, the largest")
        return self.exponents[..., i - 1]


def local_exponents(
    tangent_map: TangentMap,
    x0: Any,
    *,
    window: int,
    windows: int,
    transient: int,
    dt: float,
    k: int | None = None,
    qr_every: int = 5,
    kick: float = 1e-3,
    seed: int = 0,
    time_unit: str = "time units",
) -> LocalExponents:
    """Finite-time exponents along orbits, by the same repeated QR as `lyapunov_spectrum`.

    Parameters
    ----------
    window : steps of one window, a multiple of `qr_every`. windows : how many, one after the other, for each member.
    tangent_map, x0, transient, dt, k, qr_every, kick, seed, time_unit : as in `lyapunov_spectrum`. The transient must
        be long enough for the tangent vectors to align, or the first windows are those of random directions.

    Returns
    -------
    LocalExponents. Their mean over windows is the Lyapunov exponent for every length of the window; their spread
    falls as 1 / sqrt(length) once the window is longer than the correlation time. The first one is the growth of a
    perturbation that has forgotten its beginning; those after it depend on the inner product (units!) of the states,
    which only averages out, so compare them in one set of coordinates.

    Raises `DataError` for states that are not finite, `SpecError` for settings out of range.

    Source: Abarbanel, Brown & Kennel, doi:10.1007/BF01209065; Eckhardt & Yao, doi:10.1016/0167-2789(93)90007-N.
    """
    if windows < 1 or qr_every < 1 or window < 1 or window % qr_every:
        raise SpecError(
            f"windows = {windows} of window = {window} steps with qr_every = {qr_every}",
            "windows >= 1, window a multiple of qr_every",
            "change that setting",
        )
    dt = positive_time(dt)
    x, q = members_from(x0, k=k, steps=window, transient=transient, qr_every=qr_every, kick=kick, seed=seed)
    members, d = x.shape
    x, q, _, stayed = walk(tangent_map, x, q, qr_every, -(-transient // qr_every))
    states, rates = np.empty((windows, members, d)), np.empty((windows, members, q.shape[2]))
    for n in range(windows):
        states[n, stayed] = x
        x, q, growth, kept = walk(tangent_map, x, q, qr_every, window // qr_every)
        stayed = stayed[kept]
        rates[n, stayed] = growth.sum(0) / (window * dt)
    settings = {
        "window": window,
        "windows": windows,
        "transient": transient,
        "members": members,
        "qr_every": qr_every,
        "dt": dt,
        "kick": kick,
        "seed": seed,
        "time_unit": time_unit,
        "method": tangent_method(tangent_map),
    }
    return LocalExponents(rates[:, stayed], states[:, stayed], window * dt, members - stayed.size, settings)
