"""`Model`: the one contract of every reconstruction model - a dynamical system with an observation model."""

from __future__ import annotations

import abc
import copy
import inspect
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import DataError, SpecError
from ..tangent import Stretch, TangentSteps
from .contract import require_contract, require_derivative
from .orbit_tangents import orbit_stretch
from .orbits import Orbit, checked, plain_orbit
from .states import require_states, require_steps, require_tangents, require_width

UNITS = ("dt", "data_mean", "data_std", "input_mean", "input_std")  # buffers, in double precision


@dataclass(frozen=True, eq=False)
class FreeRun:
    """A closed-loop (autonomous) run of `n` steps from each of `batch` initial states.

    observations : (batch, n, obs) float64 in data units; states : (batch, n, state) float64.
    diverged_at : (batch,) first step whose state is not finite, -1 if none; rows from there on are NaN.
    """

    observations: np.ndarray
    states: np.ndarray
    diverged_at: np.ndarray


class _Remembering(abc.ABCMeta):
    """Keeps the arguments a model was made with, so that any model can be written to disk and made again."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        signature = inspect.signature(cls.__init__)  # type: ignore[misc]
        bound = signature.bind(None, *args, **kwargs)
        bound.apply_defaults()
        arguments = {name: value for name, value in list(bound.arguments.items())[1:]}
        for name, value in arguments.items():
            if signature.parameters[name].annotation in (int, "int"):
                _require_integer(name, value)
        model = super().__call__(*args, **kwargs)
        model.arguments = arguments
        return model


def _require_integer(name: str, value: Any) -> None:
    if not isinstance(value, int | np.integer):
        raise SpecError(f"{name} = {value!r}", "an integer", f"give {name} as an integer")
    if name == "obs_dim" and value < 1:
        raise SpecError(f"obs_dim = {value}", "1 or more", "give the number of columns: obs_dim=train.dim")
    if name == "seed" and not 0 <= value < 2**63:
        raise SpecError(f"seed = {value}", "an integer from 0, below 2^63", "give another seed, such as seed=1")


class Model(nn.Module, metaclass=_Remembering):
    """A dynamical system on one flat real state `z` of size `state_dim` with an observation model.

    The state lives in standardised units: `fit` stores mean and standard deviation of the training data (and its
    `dt`) in the model, and `observe`, `initial_state`, `drive` and `force` speak data units. Subclasses write
    `step`, the standardised maps `decode`, `encode` and `initial` (`ObservedModel` has them for a state that is what is
    observed), and an analytic `jacobian` where there is one; free run, tangent maps and one-step prediction are
    written here once.

    Everything in which two models of one configuration can differ is a parameter or a buffer; what gradients train
    are the parameters, all of them. A family with `closed_form` has a `solve` in place of gradients. `time` is "map",
    or "flow" for a model in continuous time, which then has a `flow`.

    The contract, which `fit`, `judge` and tangent maps try out (`require_contract`) and refuse to go on without: every
    method is a function of its arguments alone, in the precision of its first one; it draws nothing at random, keeps
    nothing for the next call, changes neither argument nor buffers, and treats the rows of a batch as if each were
    alone. `jacobian` and `jvp` are the derivative of this very `step`, so a subclass that steps otherwise says so anew;
    a model without tangent dynamics raises `NoTangentError` in `jvp`. `initial` gets one row in training by gradients,
    and `min_context` rows or more before a free run. Free runs are in `eval` mode.
    """

    time: ClassVar[str] = "map"
    closed_form: ClassVar[bool] = False
    min_context: int = 1
    arguments: Mapping[str, Any]
    input_matrix: Tensor | None
    input_mean: Tensor
    input_std: Tensor
    dt: Tensor
    data_mean: Tensor
    data_std: Tensor

    def __init__(self, obs_dim: int, state_dim: int) -> None:
        super().__init__()
        self.obs_dim, self.state_dim = obs_dim, state_dim
        self.register_buffer("dt", torch.ones((), dtype=torch.float64))
        # double precision whatever the weights have: a large offset would drown the data in single precision
        self.register_buffer("data_mean", torch.zeros(obs_dim, dtype=torch.float64))
        self.register_buffer("data_std", torch.ones(obs_dim, dtype=torch.float64))
        self.register_parameter("input_matrix", None)

    @abc.abstractmethod
    def step(self, z: Tensor) -> Tensor:
        """One autonomous step, (..., state) -> (..., state)."""

    @abc.abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """Standardised observation of a state, (..., state) -> (..., obs)."""

    @abc.abstractmethod
    def encode(self, y: Tensor) -> Tensor:
        """Forcing signal of a standardised observation, (..., obs) -> (..., forced): the value that teacher forcing
        pulls the first `forced` state coordinates to. No gradient flows through it."""

    @abc.abstractmethod
    def initial(self, y: Tensor) -> Tensor:
        """State estimated from standardised context, (batch, time, obs) -> (batch, state); time may be 1."""

    def jacobian(self, z: Tensor) -> Tensor:
        """Derivative of `step`, (batch, state) -> (batch, state, state); by forward differentiation unless a
        subclass knows it in closed form."""
        return self.jvp(z, torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1))

    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        """Jacobian times tangent vectors, (batch, state), (batch, state, k) -> (batch, state, k): through `jacobian`
        where a subclass knows it, else by forward differentiation, which costs k steps and no matrix."""
        if type(self).jacobian is not Model.jacobian:
            return self.jacobian(z) @ v

        def along(column: Tensor) -> Tensor:
            return torch.func.jvp(self.step, (z,), (column,))[1]

        return torch.func.vmap(along, in_dims=-1, out_dims=-1)(v)

    @property
    def tangent_method(self) -> str:
        """How tangent vectors are moved, in words."""
        if type(self).jvp is not Model.jvp:
            return "Jacobian-vector products in closed form"
        known = type(self).jacobian is not Model.jacobian
        return "analytic Jacobian" if known else "Jacobian-vector products by forward differentiation"

    def flow(self, z: Tensor, duration: Tensor) -> Tensor:
        """State after `duration` (batch, 1), in units of the series' time, (batch, state) -> (batch, state); what a
        model with time = "flow" writes, so that it can be trained on irregular time stamps."""
        raise SpecError(
            f"irregular time stamps for a {type(self).__name__}",
            "a model in continuous time, such as the neural ODE",
            "resample the series (--resample, or dsr.repair.resample), or choose another model",
        )

    @final
    def advance(self, z: Tensor, inputs: Tensor | None = None, gap: Tensor | None = None) -> Tensor:
        """State at the next row, (batch, state): external inputs (batch, inputs) are those of the next row, `gap`
        (batch, 1) is the time until it where that is not `dt`."""
        z = self.step(z) if gap is None else self.flow(z, gap)
        if inputs is None or self.input_matrix is None:
            return z
        return z + inputs @ self.input_matrix.T

    def forced(self, y: Tensor, strengths: Tensor, inputs: Tensor | None = None, gaps: Tensor | None = None) -> Tensor:
        """Predictions of the rows 1, 2, ... of standardised data under teacher forcing: (batch, time, obs) -> (batch,
        time - 1, obs), each before the state is pulled to its row with the strength (time - 1,). External inputs and
        the time since the row before, (batch, time, ...), stand beside the rows. A family that can do it faster
        overrides it, with equal results to rounding."""
        z, found = self.initial(y[:, :1]), []
        for t, alpha in enumerate(strengths.tolist(), start=1):
            z = self.advance(z, None if inputs is None else inputs[:, t], None if gaps is None else gaps[:, t])
            found.append(self.decode(z))
            if alpha > 0:
                z = self.pull(z, y[:, t], alpha)
        return torch.stack(found, dim=1)

    def driven(self, y: Tensor) -> Tensor:
        """`forced` with strength 1 throughout: each row is predicted from all rows before it. A family that can do it
        in parallel over time overrides it."""
        return self.forced(y, y.new_ones(y.shape[1] - 1))

    def auxiliary_loss(self, y: Tensor) -> Tensor | None:
        """A term that training adds to the loss, from a batch of standardised windows (batch, time, obs); None where
        a family needs none."""
        return None

    def rate_factors(self) -> Mapping[str, float]:
        """Factors on the learning rate by name of parameter, for those that need another one."""
        return {}

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Fit in closed form to standardised trajectories (time, obs) each, in place; only with `closed_form`."""
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights: of the parameters, else of the buffers that the family adds."""
        added = (b for name, b in self.named_buffers() if name not in UNITS and b.is_floating_point())
        return next((weights.dtype for weights in itertools.chain(self.parameters(), added)), torch.float64)

    @property
    def input_dim(self) -> int:
        """Number of external inputs."""
        return 0 if self.input_matrix is None else self.input_matrix.shape[1]

    @final
    def add_inputs(self, input_dim: int, seed: int = 0) -> Model:
        """Let `input_dim` external inputs s, in standardised units, act on the state: z' = step(z) + C s, with s at
        the time of z'. Free runs and tangent maps then need the inputs. Returns the model itself."""
        _require_integer("seed", seed)
        rng = torch.Generator().manual_seed(seed)
        matrix = 0.01 * torch.randn((self.state_dim, input_dim), generator=rng)
        self.input_matrix = nn.Parameter(matrix.to(self.dtype))
        self.register_buffer("input_mean", torch.zeros(input_dim, dtype=torch.float64))
        self.register_buffer("input_std", torch.ones(input_dim, dtype=torch.float64))
        return self

    @final
    def standardise(self, x: Tensor) -> Tensor:
        """Data units to standardised units, in the precision of the weights."""
        return ((x - self.data_mean) / self.data_std).to(self.dtype)

    @final
    def observe(self, z: Tensor) -> Tensor:
        """Observation in data units, (..., state) -> (..., obs). Raises `DataError` for states of another width."""
        require_width(z, self.state_dim)
        return self.data_mean + self.data_std * self.decode(z)

    @final
    def initial_state(self, context: np.ndarray) -> Tensor:
        """State after seeing `context` (batch, time, obs) in data units; needs `min_context` rows."""
        x = torch.tensor(np.asarray(context), dtype=self.data_mean.dtype)
        if x.ndim != 3 or x.shape[2] != self.obs_dim or x.shape[1] < self.min_context:
            raise DataError(
                f"a context of shape {tuple(x.shape)}",
                f"(batch, time, {self.obs_dim}) with at least {self.min_context} rows of time",
                "pass series.values[None, :rows]",
            )
        with torch.no_grad():
            return self.initial(self.standardise(x))

    @final
    def force(self, z: Tensor, x: Tensor, alpha: float) -> Tensor:
        """Generalized teacher forcing: the forced coordinates become (1 - alpha) z + alpha encode(x). Raises
        `DataError` for states of another width."""
        require_width(z, self.state_dim)
        return self.pull(z, self.standardise(x), alpha)

    @final
    def pull(self, z: Tensor, y: Tensor, alpha: float) -> Tensor:
        """`force` towards an observation that is standardised already."""
        signal = self.encode(y)
        n = signal.shape[-1]
        return torch.cat([torch.lerp(z[..., :n], signal, alpha), z[..., n:]], dim=-1)

    @final
    def drive(self, z: Tensor, x: Tensor) -> Tensor:
        """One step fed with data: the state is forced fully to x, then stepped. Raises `SpecError` for a model with
        external inputs."""
        self._refuse_inputs()
        return self.step(self.force(z, x, 1.0))

    @final
    def driven_tangent_map(self) -> TangentSteps:
        """(z (batch, state), Q (batch, state, k), x (batch, obs) in data units) -> state and tangent vectors after one
        step driven by x, in numpy double precision: what `dsr.analysis.conditional_exponents` needs. Raises `SpecError`
        for a model with external inputs, the map `DataError` for arrays of another shape."""
        self._refuse_inputs()
        model = require_derivative(self.in_float64())

        def advance(z: np.ndarray, q: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            require_tangents(z, q, model.state_dim)
            if x.shape != (len(z), model.obs_dim):
                raise DataError(
                    f"data of shape {x.shape} that drive {len(z)} states",
                    f"({len(z)}, {model.obs_dim})",
                    "pass one row of series.values for each state",
                )
            with torch.no_grad():
                forced = model.force(torch.from_numpy(z), torch.tensor(x), 1.0)
                tangent = torch.tensor(q)
                tangent[:, : model.encode(forced.new_zeros((1, model.obs_dim))).shape[1]] = 0.0  # data do not move
                return model.step(forced).numpy(), model.jvp(forced, tangent).numpy()

        return TangentSteps(advance, self.tangent_method)

    @final
    def predict_next(self, x: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """One-step prediction from each row of context: (batch, time, obs) -> (batch, obs), data units. `inputs`
        (batch, inputs), in data units, are the external inputs at the predicted rows, for a model that has some."""
        model = self.in_float64()
        start, outer = model.initial_state(x), self._input_rows(inputs, (len(x),))
        with torch.no_grad():
            moved = model.step(start)
            return model.observe(moved if outer is None else moved + outer).numpy()

    @final
    def in_float64(self) -> Model:
        """A copy in double precision and `eval` mode without gradients, for free runs and tangent maps."""
        return copy.deepcopy(self).double().cpu().requires_grad_(False).eval()

    @final
    def require_contract(self, values: np.ndarray) -> None:
        """Raise `SpecError` if free runs from rows of `values` (time, obs), in data units, would break the contract."""
        require_contract(self.in_float64(), values)

    def compiled_orbit(self) -> Orbit | None:
        """A compiled loop of this very model's `step` (see `orbits`), where there is one."""
        return None

    def compiled_stretch(self) -> Stretch | None:
        """A compiled loop of this very model's tangent vectors (see `dsr.tangent`), where there is one."""
        orbit = self.compiled_orbit()
        return None if orbit is None else orbit_stretch(orbit, self.state_dim)

    @property
    def orbit_is_compiled(self) -> bool:
        """Whether free runs take microseconds a step."""
        return self.in_float64().compiled_orbit() is not None

    @final
    def orbit(self) -> Orbit:
        """States and one tangent vector each over n steps, in double precision (see `orbits`): compiled where the
        family knows how, else the plain loop."""
        model = self.in_float64()
        return model.compiled_orbit() or checked(plain_orbit(model.step, model.jvp), self.state_dim)

    @final
    def free_run(self, z0: np.ndarray | Tensor, n: int, inputs: np.ndarray | None = None) -> FreeRun:
        """`n` autonomous steps from each row of z0 (batch, state), in double precision. The first returned row is one
        step after z0. `inputs` (batch, n, inputs), in data units, are the external inputs at the returned rows, for a
        model that has some. Raises `DataError` for z0 or inputs of another shape, `SpecError` for n below 1."""
        start = require_states(z0, self.state_dim)
        require_steps(n)
        outer = self._input_rows(inputs, (len(start), n))
        if outer is None:
            states, _, _ = self.orbit()(start, start[:0], n)
        else:
            states = self._steps_with_inputs(torch.from_numpy(start), outer)
        lost = np.isnan(states[..., 0])  # such rows are NaN throughout
        diverged_at = np.where(lost.any(axis=1), lost.argmax(axis=1), -1)
        with torch.no_grad():
            observations = self.in_float64().observe(torch.from_numpy(states))
        return FreeRun(observations.numpy(), states, diverged_at)

    def _input_rows(self, inputs: np.ndarray | None, leading: tuple[int, ...]) -> Tensor | None:
        """External inputs in standardised units, checked; None for a model without."""
        if not self.input_dim and inputs is None:
            return None
        shape = None if inputs is None else np.shape(inputs)
        if shape is None or not self.input_dim or shape != (*leading, self.input_dim):
            raise DataError(
                f"external inputs of shape {shape} for a model with {self.input_dim}",
                f"an array of shape {(*leading, self.input_dim)}" if self.input_dim else "no inputs",
                "pass inputs=series.inputs at the rows that are run over",
            )
        rows = (torch.tensor(inputs, dtype=torch.float64) - self.input_mean) / self.input_std
        return rows @ self.input_matrix.detach().double().T  # type: ignore[union-attr]

    def _refuse_inputs(self) -> None:
        if self.input_dim:
            raise SpecError(
                f"a model with {self.input_dim} external inputs, driven by data without them",
                "a model without external inputs",
                "put the inputs among the observed columns, or step with advance(force(z, x, 1.0), inputs)",
            )

    @torch.no_grad()
    def _steps_with_inputs(self, z: Tensor, outer: Tensor) -> np.ndarray:
        """States (batch, n, state), NaN from the first on that is not finite; outer (batch, n, state) is added."""
        model, states = self.in_float64(), []
        for t in range(outer.shape[1]):
            z = model.step(z) + outer[:, t]
            states.append(z)
        found = torch.stack(states, dim=1)
        found[~torch.isfinite(found).all(dim=-1).cummin(1).values] = torch.nan
        return found.numpy()

    @final
    def tangent_map(self, inputs: np.ndarray | None = None) -> TangentSteps:
        """(z (batch, state), Q (batch, state, k)) -> both advanced by one step, in numpy double precision: what
        `dsr.analysis.lyapunov_spectrum` needs. The external inputs (time, inputs) of a model that has some are taken
        row by row, one per call, from the start again after the last: exponents are then those of the response."""
        model = require_derivative(self.in_float64())
        outer = self._input_rows(inputs, (0 if inputs is None else len(inputs),))
        row = itertools.count()

        def advance(z: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            require_tangents(z, q, model.state_dim)
            with torch.no_grad():
                state = torch.from_numpy(z)
                moved = model.step(state)
                if outer is not None:
                    moved = moved + outer[next(row) % len(outer)]
                return moved.numpy(), model.jvp(state, torch.from_numpy(q)).numpy()

        return TangentSteps(advance, self.tangent_method, model.compiled_stretch() if outer is None else None)
