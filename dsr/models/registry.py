"""The model registry: name -> frozen config whose fields are the keys of a spec's [model] section."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..registry import Registry
from .base import Model


@dataclass(frozen=True)
class ModelConfig(abc.ABC):
    """Settings of a model family; `build` makes the model with initial weights drawn from `seed`.

    `recommended_forcing` and `recommended_training` are what a spec gets where it says nothing: families differ in the
    teacher forcing and in the window length they can be trained with.
    """

    recommended_forcing: ClassVar[str] = "generalized"
    recommended_training: ClassVar[Mapping[str, Any]] = {}

    @abc.abstractmethod
    def build(self, obs_dim: int, seed: int) -> Model: ...


MODELS: Registry[ModelConfig] = Registry("model", show="dsr models")
