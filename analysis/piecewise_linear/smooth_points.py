"""Fixed and slow points of any map that can be differentiated: where a trained network rests, or nearly so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dsr.errors import DataError, SpecError
from dsr.measure import Measure
from dsr.points import as_points

from .stability import sorted_multipliers, stability_type, unstable_directions

if TYPE_CHECKING:
    from torch import Tensor

BATCH_BYTES = 1 << 26  # of Jacobian matrices held at a time
FLAT = 1e-6  # of |J'r| relative to |J| |r|, below which the speed is at a minimum


class Steppable(Protocol):
    """`step` (batch, state) -> (batch, state) in torch, double precision; `jacobian` (batch, state) -> (batch, state,
    state) is used where the object has one."""

    def step(self, z: Tensor, /) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class SmoothPoint:
    """A fixed point (`fixed`), or a slow one: a local minimum of |F(z) - z| that is not zero.

    point (M,). speed : |F(z) - z| per unit of time. jacobian (M, M) of one step; multipliers (M,) its eigenvalues, the
    largest first. hits : number of starts that ended here.
    """

    point: np.ndarray
    fixed: bool
    speed: float
    jacobian: np.ndarray
    multipliers: np.ndarray
    hits: int

    @property
    def unstable(self) -> int:
        """Number of multipliers outside the unit circle."""
        return unstable_directions(self.multipliers)

    @property
    def kind(self) -> str:
        """See `stability_type`; of a slow point, the type of the linearised motion around it."""
        return stability_type(self.multipliers)

    def rates(self, dt: float) -> np.ndarray:
        """(M,) complex, ln(multipliers) / dt: eigenvalues of the flow that the map samples, their imaginary part up to
        a multiple of 2 pi / dt; -inf for a direction that is annihilated."""
        with np.errstate(divide="ignore"):
            return np.log(self.multipliers) / dt


@dataclass(frozen=True, eq=False)
class SmoothPoints:
    """Points sorted by speed, fixed ones first. `unsettled` starts were neither at rest nor at a minimum of the speed
    after the last iteration."""

    points: tuple[SmoothPoint, ...]
    unsettled: int
    settings: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[SmoothPoint]:
        return iter(self.points)

    def __getitem__(self, i: int) -> SmoothPoint:
        return self.points[i]

    @property
    def fixed(self) -> tuple[SmoothPoint, ...]:
        return tuple(point for point in self.points if point.fixed)

    @property
    def slow(self) -> tuple[SmoothPoint, ...]:
        return tuple(point for point in self.points if not point.fixed)

    @property
    def measure(self) -> Measure:
        """Number of fixed points: a lower bound, since Newton's method finds only those that a start leads to."""
        count = float(len(self.fixed))
        note = "a lower bound: more starts may find more"
        return Measure("fixed points", count, count, math.nan, settings=self.settings, note=note)


