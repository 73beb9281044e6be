"""What is known against the default settings of some dysts flows, from long runs with two methods."""

from __future__ import annotations

_PERIODIC = "periodic or quasi-periodic with the default parameters: not chaotic"
_UNDECIDED = "largest exponent not distinguishable from 0 with the default settings"

KNOWN_PROBLEMS: dict[str, str] = {
    "PanXuZhou": "settles on a fixed point after about 100 periods with the default parameters: not chaotic",
    "Torus": "quasi-periodic by design: not chaotic",
    "ForcedVanDerPol": _PERIODIC,
    "ForcedFitzHughNagumo": _PERIODIC,
    "KawczynskiStrizhak": _PERIODIC,
    "CaTwoPlusQuasiperiodic": "quasi-periodic by design: not chaotic",
    "Bouali2": _UNDECIDED,
    "Tsucs2": _UNDECIDED,
    "DequanLi": _UNDECIDED,
    "SprottA": "the default initial condition lies on a torus or sticks to one",
    "NoseHoover": "the default initial condition lies on a torus or sticks to one",
    "HenonHeiles": "the default initial condition lies on a regular or sticky orbit",
    "DoublePendulum": "the equations in dysts do not conserve energy: not a double pendulum",
    "SwingingAtwood": "so intermittent that exponents need very long runs",
    "StickSlipOscillator": "discontinuous right-hand side: exponents from Jacobians are not reliable",
}
