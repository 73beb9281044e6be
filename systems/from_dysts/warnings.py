"""What is known against the default settings of some dysts systems, beyond what a computed exponent tells."""

from __future__ import annotations

_CYCLE = "periodic or quasi-periodic with the default parameters: not chaotic"
_TORUS = "not chaotic: the default initial condition lies on a torus or sticks to one; others lie in a chaotic sea"
_UNWRAPPED = "grows without bound (angle): take its sine and cosine"

KNOWN_PROBLEMS: dict[str, str] = {
    "PanXuZhou": "settles on a fixed point after about 100 periods with the default parameters: not chaotic",
    "Torus": "quasi-periodic by design: not chaotic",
    "ForcedVanDerPol": _CYCLE,
    "ForcedFitzHughNagumo": _CYCLE,
    "KawczynskiStrizhak": _CYCLE,
    "CaTwoPlusQuasiperiodic": "quasi-periodic by design: not chaotic",
    "SprottA": _TORUS,
    "NoseHoover": _TORUS,
    "HenonHeiles": _TORUS,
    "DoublePendulum": "the equations in dysts do not conserve energy: not a double pendulum",
    "SwingingAtwood": "so intermittent that exponents need very long runs",
    "StickSlipOscillator": "the right-hand side jumps: exponents from Jacobians are not reliable",
    "FluidTrampoline": "the right-hand side jumps: exponents from Jacobians are not reliable",
    "SprottMore": "the right-hand side jumps: exponents from Jacobians are not reliable",
    # maps
    "GumowskiMira": "settles on a cycle of period 2 with the default parameters: not chaotic",
    "Gingerbreadman": "not chaotic: the default initial condition lies near a cycle of period 6; others are chaotic",
    "Bogdanov": "conserves areas with the default parameters, and the default initial condition lies on a torus",
    "BlinkingVortexMap": "the vortices do not take turns in dysts: quasi-periodic, not chaotic",
    "Baker": "jumps at x = 1/2",
    "KaplanYorke": "jumps at x = 1/2",
    "Hopalong": "jumps at x = 1, and its slope is infinite where b x = 1 + c",
    "Tent": "its slope jumps at x = 1/2",
    "Chirikov": f"x1 wanders, and x2 {_UNWRAPPED}; x1 repeats its dynamics after 2 pi",
    "Circle": f"x1 {_UNWRAPPED}, in units of turns",
    # delay equations
    "MackeyGlass": "tau = 16 is a limit cycle, not chaotic: chaos begins near 16.8; `mackey_glass` starts at 17",
    "SprottDelay": "x may wander by multiples of 2 pi, which the equation does not see",
}