def smooth_points(
    model: Steppable,
    starts: Any,
    *,
    dt: float = 1.0,
    kick: float = 0.1,
    iterations: int = 200,
    tolerance: float = 1e-10,
    distinct: float = 1e-3,
    seed: int = 0,
) -> SmoothPoints:
    """Fixed and slow points of a map by damped Newton steps (Levenberg-Marquardt) on |F(z) - z|^2, many starts at once.

    Parameters
    ----------
    model : any object with `step` in torch, see `Steppable`. A model of the package is taken in double precision.
    starts : (n, M) states spread over the attractor; a few hundred for a low-dimensional one.
    dt : time of one step, for the speeds.
    kick : random displacement of the starts, in standard deviations of each column (1 for a constant one): fixed
        points need not lie on the attractor.
    iterations : most steps per start. tolerance : residual, times 1 + |z|, of a fixed point.
    distinct : two points closer than this, in standard deviations, are one.

    Returns
    -------
    SmoothPoints, each with its Jacobian and multipliers.

    A slow point is no fixed point: it is the ghost of one that has vanished or has yet to appear, or a bend of the
    vector field. On a map that samples a flow every point is slow if dt is small: compare speeds with those along the
    attractor. A piecewise-linear map has kinks where Newton's method can get stuck: use `fixed_points`.

    Raises `DataError` for starts that are not finite (n, M), `SpecError` for settings out of range, a step in single
    precision, or one that is not finite from any start.

    Source: Sussillo & Barak, doi:10.1162/NECO_a_00409.
    """
    import torch

    z0 = as_points(starts, "starts", rows=1)
    if not (dt > 0 and kick >= 0 and iterations >= 1 and tolerance > 0 and distinct > 0):
        raise SpecError(
            f"dt = {dt}, kick = {kick}, iterations = {iterations}, tolerance = {tolerance}, distinct = {distinct}",
            "positive numbers (kick may be 0)",
            "change that setting",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        spread = z0.std(0)
    if not np.isfinite(spread).all():
        raise DataError("starts whose standard deviations overflow", "numbers below 1e150", "rescale the states")
    scale = np.where(spread > 0, spread, 1.0)
    z0 = z0 + kick * scale * np.random.default_rng(seed).standard_normal(z0.shape)
    double = getattr(model, "in_float64", None)
    step, jacobian = _differentiable(model if double is None else double())
    at_once = max(1, BATCH_BYTES // (8 * z0.shape[1] ** 2))
    parts = [
        _descend(step, jacobian, torch.from_numpy(z0[i : i + at_once]), iterations, tolerance)
        for i in range(0, len(z0), at_once)
    ]
    z, residual, at_rest, flat = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not np.isfinite(residual).any():
        raise SpecError("a step that is finite from no start", "a map that is defined on the starts", "check the model")
    order = np.argsort(np.where(at_rest, -1.0, residual), kind="stable")
    order = order[(at_rest | flat)[order]]
    groups: list[list[int]] = []
    for i in order:
        for group in groups:
            first = group[0]
            if at_rest[first] == at_rest[i] and np.abs((z[i] - z[first]) / scale).max() < distinct:
                group.append(i)
                break
        else:
            groups.append([i])
    found = []
    for group in groups:
        with torch.no_grad():
            matrix = jacobian(torch.from_numpy(z[group[:1]])).detach().numpy()[0]
        speed = float(residual[group[0]] / dt)
        found.append(
            SmoothPoint(z[group[0]], bool(at_rest[group[0]]), speed, matrix, sorted_multipliers(matrix), len(group))
        )
    settings = {
        "starts": len(z0), "dt": dt, "kick": kick, "iterations": iterations, "tolerance": tolerance,
        "distinct": distinct, "seed": seed,
    }  # fmt: skip
    return SmoothPoints(tuple(found), len(z0) - len(order), settings)


def _differentiable(model: Any) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
    """The step and its Jacobian on batches."""
    import torch

    if hasattr(model, "jacobian"):
        return model.step, model.jacobian
    return model.step, torch.func.vmap(torch.func.jacfwd(lambda z: model.step(z[None])[0]))


def _descend(
    step: Callable[[Tensor], Tensor],
    jacobian: Callable[[Tensor], Tensor],
    z: Tensor,
    iterations: int,
    tolerance: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """States, |F(z) - z|, whether they are at rest, and whether the speed is at a minimum, each (n, ...)."""
    import torch

    with torch.no_grad():
        moved = step(z)
        if moved.dtype != torch.float64:
            raise SpecError("a step in single precision", "double precision", "call model.double() first")
        r = moved - z
        eye = torch.eye(z.shape[1], dtype=torch.float64)
        damping = torch.full((len(z),), 1e-3, dtype=torch.float64)
        flat = torch.zeros(len(z), dtype=torch.bool)
        size = torch.linalg.vector_norm(r, dim=1)
        for _ in range(iterations):
            limit = tolerance * (1 + z.abs().amax(1))
            busy = torch.nonzero((size > 0.01 * limit) & ~flat & torch.isfinite(size) & (damping < 1e12))[:, 0]
            if not len(busy):
                break
            J = jacobian(z[busy]) - eye
            slope = (J.mT @ r[busy, :, None])[..., 0]
            steepness = torch.linalg.matrix_norm(J)
            normal = J.mT @ J + (damping[busy] * steepness**2)[:, None, None] * eye
            move = torch.linalg.solve_ex(normal, -slope)[0]
            trial = z[busy] + move
            moved = step(trial) - trial
            length = torch.linalg.vector_norm(moved, dim=1)
            better = length < size[busy]
            level = torch.linalg.vector_norm(slope, dim=1) <= FLAT * steepness * size[busy]
            flat[busy] = level & (size[busy] > limit[busy])
            taken = busy[better]
            z[taken], r[taken], size[taken] = trial[better], moved[better], length[better]
            damping[busy] = torch.where(better, (damping[busy] / 5).clamp_min(1e-15), damping[busy] * 4)
        at_rest = size <= tolerance * (1 + z.abs().amax(1))
    return z.numpy(), size.numpy(), at_rest.numpy(), (flat & ~at_rest).numpy()
