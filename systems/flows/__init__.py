"""Flows with equations of their own: each module registers its systems."""

from . import (  # noqa: F401
    aizawa,
    chen,
    chua,
    cyclic,
    double_pendulum,
    henon_heiles,
    hyper_rossler,
    kuramoto,
    lorenz84,
    neurons,
    oscillators,
    rings,
    sprott_cases,
)
