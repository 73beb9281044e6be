"""Shipped specs: `dsr run NAME` runs NAME.toml of this folder, `dsr sweep NAME` if it has a section [sweep]."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from dsr.errors import SpecError

YOURS = "YOUR FILE"


def recipe_names() -> list[str]:
    return sorted(f.name.removesuffix(".toml") for f in files(__package__).iterdir() if f.name.endswith(".toml"))


def recipe(name: str) -> dict[str, Any] | None:
    """The tree of a shipped spec, None when there is none of that name."""
    return tomllib.loads(_text(name)) if name in recipe_names() else None


def described(name: str) -> str:
    """What a recipe is, from the comment at its head."""
    lines = _text(name).splitlines()
    head = [line.removeprefix("#").strip() for line in lines[: next(i for i, t in enumerate(lines) if t[:1] != "#")]]
    return " ".join(head)


def require_complete(tree: Mapping[str, Any], name: str) -> None:
    """Raises `SpecError` for a recipe that is to be run by the wrong verb, or whose data file is still to be given."""
    if "sweep" in tree:
        raise SpecError(f"'{name}', which has a section [sweep]", "a spec of one run", f"dsr sweep {name}")
    if tree.get("data", {}).get("file") == YOURS:
        raise SpecError(
            f"the recipe '{name}' without a data file", "the path of your series", f"dsr run {name} data.file=my.csv"
        )


def require_files(tree: Mapping[str, Any], name: str, words: Sequence[str]) -> None:
    """Raises `SpecError` for the recipe of a sweep whose data files are named neither there nor by the words."""
    wanted = [key for key, value in tree.get("data", {}).items() if value == YOURS]
    if not all(any(word.startswith(f"data.{key}=") for word in words) for key in wanted):
        example = " ".join(f"data.{key}={text}" for key, text in zip(wanted, ("my.csv", "other.csv"), strict=False))
        raise SpecError(f"the recipe '{name}' without its data", "paths of your series", f"dsr sweep {name} {example}")


def _text(name: str) -> str:
    return (files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
