"""What the families of state-space models have in common: how they are trained, searched and refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..registry import Range

TRAINING: Mapping[str, Any] = {
    "steps": 6000,
    "batch_size": 32,
    "window": 50,
    "warm_up": 0,
    "learning_rate": 1e-2,
    "final_learning_rate": 1e-5,
    "schedule": "cosine",
    "noise": 0.0,
    "check_steps": 20_000,
}
SEARCH: Mapping[str, Range] = {
    "features": Range(16, 128, log=True),
    "depth": Range(1, 3),
    "timescale_low": Range(0.03, 0.6, log=True),
}
BLOCK = (
    "u = E x + e;  each layer: u <- u + a s(b), (a, b) = W gelu(y) + w, y = linear(u or LN(u));  "
    "x' = x + gain (G u + g)"
)
SYMBOLS: Mapping[str, str] = {
    "E": "observation to features (H, N)",
    "e": "bias of the features (H)",
    "W": "response to value a and gate b (2 H, H)",
    "w": "bias of the same (2 H)",
    "G": "features to the increment (N, H)",
    "g": "bias of the increment (N)",
    "C": "memory to response",
    "D": "feature to its own response (H)",
}
