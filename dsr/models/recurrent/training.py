"""How recurrent networks are trained here: full forcing over windows longer than their memory."""

from collections.abc import Mapping
from typing import Any

# For fully observed data; with hidden variables, or slow ones, the window and the warm-up must be as long as what is
# to be remembered. The loss is small (clean data are learned to 1e-4), so the rate starts high and ends low.
RECURRENT_TRAINING: Mapping[str, Any] = {
    "steps": 12_000,
    "batch_size": 32,
    "window": 50,
    "warm_up": 10,
    "learning_rate": 1e-2,
    "final_learning_rate": 1e-5,
    "schedule": "cosine",
    "noise": 0.0,
    "checks": 5,
    "check_steps": 20_000,  # some 200 time units of Lorenz-63: in fewer, chaos cannot be told from a transient
}
# the fused kernel of the GRU costs twice that of the LSTM, the loop of a cell without one up to ten times
GRU_TRAINING: Mapping[str, Any] = {**RECURRENT_TRAINING, "steps": 6000}
LOOPED_TRAINING: Mapping[str, Any] = {**RECURRENT_TRAINING, "steps": 3000}
