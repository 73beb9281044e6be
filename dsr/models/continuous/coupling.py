"""Teacher forcing in continuous time: pulling by alpha once per step is coupling to the data at a rate K.

A model driven as x' = f(x) + K (data - x) and one that is pulled by `alpha` after each step of f agree when
alpha = 1 - exp(-K dt), exactly where f = 0 and to first order in dt elsewhere. So every forcing scheme of
`dsr.training` serves models in continuous time as it is; annealing alpha to 0 is the homotopy of a synchronised model
to a free one (arXiv:2210.01407).
"""

from __future__ import annotations

import math

from ...errors import SpecError


def coupling(alpha: float, dt: float) -> float:
    """Rate K = -log(1 - alpha) / dt, per unit of time, that equals forcing of strength `alpha` every `dt`; infinite for
    alpha = 1. Raises `SpecError` for alpha outside 0 to 1 or a dt that is not positive."""
    if not 0 <= alpha <= 1:
        raise SpecError(f"alpha = {alpha}", "a number from 0 to 1", "give 0 <= alpha <= 1")
    return math.inf if alpha == 1 else -math.log1p(-alpha) / _positive(dt)


def alpha_of(rate: float, dt: float) -> float:
    """Forcing strength alpha = 1 - exp(-K dt) that equals coupling at the rate K every `dt`: the inverse of `coupling`.
    Raises `SpecError` for a negative rate or a dt that is not positive."""
    if not rate >= 0:
        raise SpecError(f"a coupling rate of {rate}", "0 or more", "give the rate of the pull towards the data")
    return -math.expm1(-rate * _positive(dt))


def _positive(dt: float) -> float:
    if not dt > 0:
        raise SpecError(f"dt = {dt}", "a positive number", "give the time between two rows of the data")
    return dt
