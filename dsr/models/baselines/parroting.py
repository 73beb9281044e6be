"""Context parroting: find the most similar stretch of the training data and repeat what followed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import DataError, NoTangentError, SpecError
from ...registry import option
from ..base import Model
from ..delay import DelayModel
from ..orbits import LARGEST, Orbit, checked, compiled
from ..registry import MODELS, ModelConfig, Range


class Parroting(DelayModel):
    """x' = the row that followed the stretch of training data nearest to the last m rows.

    The map searches anew at every step. But once the m rows are a copy, the nearest stretch is the one they were
    copied from, at distance zero: so it repeats the training data word for word until they end, and then jumps to the
    stretch most like that end. Every free run closes into a cycle of past data in the end. A forecast that is not
    better has learnt nothing about the dynamics; on clean Lorenz-63 with 10,000 rows it is valid for about two
    Lyapunov times, and ever longer with more rows.

    Copies have no tangent dynamics: `jacobian` and `jvp` raise `NoTangentError`. Nothing is random.

    Source: Zhang, Gilpin (2025), arXiv:2505.11349; Lorenz, J. Atmos. Sci. 26, 636 (1969),
    doi:10.1175/1520-0469(1969)26<636:APARBN>2.0.CO;2.
    """

    closed_form = True
    ends: Tensor

    def __init__(self, obs_dim: int, lags: int = 2, seed: int = 0) -> None:
        super().__init__(obs_dim, lags)
        self.library = nn.Parameter(torch.zeros((0, obs_dim), dtype=torch.float64), requires_grad=False)
        self.register_buffer("ends", torch.zeros(0, dtype=torch.int64))

    def predict(self, z: Tensor) -> Tensor:
        self._require_library()
        nearest = self.squared_distances(z).argmin(-1)
        return self.library[self.ends[nearest] + 1].to(z.dtype)

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        raise _no_tangents()

    def squared_distances(self, z: Tensor) -> Tensor:
        """To every stretch of the library, less |z|^2: (..., state) -> (..., stretches)."""
        stretches = self.stretches.to(z.dtype)
        return (stretches**2).sum(-1) - 2 * z @ stretches.T

    @property
    def stretches(self) -> Tensor:
        """Newest row first (stretches, state)."""
        back = torch.arange(self.rows, device=self.ends.device)
        return self.library[self.ends[:, None] - back].flatten(1)

    def compiled_orbit(self) -> Orbit | None:
        self._require_library()
        stretches, followers = self.stretches.numpy(), self.library[self.ends + 1].numpy()

        def orbit(z: np.ndarray, v: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            if len(v):
                raise _no_tangents()
            start = np.ascontiguousarray(z, dtype=np.float64)
            return compiled(parroting_loop)(stretches, followers, start, n), v.copy(), np.zeros(0)

        return checked(orbit, self.state_dim)

    def solve(self, segments: Sequence[np.ndarray], rng: np.random.Generator) -> None:
        """Raises `DataError` for trajectories that are too short."""
        firsts = np.cumsum([0, *(len(s) for s in segments)])[:-1]
        ends = [first + np.arange(self.rows - 1, len(s) - 1) for first, s in zip(firsts, segments, strict=True)]
        if not sum(map(len, ends)):
            raise DataError(
                f"trajectories of at most {max(len(s) for s in segments)} rows",
                f"more than {self.rows}",
                "bring a longer series, or lower lags",
            )
        self._hold(torch.from_numpy(np.concatenate(list(segments))), torch.from_numpy(np.concatenate(ends)))

    def _hold(self, library: Tensor, ends: Tensor) -> None:
        self.library = nn.Parameter(library.to(self.dtype), requires_grad=False)
        self.ends = ends

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """The library has as many rows as the data that are loaded."""
        library, ends = state_dict.get(prefix + "library"), state_dict.get(prefix + "ends")
        if library is not None and ends is not None:
            self._hold(library.new_zeros(library.shape), torch.zeros_like(ends))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _require_library(self) -> None:
        if not len(self.ends):
            raise SpecError("a parroting model without data", "one that was fitted", "call fit(model, train) first")


def _no_tangents() -> NoTangentError:
    return NoTangentError(
        "tangent vectors of a parroting model, which copies and has no tangent dynamics",
        "valid prediction times and long-run statistics of it",
        "leave Lyapunov exponents out, or choose another model",
    )


def parroting_loop(stretches: Any, followers: Any, start: Any, n: Any) -> Any:
    """States (batch, n, state). A search is left out where the next stretch is the state itself,
    which no other can be nearer to."""
    batch, dim = start.shape
    count, obs = followers.shape
    states, z = np.empty((batch, n, dim)), np.empty(dim)
    for b in range(batch):
        for i in range(dim):
            z[i] = start[b, i]
        place = -1
        for t in range(n):
            copied = 0 <= place < count - 1
            if copied:
                for i in range(dim):
                    copied = copied and z[i] == stretches[place + 1, i]
            if copied:
                place += 1
            else:
                least = LARGEST
                place = 0
                for k in range(count):
                    distance = 0.0
                    for i in range(dim):
                        distance += (z[i] - stretches[k, i]) ** 2
                    if distance < least:
                        least, place = distance, k
            for i in range(dim - 1, obs - 1, -1):
                z[i] = z[i - obs]
            for i in range(obs):
                z[i] = followers[place, i]
            for i in range(dim):
                states[b, t, i] = z[i]
    return states


@MODELS.register("parroting")
@dataclass(frozen=True)
class ParrotingConfig(ModelConfig):
    """Context parroting: repeats what followed the most similar stretch of the training data."""

    family: ClassVar[type[Model]] = Parroting
    recommended_training: ClassVar[Mapping[str, Any]] = {"members": 1}  # nothing in it is random
    equations: ClassVar[str] = "x' = X[k + 1], k = argmin_k |(x_t, ..., x_{t-m+1}) - (X[k], ..., X[k-m+1])|"
    symbols: ClassVar[Mapping[str, str]] = {
        "library": "X, the training data in standardised units (time, N)",
        "ends": "the rows k of X that end a stretch and have a successor",
    }
    when_to_use: ClassVar[str] = "the reference that every reconstruction must beat; it has no exponents"
    references: ClassVar[tuple[str, ...]] = (
        "Zhang, Gilpin (2025), arXiv:2505.11349",
        "Lorenz, J. Atmos. Sci. 26, 636 (1969), doi:10.1175/1520-0469(1969)26<636:APARBN>2.0.CO;2",
    )
    recommended_forcing: ClassVar[str] = "none"
    search_space: ClassVar[Mapping[str, Range]] = {"lags": Range(1, 50)}

    lags: int = option(2, "rows m that a stretch of the past is compared over")
