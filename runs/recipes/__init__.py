"""Shipped specs: `dsr run NAME` runs NAME.toml of this folder."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any


def recipe_names() -> list[str]:
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).iterdir() if f.name.endswith(".toml"))


def recipe(name: str) -> dict[str, Any] | None:
    """The tree of a shipped spec, None when there is none of that name."""
    if name not in recipe_names():
        return None
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
