"""Whether a model keeps the contract of `Model`: tried out on a copy at three states near the data, in milliseconds.
What breaks it would go unnoticed, or end a training run late."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..errors import DsrError, NoTangentError, SpecError

if TYPE_CHECKING:
    from .base import Model

STATES = 3
APART = 1e-3  # from the states themselves, which may lie on borders of linear regions
SIZES = (1e-4, 1e-6, 1e-8)  # of central differences: a larger one may cross a border, a smaller one is rounded more
TOLERANCE = 1e-3  # relative; solvers with adaptive steps share these among the rows of a batch
ENOUGH = 8  # rows of context for a state near the data
DENSE = 100  # states up to which the whole Jacobian is looked at
ACCEPTED = {
    "initial": "(batch, time, obs) -> (batch, state), from one row of context on",
    "decode": "(..., state) -> (..., obs)",
    "encode": "(batch, obs) -> (batch, forced), with forced from 1 to the number of states",
    "step": "(batch, state) -> (batch, state)",
    "jvp": "(batch, state), (batch, state, k) -> (batch, state, k)",
    "jacobian": "(batch, state) -> (batch, state, state)",
}
TANGENTS = (
    "give the class a jacobian of its own step; or, if that step has no derivative, a jvp that raises NoTangentError"
)


def require_contract(model: Model, values: np.ndarray, *, tangents: bool = False) -> None:
    """Raise `SpecError` for a model that breaks the contract at rows of `values` (time, obs), in data units.

    tangents : whether the `NoTangentError` of a model without tangent dynamics is raised as well.
    """
    trial = copy.deepcopy(model).cpu()
    rows = min(_rows(trial), len(values))
    ends = np.linspace(rows, len(values), STATES).astype(int)
    context = torch.from_numpy(np.stack([values[end - rows : end] for end in ends]))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        z = _require_maps(trial, trial.standardise(context))
        if trial.dtype != torch.float64:  # that of free runs
            z = _require_maps(trial.double(), trial.standardise(context))
        alone = torch.cat([trial.step(row) for row in z.split(1)])
        if _difference(trial.step(z), alone).max() > TOLERANCE:
            raise _broken(
                trial, "step", "depends on the other states of a batch", "compute each row from that row alone"
            )
        _require_derivative_at(trial, z, tangents)


def require_derivative(model: Model) -> Model:
    """The model, in double precision. Raises `SpecError` where its `jvp` or `jacobian` is not the derivative of `step`
    near the mean of the data."""
    with torch.no_grad():
        z = model.initial(torch.zeros((STATES, _rows(model), model.obs_dim), dtype=torch.float64))
        _require_derivative_at(model, z, needed=False)
    return model


def _rows(model: Model) -> int:
    """Rows of context; what is trained by gradients starts from one row on, and a long warm-up takes long."""
    return model.min_context if model.closed_form else min(model.min_context, ENOUGH)


def _require_maps(model: Model, y: Tensor) -> Tensor:
    """The states of contexts y (batch, time, obs), after a look at the maps that make them and are made of them."""
    before = {name: t.clone() for name, t in _tensors(model).items()}
    batch, width = len(y), model.state_dim
    if not model.closed_form:
        _judged(model, "initial", (batch, width), y[:, :1])
    z = _judged(model, "initial", (batch, width), y)
    _judged(model, "decode", (batch, model.obs_dim), z)
    _judged(model, "decode", (1, batch, model.obs_dim), z[None])
    encoded = _judged(model, "encode", None, y[:, -1]).shape
    if len(encoded) != 2 or encoded[0] != batch or not 1 <= encoded[1] <= width:
        raise _broken(model, "encode", f"returns the shape {tuple(encoded)} for {batch} rows and {width} states")
    _judged(model, "step", (batch, width), z)
    changed = [name for name, t in _tensors(model).items() if not _equal(t, before[name])]
    if changed:
        next_step = "keep in the state z what changes from step to step, and leave out layers with running statistics"
        raise _broken(model, "step", f"changes {changed[0]}, which belongs to the model", next_step)
    return z


def _require_derivative_at(model: Model, z: Tensor, needed: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    z = z + APART * torch.randn(z.shape, generator=rng, dtype=z.dtype)
    v = torch.randn((*z.shape, 2), generator=rng, dtype=z.dtype)
    try:
        found = {"jvp": _judged(model, "jvp", tuple(v.shape), z, v)}
        if model.state_dim <= DENSE:
            found["jacobian"] = _judged(model, "jacobian", (*z.shape, model.state_dim), z) @ v
    except NoTangentError:
        if needed:
            raise
        return
    sizes = torch.tensor(SIZES, dtype=z.dtype)[:, None, None, None]
    moved = torch.stack([z[:, None] + sizes * v.mT, z[:, None] - sizes * v.mT])
    there, back = model.step(moved.flatten(0, -2)).reshape(moved.shape)
    differences = (there - back) / (2 * sizes)
    rounding = 1e-6 * model.step(z).norm(dim=-1)[:, None, None]
    for name, tangent in found.items():
        wrong = float(_difference(differences, tangent.mT.expand_as(differences), rounding).amin(0).max())
        if wrong > TOLERANCE:
            what = f"({model.tangent_method}) is off the derivative of step by {wrong:.2g} of its length"
            raise _broken(model, name, what, TANGENTS)


def _judged(model: Model, name: str, shape: tuple[int, ...] | None, argument: Tensor, *further: Tensor) -> Tensor:
    """What a method returns, refused unless it has the shape (None for any) and the precision of the argument, comes
    out the same twice, and leaves the argument alone."""
    given, method = argument.clone(), getattr(model, name)
    try:
        found, again = method(argument, *further), method(given.clone(), *further)
    except DsrError:
        raise
    except Exception as problem:
        reason = (str(problem).strip().splitlines() or [""])[0]
        what = f"fails for the shape {tuple(given.shape)}: {type(problem).__name__}: {reason}"
        raise _broken(model, name, what, TANGENTS if name in ("jvp", "jacobian") else "") from problem
    if not isinstance(found, Tensor) or (shape is not None and tuple(found.shape) != shape):
        what = f"the shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise _broken(model, name, f"returns {what} for the shape {tuple(given.shape)}")
    if found.dtype != given.dtype:
        next_step = "make constants with torch.tensor(..., dtype=z.dtype), or keep them as buffers"
        raise _broken(model, name, f"returns {found.dtype} for {given.dtype}", next_step)
    if not _equal(argument, given):
        raise _broken(model, name, "writes into its argument", "make new tensors: z = z + x in place of z += x")
    if not torch.allclose(found, again, rtol=torch.finfo(found.dtype).eps ** 0.5, equal_nan=True):
        next_step = "keep in the state z what is remembered from call to call, and leave out dropout and random numbers"
        raise _broken(model, name, "gives two results for one argument", next_step)
    return found


def _broken(model: Model, name: str, what: str, next_step: str = "") -> SpecError:
    return SpecError(f"{name} of a {type(model).__name__} {what}", ACCEPTED[name], next_step or f"change {name}")


def _tensors(model: Model) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def _difference(a: Tensor, b: Tensor, rounding: Tensor | float = 0.0) -> Tensor:
    """Length of a - b (..., state) over that of the longer one; 0 where a is not finite."""
    scale = torch.maximum(a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)) + rounding
    found = ((a - b) / scale.clamp_min(torch.finfo(a.dtype).tiny)).norm(dim=-1)
    return torch.where(torch.isfinite(a).all(dim=-1), found.nan_to_num(nan=torch.inf), 0.0)
