"""Each family's equations, written once for all languages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from dsr.errors import SpecError
from dsr.models import (
    ALRNN,
    DendriticPLRNN,
    DynamicModes,
    EchoStateNetwork,
    ExtendedDynamicModes,
    MeanCentredPLRNN,
    Model,
    NextGenerationReservoir,
    ParallelReservoirs,
    ShallowPLRNN,
    SparseDynamics,
    VanillaPLRNN,
    VariationalPLRNN,
    VectorAutoregression,
    config_of,
)
from dsr.models.observation import AffineObservation, NonlinearObservation, Observation
from dsr.models.polynomials import monomials as all_monomials

from .expression import Equations, Polynomial, Term, centred, joined, monomials, name, relu, scaled, spline, tanh

z = name("z")
Parts = dict[str, Any]  # the fields of `Equations` that a family knows


def equations_of(model: Model, names: Sequence[str] = ()) -> Equations:
    """The equations of a model in double precision; `names` are those of the columns, x1, x2, ... if not given.

    Raises `SpecError` for a family whose equations are not short, one with external inputs, or one not yet fitted.
    """
    describe = FAMILIES.get(type(model))
    family = config_of(model)[0]
    if describe is None:
        raise SpecError(
            f"equations of the family '{family}', which are not short",
            f"one of {', '.join(sorted(exportable()))}",
            "write the step as a graph with --to onnx, or use dsr.runs.weights.load_model in Python",
        )
    if model.input_dim:
        raise SpecError(
            f"equations of a model with {model.input_dim} external inputs",
            "a model without",
            "use it in Python with dsr.runs.weights.load_model",
        )
    twin: Any = model.in_float64()
    columns = tuple(" ".join(n.split()) for n in names) or tuple(f"x{i + 1}" for i in range(model.obs_dim))
    parts: Parts = {
        "family": family,
        "formula": config_of(model)[1].equations,
        "time": "map",
        "dt": float(model.dt),
        "state_dim": model.state_dim,
        "mean": twin.data_mean.numpy(),
        "std": twin.data_std.numpy(),
        "names": columns,
        "state": "latent state, in standardised units",
        **describe(twin, columns),
    }
    parts["arrays"] = {key: _array(value) for key, value in parts["arrays"].items()}
    if not all(np.isfinite(a).all() for a in parts["arrays"].values()):
        raise SpecError("parameters that are not finite", "a model that was fitted", "train it again")
    return Equations(**parts)


def exportable() -> list[str]:
    """Names of the families that have short equations."""
    from dsr.models import name_of

    return [found for family in FAMILIES if (found := name_of(family))]


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)


def _observed(observation: Observation) -> Parts:
    """Observation of the state as a term, and its parameters."""
    if isinstance(observation, AffineObservation):
        arrays = {"B": observation.matrix, "b": observation.bias}
        seen = name("B") @ z + name("b")
        if isinstance(observation, NonlinearObservation):
            arrays |= {"U": observation.inner, "c": observation.shift, "V": observation.outer}
            seen = seen + name("V") @ tanh(name("U") @ z + name("c"))
        return {"observed": seen, "arrays": arrays}
    return {"observed": z[0 : observation.obs_dim], "arrays": {}}


def _plrnn(model: Any, arrays: dict[str, Any], *assignments: tuple[str, Term]) -> Parts:
    seen = _observed(model.observation)
    return {**seen, "arrays": {**arrays, **seen["arrays"]}, "assignments": assignments}


def _alrnn(model: ALRNN, columns: Sequence[str]) -> Parts:
    linear, m = model.state_dim - model.relu_units, model.state_dim
    rectified = relu(z[linear:m])
    phi = z[0:m] if not model.relu_units else rectified if not linear else joined(z[0:linear], rectified)
    arrays = {"A": model.A, "W": model.W, "h": model.h}
    return _plrnn(model, arrays, ("phi", phi), ("following", name("A") * z + name("W") @ name("phi") + name("h")))


def _shallow(model: ShallowPLRNN, columns: Sequence[str]) -> Parts:
    arrays = {"A": model.self_connections(), "W1": model.W1, "W2": model.W2, "h1": model.h1, "h2": model.h2}
    hidden = relu(name("u") + name("h2"))
    if model.clipped:
        hidden = hidden - relu(name("u"))
    following = name("A") * z + name("W1") @ name("r") + name("h1")
    return _plrnn(model, arrays, ("u", name("W2") @ z), ("r", hidden), ("following", following))


def _variational(model: VariationalPLRNN, columns: Sequence[str]) -> Parts:
    return {**_shallow(model, columns), "notes": ("The mean map only: the learned noises are left out.",)}


def _off_diagonal(model: Any, phi: Term, **more: Any) -> Parts:
    arrays = {"A": model.self_connections(), "W": model.connections(), "h": model.h, **more}
    return _plrnn(model, arrays, ("phi", phi), ("following", name("A") * z + name("W") @ name("phi") + name("h")))


def _vanilla(model: VanillaPLRNN, columns: Sequence[str]) -> Parts:
    return _off_diagonal(model, relu(z))


def _mean_centred(model: MeanCentredPLRNN, columns: Sequence[str]) -> Parts:
    return _off_diagonal(model, relu(centred(z)))


def _dendritic(model: DendriticPLRNN, columns: Sequence[str]) -> Parts:
    phi = spline(z, name("H"), name("alpha"))
    if model.clipped:
        phi = phi - scaled(float(model.alpha.detach().sum()), relu(z))
    return _off_diagonal(model, phi, H=model.H, alpha=model.alpha)


def _reservoir(model: Any, columns: Sequence[str]) -> Parts:
    obs, m = model.obs_dim, model.state_dim
    readout = torch.block_diag(*model.W_out.unflatten(0, (model.groups, -1)))
    arrays = {"W_in": model.W_in, "A": model.A, "bias": model.bias, "W_out": readout}
    driven = tanh(name("W_in") @ z[0:obs] + name("A") @ name("r") + name("bias"))
    updated = name("r") + scaled(model.leak, name("u") - name("r"))
    return {
        "arrays": arrays,
        "assignments": (
            ("r", z[obs:m]),
            ("u", driven),
            ("s", updated),
            ("following", joined(name("W_out") @ name("s"), name("s"))),
        ),
        "observed": z[0:obs],
        "state": f"observation ({obs} numbers) followed by the reservoir's units, in standardised units",
    }


def _shifted(model: Any, new: Term) -> Term:
    """The newest row in front of those that are kept."""
    kept = model.state_dim - model.obs_dim
    return joined(new, z[0:kept]) if kept else new


def _standardised(
    coefficients: np.ndarray, factors: np.ndarray, left: str, columns: Sequence[str], lags: int, stride: int
) -> Polynomial:
    """In elements of the state, for expanding about the mean in data units would cost digits."""
    obs = len(columns)
    return Polynomial(
        coefficients,
        factors,
        tuple(f"{left} z{i + 1}" for i in range(obs)),
        tuple(f"z{k * stride * obs + i + 1}" for k in range(lags) for i in range(obs)),
        tuple(c if not k else f"{c}(t - {k * stride} dt)" for k in range(lags) for c in columns),
    )


def _delay_state(model: Any) -> str:
    if model.rows == 1:
        return "the observation, in standardised units"
    return f"the last {model.rows} rows of the observation, newest first, in standardised units"


def _polynomial_map(model: Any, columns: Sequence[str], weights: Any, factors: np.ndarray, increment: bool) -> Parts:
    """x' = x + C monomials(u), or without the x; terms that are zero everywhere are left out."""
    coefficients = _array(weights)
    used = _used(coefficients)
    obs, stride, lags = model.obs_dim, model.stride, model.lags
    u = z[0:obs]
    for k in range(1, lags):
        u = joined(u, z[k * stride * obs : (k * stride + 1) * obs])
    change = name("C") @ monomials(name("u"), name("factors"))
    kept, its_factors = coefficients[:, used], factors[used]
    left = "change of" if increment else "next"
    return {
        "arrays": {"C": kept, "factors": its_factors},
        "assignments": (
            ("u", u if lags == 1 or stride > 1 else z[0 : model.state_dim]),
            ("following", _shifted(model, z[0:obs] + change if increment else change)),
        ),
        "observed": z[0:obs],
        "state": _delay_state(model),
        "polynomial": _standardised(kept, its_factors, left, columns, lags, stride),
    }


