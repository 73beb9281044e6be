"""Small models with weights that leave no gradient zero by accident, for tests of gradients."""

import torch

from dsr.models import ALRNN, ShallowPLRNN


def members(kind, obs_dim, latent, hidden, observation, count):
    """`count` models in double precision of the family "alrnn", "shplrnn" or "clipped"."""
    make = {
        "alrnn": lambda s: ALRNN(obs_dim, latent, min(hidden, latent), observation, s),
        "shplrnn": lambda s: ShallowPLRNN(obs_dim, latent, hidden + 1, False, observation, s),
        "clipped": lambda s: ShallowPLRNN(obs_dim, latent, hidden + 1, True, observation, s),
    }[kind]
    models = [make(seed).double() for seed in range(count)]
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in (p for m in models for p in m.parameters()):
            p.add_(0.2 * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    return models
