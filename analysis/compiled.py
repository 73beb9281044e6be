"""Loops in plain Python that numba compiles on first use, so that importing the package costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def compiled(loop: Callable) -> Any:
    """The compiled form of a loop over arrays, kept on disk between processes."""
    import numba

    return numba.njit(cache=True, error_model="numpy", nogil=True)(loop)