def _used(coefficients: np.ndarray) -> np.ndarray:
    """Which terms are not zero in every row; the first where all are."""
    used = np.abs(coefficients).max(0) > 0
    used[0] |= not used.any()
    return used


def _next_generation(model: NextGenerationReservoir, columns: Sequence[str]) -> Parts:
    return _polynomial_map(model, columns, model.W, model.factors.numpy(), True)


def _extended(model: ExtendedDynamicModes, columns: Sequence[str]) -> Parts:
    return _polynomial_map(model, columns, model.projected, model.factors.numpy(), False)


def _modes(model: DynamicModes, columns: Sequence[str]) -> Parts:
    factors = all_monomials(model.obs_dim, 1)[1:]
    found = _polynomial_map(model, columns, model.A, factors, False)
    return {**found, "arrays": {"A": model.A}, "assignments": (("following", name("A") @ z),)}


def _autoregression(model: VectorAutoregression, columns: Sequence[str]) -> Parts:
    wide = _array(model.wide)
    new = name("A") @ z + name("c")
    coefficients = np.column_stack([_array(model.c), wide])
    factors = all_monomials(wide.shape[1], 1)
    return {
        "arrays": {"A": wide, "c": model.c},
        "assignments": (("following", _shifted(model, new)),),
        "observed": z[0 : model.obs_dim],
        "state": _delay_state(model),
        "polynomial": _standardised(coefficients, factors, "next", columns, model.lags, 1),
    }


def _sparse(model: SparseDynamics, columns: Sequence[str]) -> Parts:
    """In data units, where the terms can be read."""
    coefficients = _array(model.coefficients)
    used = _used(coefficients)
    kept, factors = coefficients[:, used], model.factors.numpy()[used]
    mean, std = model.data_mean.numpy(), model.data_std.numpy()
    return {
        "time": "flow",
        "substeps": model.substeps,
        "arrays": {"C": kept, "factors": factors},
        "assignments": (("slope", name("C") @ monomials(name("z"), name("factors"))),),
        "observed": z[0 : model.obs_dim],
        "mean": np.zeros_like(mean),
        "std": np.ones_like(std),
        "offset": mean,
        "scale": std,
        "state": "the observation itself, in data units",
        "polynomial": Polynomial(kept, factors, tuple(f"d{c}/dt" for c in columns), tuple(columns)),
    }


# by exact class: a subclass may step otherwise
FAMILIES: dict[type[Model], Callable[[Any, Sequence[str]], Parts]] = {
    ALRNN: _alrnn,
    ShallowPLRNN: _shallow,
    VariationalPLRNN: _variational,
    VanillaPLRNN: _vanilla,
    MeanCentredPLRNN: _mean_centred,
    DendriticPLRNN: _dendritic,
    EchoStateNetwork: _reservoir,
    ParallelReservoirs: _reservoir,
    NextGenerationReservoir: _next_generation,
    ExtendedDynamicModes: _extended,
    DynamicModes: _modes,
    VectorAutoregression: _autoregression,
    SparseDynamics: _sparse,
}
