"""A model whose state is what is observed."""

from __future__ import annotations

import abc

from torch import Tensor

from .base import Model


class ObservedModel(Model, abc.ABC):
    """A model whose state is what is observed: a subclass writes `step` alone."""

    def decode(self, z: Tensor) -> Tensor:
        return z

    def encode(self, y: Tensor) -> Tensor:
        return y

    def initial(self, y: Tensor) -> Tensor:
        return y[:, -1]
