"""Fixtures for all tests: a guard against changed global state, and the folder of reference data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def _torch_state() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's random state": torch.random.get_rng_state().numpy().tobytes(),
        "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "torch's gradient mode": torch.is_grad_enabled(),
    }


def _state() -> dict[str, Any]:
    name, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002
    state = {
        "numpy's random state": (name, keys.tobytes(), position, has_gauss, gauss),
        "numpy's error handling": tuple(np.geterr().items()),
    }
    return state | _torch_state()


@pytest.fixture(autouse=True)
def global_state_is_kept() -> Iterator[None]:
    """Fail a test that changed global state: results would depend on what ran before."""
    before = _state()
    yield
    after = _state()
    changed = [name for name, value in before.items() if after[name] != value]
    assert not changed, f"the test changed {', '.join(changed)}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published reference data beside the repository; tests skip without it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no reference data in {folder.name}/ beside the repository")
    return folder
