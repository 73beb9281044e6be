"""Fitted models of pysindy and pydmd as models of ours, so that every measure works on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ...errors import SpecError
from ..base import Model
from ..polynomials import require_library
from ..reservoirs.next_generation import NextGenerationReservoir
from .dynamic_modes import DynamicModes
from .sparse_dynamics import SparseDynamics

ROUNDING = 1e-8


def from_pysindy(fitted: Any, dt: float, substeps: int = 4) -> Model:
    """A model with the equations of a fitted `pysindy.SINDy` or `pysindy.DiscreteSINDy` with a polynomial library.

    dt : time between rows of the data it is for. substeps : Runge-Kutta steps per row of a differential equation.
    Returns a `SparseDynamics`, or for a discrete model a `NextGenerationReservoir` of one lag. Units are those of the
    data: mean 0 and standard deviation 1 are stored. Raises `SpecError` for a library that is no `PolynomialLibrary`,
    for control inputs, and for an unfitted model.
    """
    import pysindy

    powers = getattr(getattr(fitted, "feature_library", None), "powers_", None)
    if powers is None or type(fitted.feature_library) is not pysindy.PolynomialLibrary:
        raise SpecError(
            f"a {type(fitted).__name__} that is not fitted with a polynomial library",
            "a fitted pysindy.SINDy or pysindy.DiscreteSINDy with feature_library=pysindy.PolynomialLibrary(...)",
            "fit it with that library first",
        )
    if fitted.n_control_features_:
        raise SpecError("a pysindy model with control inputs", "an autonomous one", "fit it without u=...")
    powers, coefficients = np.asarray(powers, dtype=int), np.asarray(fitted.coefficients())
    dim, degree = powers.shape[1], max(1, int(powers.sum(1).max()))
    require_library(dim, degree)
    model: SparseDynamics | NextGenerationReservoir
    if isinstance(fitted, pysindy.DiscreteSINDy):
        model = NextGenerationReservoir(dim, degree, lags=1)
        ours, change = model.W, np.eye(dim)  # our weights give the change over a step
    else:
        model = SparseDynamics(dim, degree, substeps=substeps)
        ours, change = model.coefficients, np.zeros((dim, dim))
    counts = [tuple(int((row == i).sum()) for i in range(1, dim + 1)) for row in model.factors.numpy()]
    place = {count: j for j, count in enumerate(counts)}
    ours[:, [place[tuple(p)] for p in powers.tolist()]] = torch.from_numpy(np.ascontiguousarray(coefficients))
    ours[:, 1 : dim + 1] -= torch.from_numpy(change)
    model.dt.fill_(dt)
    return model


def from_pydmd(fitted: Any, dt: float) -> DynamicModes:
    """A `DynamicModes` with the modes and eigenvalues of a fitted pydmd model: x' = Phi diag(eigenvalues) Phi^+ x.

    dt : time between snapshots. Units are those of the data: mean 0 and standard deviation 1 are stored. Raises
    `SpecError` for modes that are not those of the snapshots themselves (delays, compression), and for modes without
    their complex conjugates, which give no real map.
    """
    modes, eigenvalues, dim = np.asarray(fitted.modes), np.asarray(fitted.eigs), len(fitted.snapshots)
    if len(modes) != dim:
        raise SpecError(
            f"modes of {len(modes)} rows for snapshots of {dim}",
            "a pydmd model of the snapshots themselves, such as pydmd.DMD",
            "stack the delays yourself before fitting, and bring series with those columns",
        )
    A = (modes * eigenvalues) @ np.linalg.pinv(modes)
    if np.abs(A.imag).max() > ROUNDING * np.abs(A).max():
        raise SpecError("modes without their complex conjugates", "modes of real data", "fit it to real snapshots")
    model = DynamicModes(dim, rank=int(min(len(eigenvalues), dim)))
    model.A.copy_(torch.from_numpy(np.ascontiguousarray(A.real)))
    model.dt.fill_(dt)
    return model
