"""Published weights of AL-RNNs as a model file that every command takes."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dsr.errors import DataError
from dsr.models import ALRNN

from .weights import save_model

NEEDED = ("A", "W", "h", "B")
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Imported:
    """model : the network. path : its file. relu_units : P. compared : steps of the published orbit that it was
    compared with, 0 if the file has none; error : the largest difference along them, each step from the published
    state before."""

    model: ALRNN
    path: Path
    relu_units: int
    compared: int
    error: float

    @property
    def sentence(self) -> str:
        size = f"{self.path}: AL-RNN of {self.model.state_dim} states, {self.relu_units} of them rectified"
        if not self.compared:
            return f"{size}; the file holds no orbit to compare with."
        return f"{size}; {self.compared} published steps are reproduced to {self.error:.1e}."


def import_weights(file: str | Path, out: str | Path, *, relu_units: int | None = None, dt: float = 1.0) -> Imported:
    """Write the AL-RNN z' = A z + W phi(z) + h of an .npz file as a model file.

    The file holds A (M,) or diagonal (M, M), W (M, M), h (M,) and B (N, M), whose columns beyond N give the initial
    state of the unobserved units: z_0 = (x_0, B[:, N:]^T x_0). It may hold an orbit of states (time, M), under a name
    that begins with "orbit", and `P`, the number of rectified units at the end; without `relu_units` and `P` this is
    found by the orbit. `mean` and `std` (N,) bring the observation to data units; without them it is the state itself.

    Raises `DataError` for a file that lacks something, does not fit together, or whose orbit is not that of its
    weights.
    """
    arrays = _read(Path(file))
    matrices = _matrices(arrays, file)
    orbit = next((arrays[key] for key in sorted(arrays) if key.startswith("orbit")), None)
    units = len(matrices["A"])
    if orbit is not None and (orbit.ndim != 2 or orbit.shape[1] != units or len(orbit) < 2):
        raise _unfit(file, f"an orbit of shape {orbit.shape}", f"two states or more, each of {units} numbers")
    stated = relu_units if relu_units is not None else int(arrays["P"]) if "P" in arrays else None
    if stated is None and orbit is None:
        raise _unfit(file, "neither an orbit nor P", "the number of rectified units", "give --relu-units 2")
    if stated is not None and not 0 <= stated <= units:
        raise _unfit(file, f"{stated} rectified units", f"0 to {units}")
    candidates = range(units + 1) if stated is None else [stated]
    errors = {p: _error(matrices, p, orbit) for p in candidates}
    best = min(errors, key=lambda p: errors[p])
    fitting = [p for p, error in errors.items() if error <= TOLERANCE]
    if len(fitting) > 1:  # no state of the orbit tells them apart
        numbers = ", ".join(map(str, fitting))
        raise _unfit(file, f"an orbit that fits {numbers} rectified units", "the number of them", "give --relu-units")
    if not fitting:
        raise _unfit(file, f"an orbit that the weights miss by {errors[best]:.2g} in a step", "an orbit of its weights")
    model = ALRNN.from_weights(**{key: torch.from_numpy(matrices[key]) for key in NEEDED}, relu_units=best)
    for key, buffer in (("mean", model.data_mean), ("std", model.data_std)):
        if key in arrays:
            if arrays[key].shape != buffer.shape or (key == "std" and not (arrays[key] > 0).all()):
                raise _unfit(file, f"{key} of shape {arrays[key].shape}", f"{model.obs_dim} numbers, std above 0")
            buffer.copy_(torch.from_numpy(arrays[key]))
    if not dt > 0:
        raise DataError(f"dt = {dt}", "a positive number", "give the time between two steps of the model, or leave it")
    model.dt.fill_(dt)
    path = save_model(model, out)
    return Imported(model, path, best, 0 if orbit is None else len(orbit) - 1, errors[best])


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise ValueError("a single array")
        with found as file:
            return {key: np.asarray(file[key], dtype=np.float64) for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise DataError(
            f"'{path}' cannot be read as weights ({reason})", f"an .npz file with {', '.join(NEEDED)}", "check the path"
        ) from problem


def _matrices(arrays: dict[str, np.ndarray], file: str | Path) -> dict[str, np.ndarray]:
    """A as a vector, W, h and B, of sizes that fit together."""
    missing = [key for key in NEEDED if key not in arrays]
    if missing:
        raise _unfit(file, f"no {', '.join(missing)} among {', '.join(sorted(arrays)) or 'nothing'}", ", ".join(NEEDED))
    found = {key: arrays[key] for key in NEEDED}
    if found["A"].ndim == 2 and np.array_equal(found["A"], np.diag(np.diag(found["A"]))):
        found["A"] = np.diag(found["A"])
    units = found["A"].size
    wanted = {"A": (units,), "W": (units, units), "h": (units,)}
    for key, shape in wanted.items():
        if found[key].shape != shape:
            raise _unfit(
                file, f"{key} of shape {found[key].shape}", f"{key} of shape {shape}, as A has {units} numbers"
            )
    if found["B"].ndim != 2 or found["B"].shape[1] != units or not 1 <= len(found["B"]) <= units:
        raise _unfit(file, f"B of shape {found['B'].shape}", f"B with {units} columns and a row for each observed one")
    if not all(np.isfinite(a).all() for a in found.values()):
        raise _unfit(file, "numbers that are not finite", "finite weights")
    return {key: np.array(a) for key, a in found.items()}


def _error(matrices: dict[str, np.ndarray], relu_units: int, orbit: np.ndarray | None) -> float:
    """Largest difference between a published state and the step from the one before it."""
    if orbit is None:
        return 0.0
    z = orbit[:-1]
    phi = z.copy()
    phi[:, len(matrices["A"]) - relu_units :] = np.maximum(phi[:, len(matrices["A"]) - relu_units :], 0.0)
    return float(np.abs(matrices["A"] * z + phi @ matrices["W"].T + matrices["h"] - orbit[1:]).max())


def _unfit(file: str | Path, got: str, accepted: str, next_step: str = "write the file again") -> DataError:
    return DataError(f"'{file}' holds {got}", accepted, next_step)
