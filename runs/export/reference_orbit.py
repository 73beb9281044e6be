"""Where an exported model starts, and an orbit that an export is compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from dsr.errors import SpecError, StoreError
from dsr.models import Model

from ..store import RunFolder

STEPS, TRANSIENT, RESTING = 200, 1000, 100


def known_rows(source: str | Path) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The free run stored in a run folder (time, obs), and the names of its columns; nothing for a model file."""
    path = RunFolder(Path(source)) / "generated.npz"
    if not path.exists():
        return None, ()
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["values"], tuple(str(n) for n in file["names"])
    except (OSError, ValueError, KeyError) as problem:
        raise StoreError(
            f"'{path}' is damaged ({problem})", "a file written by dsr", "delete that run folder and run again"
        ) from problem


def orbit_of(model: Model, rows: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """States (201, state) of the model and observations (201, obs) in data units, or fewer where it diverges.

    It begins where the stored free run ends; without one, 1000 steps after a state one standard deviation off the mean
    of the data, or there where the model comes to rest by then.

    Raises `SpecError` for a model that diverges at once.
    """
    need = model.min_context
    if rows is not None and len(rows) >= need and np.isfinite(rows[-need:]).all():
        start = model.initial_state(rows[None, -need:]).double().numpy()
    else:
        off = (model.data_mean + model.data_std).numpy()
        first = model.initial_state(np.repeat(off[None, None], need, axis=1)).double().numpy()
        states = model.free_run(first, TRANSIENT).states
        moves = np.ptp(states[0, -RESTING:], axis=0).max() > 1e-6
        start = states[:, -1] if moves else first
    run = model.free_run(start, STEPS)
    kept = STEPS if run.diverged_at[0] < 0 else int(run.diverged_at[0])
    if not kept:
        raise SpecError("a model that diverges at its first step", "one that was fitted", "train it again")
    states = np.concatenate([start, run.states[0, :kept]])
    with torch.no_grad():
        return states, model.in_float64().observe(torch.from_numpy(states)).numpy()
