"""The model registry: name -> frozen config whose fields are the keys of a spec's [model] section."""

from __future__ import annotations

import abc
from dataclasses import dataclass

from ..registry import Registry
from .base import Model


@dataclass(frozen=True)
class ModelConfig(abc.ABC):
    """Settings of a model family; `build` makes the model with initial weights drawn from `seed`."""

    @abc.abstractmethod
    def build(self, obs_dim: int, seed: int) -> Model: ...


MODELS: Registry[ModelConfig] = Registry("model", show="dsr models")
