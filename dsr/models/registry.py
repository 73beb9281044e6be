"""The model registry: name -> frozen config whose fields are the keys of a spec's [model] section."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..errors import SpecError
from ..registry import Registry
from .base import Model


@dataclass(frozen=True)
class Range:
    """Values that a search draws a setting from: between `low` and `high`, by logarithm if `log`, whole numbers if
    both ends are; or one of `choices`."""

    low: float = 0.0
    high: float = 1.0
    log: bool = False
    choices: tuple[Any, ...] = ()


@dataclass(frozen=True)
class ModelConfig:
    """Settings of a model family: the keyword arguments of `family` but for `obs_dim` and `seed`.

    equations, symbols, when_to_use, references : what `dsr models NAME` prints; `symbols` gives the meaning of each
    parameter by name. recommended_forcing, recommended_training : what a spec gets where it says nothing, since
    families differ in the teacher forcing and in the window length they can be trained with. search_space : the
    settings that a hyper-parameter search varies.
    """

    family: ClassVar[type[Model]]
    equations: ClassVar[str]
    symbols: ClassVar[Mapping[str, str]]
    when_to_use: ClassVar[str]
    references: ClassVar[tuple[str, ...]]
    recommended_forcing: ClassVar[str] = "generalized"
    recommended_training: ClassVar[Mapping[str, Any]] = {}
    search_space: ClassVar[Mapping[str, Range]] = {}

    @final
    def build(self, obs_dim: int, seed: int) -> Model:
        """A model with initial weights drawn from `seed`."""
        options: dict[str, Any] = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        make: Callable[..., Model] = self.family
        return make(obs_dim, **options, seed=seed)


MODELS: Registry[ModelConfig] = Registry("model", show="dsr models")


def config_of(model: Model) -> tuple[str, ModelConfig]:
    """Registered name and configuration of a model, from which `build` makes another of its kind.

    Raises `SpecError` for a class that is not registered.
    """
    name = name_of(type(model))
    if name is not None:
        config = MODELS[name]
        return name, config(**{f.name: model.arguments[f.name] for f in dataclasses.fields(config)})
    raise SpecError(
        f"a model of the class {type(model).__name__}",
        f"one of the registered families: {', '.join(MODELS)}",
        "register its configuration with MODELS.register(name)",
    )


def name_of(family: type[Model]) -> str | None:
    """The name a family is registered under, None for a class that is not."""
    return next((name for name in MODELS if MODELS[name].family is family), None)
