"""A driven model that forgets is a function of the last rows of data: the error of seeing only so many of them.

A reconstruction model whose conditional exponents are negative (`dsr.analysis.conditional_exponents`) forgets where it
started, at the rate of the largest of them, mu < 0. So its state after k rows of data, from any start, is that after
all rows but for an error of exp(mu k dt): it equals a finite-window map up to that error, such as a next-generation
reservoir is one. Source: Miller & Hardt, ICLR 2019, arXiv:1805.10369.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, SpecError
from ..base import Model
from ..delay import DelayModel
from ..plrnn import require

ROUNDING = 1e-12  # of the largest state: errors below are rounding
ENDS = 20


@dataclass(frozen=True, eq=False)
class FiniteWindowError:
    """How far the state after a window of data is from the state after all data, in standardised units.

    windows : (windows,) numbers of rows, increasing. errors : (ends, windows) Euclidean distances, for windows that
    end at different rows. dt : time of one row. size : root mean square norm of the states.
    """

    windows: np.ndarray
    errors: np.ndarray
    dt: float
    size: float

    @property
    def typical(self) -> np.ndarray:
        """(windows,) geometric mean over the ends, whose slope is the largest conditional exponent; 0 where one of
        the errors is."""
        with np.errstate(divide="ignore"):
            return np.exp(np.log(self.errors).mean(axis=0))

    @property
    def rate(self) -> float:
        """Slope of ln(error) over the time of the window, by least squares over the windows whose error is above
        rounding. It is the largest conditional exponent of the model where the windows are longer than a few of its
        time constants; the start-up of the shortest windows bends it.

        Raises `SpecError` when fewer than two windows are left.
        """
        kept = self.typical > ROUNDING * self.size
        if kept.sum() < 2:
            raise SpecError(
                f"{int(kept.sum())} windows with an error above rounding", "2 or more", "give shorter windows"
            )
        return float(np.polyfit(self.windows[kept] * self.dt, np.log(self.typical[kept]), 1)[0])


def finite_window_error(
    model: Model, y: np.ndarray, windows: Sequence[int], *, ends: int = ENDS, start: np.ndarray | None = None
) -> FiniteWindowError:
    """The error of a driven model that sees only the last k rows, for each k in `windows`.

    Parameters
    ----------
    y : (time, obs) data in the units of the model. The state compared with is that after all rows from the first, so
        half of the data must be longer than the longest window and than the memory.
    windows : numbers of rows k. ends : number of rows, spread over the second half, at which windows end.
    start : (state,) in which every window starts; zero if None. The reference starts at zero.

    A model that does not forget has errors that do not fall: a result, not an exception.

    Raises `DataError` when `y` is too short, `SpecError` for windows below 1.
    """
    data, lengths = np.asarray(y, dtype=np.float64), np.unique(np.asarray(windows, dtype=int))
    require(lengths.size > 0 and lengths[0] >= 1, f"windows = {list(windows)}", "one or more numbers of rows")
    require(ends >= 1, f"ends = {ends}", "1 or more")
    longest = int(lengths[-1])
    if data.ndim != 2 or len(data) // 2 < longest + 1:
        raise DataError(
            f"data of shape {data.shape} for a window of {longest} rows",
            f"(time, {model.obs_dim}) with {2 * (longest + 1)} rows or more",
            "bring a longer series, or ask for shorter windows",
        )
    twin = model.in_float64()
    rows = twin.standardise(torch.from_numpy(data))
    at = torch.from_numpy(np.unique(np.linspace(len(data) // 2, len(data) - 1, ends).astype(int)))
    zero = torch.zeros(model.state_dim, dtype=torch.float64)
    begin = zero if start is None else torch.tensor(np.asarray(start, dtype=np.float64))
    with torch.no_grad():
        seen, z = [], zero[None]
        for t in range(len(rows)):
            z = _fed(twin, z, rows[t : t + 1])
            seen.append(z)
        whole = torch.cat(seen)[at]
        # all windows at all ends side by side; one that has not begun yet is put back to its start
        lags = torch.from_numpy(lengths).repeat(len(at))
        last = at.repeat_interleave(len(lengths))
        z = begin.expand(len(lags), -1)
        for k in range(longest, 0, -1):
            z = torch.where((lags >= k)[:, None], _fed(twin, z, rows[last - k + 1]), begin)
    errors = torch.linalg.vector_norm(z.unflatten(0, (len(at), -1)) - whole[:, None], dim=-1)
    size = float(whole.square().sum(1).mean().sqrt())
    return FiniteWindowError(lengths, errors.numpy(), float(model.dt), size)


class FiniteWindow(DelayModel):
    """A model cut to a window: each next row is what the model predicts after it was driven through the last `rows`
    rows from zero. Its state holds rows of data and nothing else, so it has no memory that could go astray in a free
    run, at the cost of `rows` steps of the model for each of its own.

    It misleads where the model does not forget within the window: see `finite_window_error`.
    """

    def __init__(self, model: Model, rows: int) -> None:
        require(rows >= 1, f"rows = {rows}", "1 or more")
        super().__init__(model.obs_dim, rows)
        self.model = model
        for name in ("dt", "data_mean", "data_std"):
            getattr(self, name).copy_(getattr(model, name))

    def predict(self, z: Tensor) -> Tensor:
        past = z.unflatten(-1, (self.rows, self.obs_dim))
        now = z.new_zeros((*z.shape[:-1], self.model.state_dim))
        for k in range(self.rows - 1, -1, -1):
            now = _fed(self.model, now, past[..., k, :])
        return self.model.decode(self.model.step(now))

    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        def along(column: Tensor) -> Tensor:
            return torch.func.jvp(self.predict, (z,), (column,))[1]

        return torch.func.vmap(along, in_dims=-1, out_dims=-1)(v)


def _fed(model: Model, z: Tensor, y: Tensor) -> Tensor:
    """The state at the next row of data, which it is forced to."""
    return model.pull(model.step(z), y, 1.0)
