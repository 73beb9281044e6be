"""`System`: a flow or a map with its equations, its published invariants and reproducible simulation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dsr import __version__
from dsr.errors import EscapeError, SpecError
from dsr.registry import Registry
from dsr.series import TimeSeries
from dsr.tangent import TangentSteps

from .limits import require_room, require_steps

# The seed chooses a point of the cycle as well as a place: starts that differ only by a small ball stay
# phase-locked for thousands of cycles on phase-coherent attractors such as Rössler's.
WANDER_PERIODS = 10.0
# Golden-section multiple, so that successive points do not fall on the same phase of the cycle.
SPACING_PERIODS = 5.618
# Size of the nudge, in units of `state_scale`, that keeps a point from repeating the orbit of the one before.
NUDGE = 1e-4


@dataclass(frozen=True)
class Published:
    """A value from the literature; `uncertainty` has the same shape (NaN: none stated, 0: exact)."""

    value: float | tuple[float, ...]
    uncertainty: float | tuple[float, ...]
    source: str


@dataclass(frozen=True, eq=False, kw_only=True)
class System(ABC):
    """A chaotic system, in its own units of time.

    Attributes
    ----------
    name, description, citation : words.
    time : "flow" (continuous) or "map" (discrete).
    dim : number of coordinates; `names` holds one name for each.
    dt : default sampling step (1 for maps).
    period : time of a typical cycle (1 for maps).
    parameters : name to value.
    default_state : (dim,) a state in the basin of the attractor.
    reference : published invariants by key ("lyapunov_spectrum", "kaplan_yorke_dimension", ...), present only
        where the parameters are the published ones.
    remark : what its invariants count that one might not expect; empty for most.
    observed : how many leading coordinates of the state `simulate` returns; all if None.
    warning : what a user should know before trusting this system; empty where nothing is known against it.
    clock : whether the last coordinate is the time; where `observed` leaves it out, `origin` tells its first value.
    perturbation : standard deviation of the random initial condition around the default state, in units of
        `state_scale`.
    catalogued : whether `get_system` built it, so that its name stands for its equations.
    """

    name: str
    time: str
    dim: int
    dt: float
    period: float
    parameters: Mapping[str, Any]
    default_state: np.ndarray
    names: tuple[str, ...] = ()
    reference: Mapping[str, Published] = field(default_factory=dict)
    description: str = ""
    citation: str = ""
    warning: str = ""
    remark: str = ""
    observed: int | None = None
    clock: bool = False
    perturbation: float = 0.1
    catalogued: bool = False

    @property
    def time_unit(self) -> str:
        return "time units" if self.time == "flow" else "iterations"

    @abstractmethod
    def rhs(self, x: np.ndarray) -> np.ndarray:
        """Time derivative (..., dim) of a flow at states x (..., dim); raises `SpecError` for a map."""

    @abstractmethod
    def step(self, x: np.ndarray) -> np.ndarray:
        """Next states (..., dim) of a map; raises `SpecError` for a flow."""

    @abstractmethod
    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Derivative (..., dim, dim) of `rhs` (flow) or `step` (map): [i, j] is d component i / d x_j."""

    @abstractmethod
    def state_scale(self) -> np.ndarray:
        """Rough standard deviation (dim,) of each coordinate on the attractor."""

    @abstractmethod
    def tangent_map(self, dt: float | None = None) -> TangentSteps:
        """The function (x (B, dim), Q (B, dim, k)) -> (x', Q') that advances states and tangents by dt.

        `dt` is one sampling step (default: the system's; 1 for maps). Raises `DataError` if a state becomes
        infinite. Q is not orthonormalised here.
        """

    @abstractmethod
    def _orbit(self, start: np.ndarray, rows: int, dt: float, began: float) -> np.ndarray:
        """States (rows, dim) every dt from `start` on, the first row being `start`.

        Raises `DataError` naming the time of the first state that is not finite, counted from `began`.
        """

    @abstractmethod
    def _provenance(self) -> dict[str, Any]:
        """Integrator, its settings and library versions."""

    def with_parameters(self, **changes: Any) -> System:
        """The same system with other values of some of its parameters; raises `SpecError` for an unknown one."""
        from . import get_system

        return get_system(self.name, **{**self.parameters, **changes})

    def divergence(self, x: np.ndarray) -> np.ndarray:
        """Rate of volume growth (...): trace of the Jacobian (flow), log |det J| (map).

        Its mean over the attractor equals the sum of all Lyapunov exponents: a check on any spectrum.
        """
        J = self.jacobian(x)
        if self.time == "flow":
            return np.trace(J, axis1=-2, axis2=-1)
        return np.linalg.slogdet(J)[1]

    def simulate(
        self, n: int, dt: float | None = None, *, transient: float, seed: int, noise: float = 0.0
    ) -> TimeSeries:
        """A trajectory of n rows sampled every dt, after discarding `transient`.

        Parameters
        ----------
        n : number of rows.
        dt : sampling step (default: `self.dt`; maps accept 1 only). Kept exactly.
        transient : time discarded first, in the system's time (iterations for maps).
        seed : draws the initial condition (a random perturbation of the default one, carried along for a
            random time of at most ten periods) and, independently, the observation noise.
        noise : standard deviation of Gaussian observation noise, in units of each column's own standard
            deviation. The same seed with another noise level has the same trajectory underneath.

        Raises `SpecError` for arguments out of range and `DataError` if the trajectory leaves every bound.
        With `transient=0` the first rows may lie off the attractor.
        """
        request = self.checked_request(n, dt, transient, seed, noise)
        return self._simulate(*request, np.random.SeedSequence(seed), {"seed": int(seed)})

    def simulate_many(
        self, n: int, dt: float | None = None, *, count: int, transient: float, seed: int, noise: float = 0.0
    ) -> list[TimeSeries]:
        """`count` independent trajectories, each from a child of the seed; none equals `simulate`'s.

        Independent means: other initial conditions, decorrelated once the transient exceeds a few Lyapunov
        times. Arguments and errors as in `simulate`.
        """
        _require_count(count)
        request = self.checked_request(n, dt, transient, seed, noise, count)
        children = np.random.SeedSequence(seed).spawn(count)
        return [
            self._simulate(*request, child, {"seed": int(seed), "member": i})
            for i, child in enumerate(children)
        ]

    def attractor_points(self, count: int, *, transient: float, seed: int) -> np.ndarray:
        """States (count, dim) 5.6 periods apart on one long trajectory: starts for Lyapunov ensembles.

        Of a map, 1 to 11 iterations apart at random: equal distances would see one of the bands that an orbit visits in
        turn. Members started from a small ball instead stay phase-locked (Rössler) and agree on a wrong value. Each
        point is nudged by 1e-4 of the attractor's size: unnudged, a member would run through what the one
        before it ran through, and the spread of members would understate the error (Hénon: sevenfold).
        """
        _require_count(count)
        self.checked_request(max(2, self.observed or self.dim), None, transient, seed, 0.0)
        starting, nudging = np.random.SeedSequence(seed).spawn(2)
        start, began = self._start(np.random.default_rng(starting), transient)
        rng = np.random.default_rng(nudging)
        if self.time == "flow":
            points = self._orbit(start, count, SPACING_PERIODS * self.period, began)
        else:
            rows = np.cumsum(rng.integers(1, 2 * round(SPACING_PERIODS), count))
            points = self._orbit(start, int(rows[-1]) + 1, 1.0, began)[rows]
        nudge = rng.standard_normal(points.shape)
        return np.array([self._admitted(point) for point in points + NUDGE * self.state_scale() * nudge])

    def _simulate(
        self,
        n: int,
        dt: float,
        transient: float,
        noise: float,
        seed: np.random.SeedSequence,
        drawn: dict[str, int],
    ) -> TimeSeries:
        starting, observing = seed.spawn(2)
        start, began = self._start(np.random.default_rng(starting), transient)
        values = self._orbit(start, n, dt, began)[:, : self.observed]
        if noise:
            errors = np.random.default_rng(observing).standard_normal(values.shape)
            values = values + noise * values.std(axis=0) * errors
        origin = {
            "system": self.name,
            "parameters": {k: _plain(v) for k, v in self.parameters.items()},
            "n": n,
            "dt": dt,
            "transient": transient,
            **drawn,
            "noise": noise,
            **({"first_time": float(start[-1])} if self.clock and self.observed else {}),
            **self._provenance(),
            "dsr": __version__,
        }
        return TimeSeries(values, dt, self.time_unit, self.names, origin)

    def _start(self, rng: np.random.Generator, transient: float) -> tuple[np.ndarray, float]:
        """The state after the transient, and the time it took to get there."""
        ball = self.perturbation * self.state_scale() * rng.standard_normal(self.dim)
        wander = rng.random() * WANDER_PERIODS * self.period
        if self.time == "map":
            wander = float(int(wander))
        duration = wander + transient
        state = self._admitted(self.default_state + ball)
        return (self._orbit(state, 2, duration, 0.0)[1] if duration > 0 else state), duration

    def _admitted(self, state: np.ndarray) -> np.ndarray:
        """The state (dim,) nearest to a random one that a trajectory may start from."""
        return state

    def checked_request(
        self, n: int, dt: float | None, transient: float, seed: int, noise: float, count: int = 1
    ) -> tuple[int, float, float, float]:
        """The arguments of `count` trajectories as numbers; raises `SpecError` for those out of range, or too large for
        this machine."""
        least = max(2, self.observed or self.dim)
        if not _whole(n) or n < least:
            raise SpecError(
                f"n = {n!r}", f"a whole number of rows, {least} or more", "give for example n=10000"
            )
        if not _whole(seed) or seed < 0:
            raise SpecError(f"seed = {seed!r}", "a whole number, 0 or more", "give for example seed=0")
        if not _number(transient) or transient < 0 or (self.time == "map" and transient != int(transient)):
            wanted = "a time, 0 or more" if self.time == "flow" else "a whole number of iterations, 0 or more"
            raise SpecError(
                f"transient = {transient!r}", wanted, f"give for example transient={100 * self.period:g}"
            )
        if not _number(noise) or noise < 0:
            raise SpecError(
                f"noise = {noise!r}",
                "0 or more, in standard deviations of each column",
                "give for example noise=0.05",
            )
        dt = self._sampling_step(dt)
        require_room(
            int(count) * int(n) * self.dim,
            f"{n} rows of {self.name} with {self.dim} coordinates" + (f", {count} times" if count > 1 else ""),
            "give fewer rows (-n, data.train, data.test)",
        )
        h = self._step_size()
        require_steps(
            n * max(1.0, dt / h) + transient / h,
            f"{n} rows of {self.name} every {dt:g} {self.time_unit} after a transient of {transient:g}",
            "give fewer rows, a smaller dt or a shorter transient",
        )
        return int(n), dt, float(transient), float(noise)

    def _step_size(self) -> float:
        """Longest step of the integration; a hundredth of a period where it is chosen on the way."""
        return float(self._provenance().get("max_step") or self.period / 100)

    def _sampling_step(self, dt: float | None) -> float:
        if dt is None:
            return self.dt
        if self.time == "map" and dt != 1:
            raise SpecError(f"dt = {dt!r} for the map {self.name}", "1, one iteration", "leave dt out")
        if not _number(dt) or dt <= 0:
            raise SpecError(
                f"dt = {dt!r}", "a positive number", f"give for example dt={self.dt:g}, or leave it out"
            )
        return float(dt)

    def _escaped(self, time: float) -> EscapeError:
        return EscapeError(
            f"{self.name} became infinite {time:.6g} {self.time_unit} after its initial condition",
            "parameters for which trajectories stay bounded",
            "change the parameters (`dsr systems` shows the defaults) or the seed",
        )

    def _wrong_kind(self, asked: str, instead: str) -> SpecError:
        return SpecError(
            f"{asked} of the {self.time} {self.name}", f"{instead} for a {self.time}", f"call {instead}"
        )


class SystemConfig(Protocol):
    """A frozen dataclass whose fields are a system's parameters."""

    def build(self) -> System: ...


SYSTEMS: Registry[SystemConfig] = Registry("system", show="dsr systems")


def _require_count(count: int) -> None:
    if not _whole(count) or count < 1:
        raise SpecError(f"count = {count!r}", "a whole number, 1 or more", "give for example count=20")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    plain = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def _plain(value: Any) -> Any:
    return np.asarray(value).tolist()
