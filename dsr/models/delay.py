"""`DelayModel`: a model whose state is the last rows of the observation, newest first."""

from __future__ import annotations

import abc
from typing import final

import torch
from torch import Tensor

from .base import Model
from .plrnn import require
from .states import require_width


class DelayModel(Model, abc.ABC):
    """z = (x_t, x_{t-1}, ..., x_{t-rows+1}); a subclass says what the next row is, the others move down one place.

    `lags` rows, `stride` steps apart, are what `predict` reads: z[columns]; so `rows` = (lags - 1) stride + 1 rows of
    context are needed. Full forcing overwrites the newest row. The Jacobian is a companion matrix: its shift adds
    directions that are annihilated or strongly contracted, so a spectrum has rows * obs exponents of which at most
    the first `obs` or so are the system's; look for the gap.
    """

    columns: Tensor

    def __init__(self, obs_dim: int, lags: int, stride: int = 1) -> None:
        require(lags >= 1, f"lags = {lags}", "1 or more")
        require(stride >= 1, f"stride = {stride}", "1 or more")
        self.lags, self.stride, self.rows = lags, stride, (lags - 1) * stride + 1
        super().__init__(obs_dim, self.rows * obs_dim)
        self.min_context = self.rows
        columns = (torch.arange(lags) * stride * obs_dim)[:, None] + torch.arange(obs_dim)
        self.register_buffer("columns", columns.flatten(), persistent=False)

    @abc.abstractmethod
    def predict(self, z: Tensor) -> Tensor:
        """The next standardised row, (..., state) -> (..., obs)."""

    @abc.abstractmethod
    def predict_jvp(self, z: Tensor, v: Tensor) -> Tensor:
        """Derivative of `predict` along tangent vectors, (batch, state), (batch, state, k) -> (batch, obs, k)."""

    @final
    def step(self, z: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return torch.cat([self.predict(z), z[..., : -self.obs_dim]], dim=-1)

    @final
    def jvp(self, z: Tensor, v: Tensor) -> Tensor:
        require_width(z, self.state_dim)
        return torch.cat([self.predict_jvp(z, v), v[..., : -self.obs_dim, :]], dim=-2)

    @final
    def jacobian(self, z: Tensor) -> Tensor:
        """The companion matrix."""
        return self.jvp(z, torch.eye(self.state_dim, dtype=z.dtype, device=z.device).expand(len(z), -1, -1))

    @final
    def decode(self, z: Tensor) -> Tensor:
        return z[..., : self.obs_dim]

    @final
    def encode(self, y: Tensor) -> Tensor:
        return y

    @final
    def initial(self, y: Tensor) -> Tensor:
        """The last rows; before a context that is too short, its first row is repeated."""
        return self.windows(y)[:, -1]

    @final
    def driven(self, y: Tensor) -> Tensor:
        return self.predict(self.windows(y)[:, :-1])

    @final
    def windows(self, y: Tensor) -> Tensor:
        """The state at each row, (batch, time, obs) -> (batch, time, state)."""
        padded = torch.cat([y[:, :1].expand(-1, self.rows - 1, -1), y], dim=1)
        newest_first = padded.unfold(1, self.rows, 1).flip(-1)  # (batch, time, obs, rows)
        return newest_first.transpose(-1, -2).flatten(-2)
