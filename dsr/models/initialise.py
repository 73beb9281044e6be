"""Initial weights of the PLRNN family, drawn from an explicit generator."""

from __future__ import annotations

import torch
from torch import Tensor


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def uniform(shape: tuple[int, ...], fan_in: int, rng: torch.Generator) -> Tensor:
    """Uniform on (-r, r) with r = 1/sqrt(fan_in)."""
    return (2 * torch.rand(shape, generator=rng) - 1) / fan_in**0.5


def normalised_positive_definite(n: int, rng: torch.Generator) -> Tensor:
    """A random positive definite (n, n) matrix with largest eigenvalue 1 (Talathi & Vartak 2016, arXiv:1511.03771): a
    linear start that neither grows nor forgets at once."""
    r = torch.randn((n, n), generator=rng, dtype=torch.float64)
    k = r.T @ r / n + torch.eye(n, dtype=torch.float64)
    return (k / torch.linalg.eigvalsh(k).max()).to(torch.get_default_dtype())


def normalised_positive_definite_diagonal(n: int, rng: torch.Generator) -> Tensor:
    """Diagonal of such a matrix: self-connections between 0 and 1."""
    return normalised_positive_definite(n, rng).diagonal().clone()
