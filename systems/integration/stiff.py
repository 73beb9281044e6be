"""Stiff equations: scipy's implicit solvers with the analytic Jacobian, and the test that tells who needs them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Field = Callable[[np.ndarray], np.ndarray]

SOLVERS = {"lsoda": "LSODA", "radau": "Radau"}
# |h lambda| up to which a classical Runge-Kutta step damps what decays, to the smaller side
STABLE = 2.5
STEPS_PER_PERIOD = 20_000  # of an explicit method: fewer are cheap in a compiled loop, however stiff the equations
TIMES_AS_MANY = 10.0  # steps for stability over evaluations for accuracy
# BDF of order 5 damps eigenvalues within 51.8 degrees of the negative axis
OSCILLATING = 1.27


@dataclass(frozen=True)
class Stiffness:
    """limit : largest stable step of classical Runge-Kutta along the trial; solver : "lsoda" or "radau" where the
    equations are stiff, "" where they are not."""

    limit: float
    solver: str


def stiffness(jacobian: Field, points: np.ndarray, period: float, evaluations: float) -> Stiffness:
    """Whether explicit steps are kept small by stability and not by accuracy.

    Stiff are equations for which classical Runge-Kutta would need, for |h lambda| <= 2.5 at every eigenvalue lambda of
    the Jacobian with a negative real part at the states `points` (n, dim), more than 20,000 steps per period, and more
    than 10 times the `evaluations` per period that LSODA made for a relative accuracy of 1e-6 there. LSODA is then
    taken, or Radau where the eigenvalue that decides oscillates faster than BDF formulas damp (|Im| > 1.27 |Re|).

    Misleads where the trial saw no typical cycle, and at jumps of the right-hand side, which no eigenvalue shows.
    """
    tried = points[:: max(1, len(points) // 200)]
    rates = np.linalg.eigvals(jacobian(tried)).ravel()
    decaying = rates[(rates.real < 0) & np.isfinite(rates)]
    if not decaying.size:
        return Stiffness(np.inf, "")
    fastest = decaying[np.argmax(np.abs(decaying))]
    limit = STABLE / float(np.abs(fastest))
    steps = period / limit
    if steps <= STEPS_PER_PERIOD or steps <= TIMES_AS_MANY * evaluations:
        return Stiffness(limit, "")
    return Stiffness(limit, "radau" if abs(fastest.imag) > OSCILLATING * abs(fastest.real) else "lsoda")


def stiff_orbit(
    rhs: Field,
    jacobian: Field,
    start: np.ndarray,
    orbit: np.ndarray,
    dt: float,
    solver: str,
    rtol: float,
    atol: np.ndarray,
) -> float | None:
    """Fills orbit (rows, dim) with the states every dt, the first being `start` (dim,).

    Returns the time of the last row that was reached where the solver gave up, and sets the others NaN; else None.
    """
    found = _solved(rhs, jacobian, start, np.arange(len(orbit)) * dt, solver, rtol, atol)
    finite = np.isfinite(found).all(axis=1)
    reached = len(found) if finite.all() else int(np.argmin(finite))
    orbit[:reached], orbit[reached:] = found[:reached], np.nan
    orbit[0] = start
    return None if reached == len(orbit) else max(reached - 1, 0) * dt


def stiff_tangent(
    rhs: Field,
    jacobian: Field,
    x: np.ndarray,
    Q: np.ndarray,
    duration: float,
    solver: str,
    rtol: float,
    atol: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """State (dim,) and tangent vectors (dim, k) after `duration`: the variational equation by the same solver.

    The iteration of the implicit steps is given the Jacobian of the tangent part without its dependence on the state,
    which makes it slower at most. The tolerance of a tangent vector is that of its length.
    """
    dim, k = Q.shape

    def joint(z: np.ndarray) -> np.ndarray:
        moved = jacobian(z[:dim]) @ z[dim:].reshape(dim, k)
        return np.concatenate([rhs(z[:dim]), moved.ravel()])

    def joint_jacobian(z: np.ndarray) -> np.ndarray:
        J = jacobian(z[:dim])
        both = np.zeros((dim * (1 + k), dim * (1 + k)))
        both[:dim, :dim] = J
        both[dim:, dim:] = np.kron(J, np.eye(k))
        return both

    lengths = np.tile(np.linalg.norm(Q, axis=0), dim)
    allowed = np.concatenate([atol, np.maximum(lengths, np.finfo(float).tiny) * rtol])
    start = np.concatenate([x, Q.ravel()])
    found = _solved(joint, joint_jacobian, start, np.array([0.0, duration]), solver, rtol, allowed)
    end = found[-1] if len(found) == 2 else np.full_like(start, np.nan)
    return end[:dim], end[dim:].reshape(dim, k)


def _solved(
    rhs: Field, jacobian: Field, start: np.ndarray, times: np.ndarray, solver: str, rtol: float, atol: np.ndarray
) -> np.ndarray:
    """States (reached, dim) at the times that the solver reached."""
    from scipy.integrate import solve_ivp

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where a solver gives up, rows are missing, and the caller says so
        try:
            solution = solve_ivp(
                lambda t, x: rhs(x),
                (times[0], times[-1]),
                start,
                SOLVERS[solver],
                times,
                jac=lambda t, x: jacobian(x),
                rtol=rtol,
                atol=atol,
            )
        except (ValueError, np.linalg.LinAlgError):  # Radau on states that are not finite
            return start[None]
    return solution.y.T
