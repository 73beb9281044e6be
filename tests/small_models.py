"""Small models with weights that leave no gradient zero by accident, for tests of gradients."""

import torch

from dsr.models import ALRNN, DendriticPLRNN, MeanCentredPLRNN, ShallowPLRNN, VanillaPLRNN

MAKE = {
    "alrnn": lambda n, m, size, seen, s: ALRNN(n, m, min(size, m), seen, s),
    "shplrnn": lambda n, m, size, seen, s: ShallowPLRNN(n, m, size + 1, False, seen, seed=s),
    "clipped": lambda n, m, size, seen, s: ShallowPLRNN(n, m, size + 1, True, seen, seed=s),
    "bounded": lambda n, m, size, seen, s: ShallowPLRNN(n, m, size + 1, True, seen, bounded=True, seed=s),
    "plrnn": lambda n, m, size, seen, s: VanillaPLRNN(n, m, seen, s),
    "mcplrnn": lambda n, m, size, seen, s: MeanCentredPLRNN(n, max(m, 2), seen, s),
    "dendplrnn": lambda n, m, size, seen, s: DendriticPLRNN(n, m, size + 1, False, seen, seed=s),
    "clipped dendritic": lambda n, m, size, seen, s: DendriticPLRNN(n, m, size + 1, True, seen, seed=s),
    "bounded dendritic": lambda n, m, size, seen, s: DendriticPLRNN(n, m, size + 1, True, seen, bounded=True, seed=s),
}


def members(kind, obs_dim, latent, hidden, observation, count):
    """`count` models in double precision of a family of `MAKE`, with `hidden` as its further size."""
    models = [MAKE[kind](obs_dim, latent, hidden, observation, seed).double() for seed in range(count)]
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in (p for m in models for p in m.parameters()):
            p.add_(0.2 * torch.randn(p.shape, generator=rng, dtype=p.dtype))
    return models
