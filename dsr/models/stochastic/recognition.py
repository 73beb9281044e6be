"""Recognition network: what the rows from now on say about the state now, amortised over all times."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..initialise import uniform

HIDDEN = 32


class Recognition(nn.Module):
    """Gaussian evidence on the latent state z_t from the rows y_t ... y_t+ahead: a `shift` of the first guess that the
    observation model makes, and a variance. A linear map and one hidden tanh layer.

    Given z_t-1, only rows from t on bear on z_t (they are what the past does not know), hence the look ahead. Rows
    behind the end of a window are missing and marked so; at its last row the evidence rests on that row alone.
    """

    def __init__(self, obs_dim: int, log_variance: Tensor, ahead: int, rng: torch.Generator) -> None:
        super().__init__()
        latent_dim = len(log_variance)
        size = obs_dim * (ahead + 1) + ahead
        self.ahead = ahead
        self.L = nn.Parameter(torch.zeros(2 * latent_dim, size))
        self.A = nn.Parameter(uniform((HIDDEN, size), size, rng))
        self.a = nn.Parameter(uniform((HIDDEN,), size, rng))
        self.B = nn.Parameter(torch.zeros(2 * latent_dim, HIDDEN))
        self.b = nn.Parameter(torch.cat([torch.zeros(latent_dim), log_variance]))

    def forward(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Shift and variance, both (batch, time, latent), from (batch, time, obs)."""
        u = self._windows(y)
        found = u @ self.L.T + torch.tanh(u @ self.A.T + self.a) @ self.B.T + self.b
        shift, log_variance = found.chunk(2, dim=-1)
        return shift, log_variance.exp()

    def _windows(self, y: Tensor) -> Tensor:
        """y_t, the differences y_t+j - y_t, and for each j whether it is missing, (batch, time, size)."""
        batch, time, _ = y.shape
        rows = torch.arange(time, device=y.device)
        columns = [y]
        for j in range(1, self.ahead + 1):
            columns.append(torch.where((rows + j < time)[:, None], y[:, (rows + j).clamp(max=time - 1)] - y, 0.0))
        for j in range(1, self.ahead + 1):
            columns.append((rows + j >= time).to(y.dtype)[None, :, None].expand(batch, -1, 1))
        return torch.cat(columns, dim=-1)
