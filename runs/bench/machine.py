"""The machine that numbers were measured on: processor, builds of the native kernel, load, versions."""

from __future__ import annotations

import os

import torch

from dsr.training.native import BUILDS, library, unavailable

from ..environment import environment
from ..markdown import table

WIDTHS = {64: "AVX-512", 32: "AVX2", 16: "portable"}


def widths() -> list[int]:
    """Vector bytes of the builds of the native kernel that run here, the widest first; none where none was built."""
    if unavailable() is not None:
        return []
    supported, found = library(16).dsr_supported_bytes(), []
    for size in sorted(BUILDS, reverse=True):
        try:
            library(size)
        except OSError:
            continue
        if size <= supported:
            found.append(size)
    return found


def load() -> float | None:
    """Load average of the last minute; None where the system has none."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def say_load(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def machine_table(before: float | None, after: float | None) -> str:
    """Name of everything that the numbers depend on; `before`, `after`: load averages around the measurement."""
    found, builds = environment(), widths()
    kernel = f"{WIDTHS[builds[0]]}, {builds[0]} bytes per vector" if builds else f"none: {unavailable()}"
    rows = [
        ("processor", found["processor"] or "unknown"),
        ("cores", found["cores"]),
        ("native kernel", kernel),
        ("GPU", found["cuda"] or "none"),
        ("threads of torch", torch.get_num_threads()),
        ("load average, start", say_load(before)),
        ("load average, end", say_load(after)),
        ("platform", found["platform"]),
        ("Python", found["python"]),
        *((name, version or "not installed") for name, version in found["packages"].items()),
    ]
    return table(("", "machine"), rows, numbers=False)
