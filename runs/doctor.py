"""`dsr doctor`: what is installed, and whether a run would work on this machine."""

from __future__ import annotations

import tempfile
import warnings
from typing import Any

from .environment import environment
from .series_cache import SeriesCache
from .store import RunStore


def examine(store: str | None) -> dict[str, Any]:
    """Environment, training backends, the store, and sentences about what is wrong or missing."""
    found = environment()
    problems = [f"package {name} is not installed" for name, version in found["packages"].items() if version is None]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import nolds  # noqa: F401
    except Exception as problem:
        problems.append(f"nolds cannot be imported ({problem}); only cross-checks of exponents need it")
    root = RunStore(store).root.absolute()
    parent = next(p for p in (root, *root.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as problem:
        problems.append(f"the store {root} cannot be written ({problem.strerror})")
    from dsr.training.backends import backend_report

    cache = SeriesCache.of(RunStore(store))
    size = sum(stat.st_size for stat in cache.files().values())
    kept = {"folder": str(cache.root.absolute()), "bytes": size, "limit": cache.limit}
    return {**found, "backends": backend_report(), "store": str(root), "series": kept, "problems": problems}


def lines(found: dict[str, Any]) -> list[str]:
    head = [f"{key:<14} {found[key]}" for key in ("python", "platform", "processor", "cores")]
    head.append(f"{'cuda':<14} {found['cuda'] or 'none: runs on the CPU'}")
    head += [f"{'backend ' + name:<17} {state}" for name, state in found["backends"].items()]
    head += [f"{name:<14} {version}" for name, version in found["packages"].items()]
    head.append(f"{'store':<14} {found['store']}")
    kept = found["series"]
    head.append(f"{'series':<14} {kept['folder']}: {kept['bytes'] / 1e6:.0f} of {kept['limit'] / 1e6:.0f} MB")
    return [*head, *(f"problem: {p}" for p in found["problems"] or ["none"])]
