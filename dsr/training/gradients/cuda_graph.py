"""A gradient backend recorded once as a CUDA graph and replayed: one launch in place of a thousand.

At small sizes the torch backend spends nearly all its time on a GPU launching operations of a few microseconds; a graph
launches them together. The arithmetic, and so every number, stays that of the recorded backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import SpecError
from ...models import Model
from ...models.observation import AffineObservation
from ..ensemble import Ensemble

if TYPE_CHECKING:
    from .gradient import Backend

WARM_UP = 3  # calls before recording: libraries allocate workspaces and kernels are compiled in the first ones


class GraphedGradient:
    """`backend` as a graph, `(ensemble, windows, strengths) -> loss (K,)`; recorded anew when the ensemble, its storage
    or a shape changes.

    The backend must do the same operations whatever the values: no branch on a strength, no copy to the host. It
    belongs to the graph from the first call on: calling it elsewhere with another shape would free the buffers that
    the graph writes to. Raises SpecError without a CUDA device, and for an affine observation model, whose
    pseudo-inverse waits for the host.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> Tensor:
        _refuse(ensemble, windows)
        graph = self._graph
        if graph is None or not self._fits(ensemble, windows):
            graph = self._record(ensemble, windows, strengths)
        self._windows.copy_(windows)
        self._strengths.copy_(strengths)
        graph.replay()
        return self._loss.clone()

    def _fits(self, ensemble: Ensemble, windows: Tensor) -> bool:
        known = self._windows
        return (
            ensemble is self._ensemble
            and ensemble.flat.data_ptr() == self._storage
            and (windows.shape, windows.dtype, windows.device) == (known.shape, known.dtype, known.device)
        )

    def _record(self, ensemble: Ensemble, windows: Tensor, strengths: Tensor) -> torch.cuda.CUDAGraph:
        self._graph = None  # before the backend lets go of the buffers of the old shape
        self._ensemble, self._storage = ensemble, ensemble.flat.data_ptr()
        self._windows = windows.clone(memory_format=torch.contiguous_format)
        self._strengths = strengths.clone(memory_format=torch.contiguous_format)
        with torch.cuda.device(windows.device):
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    self._backend(ensemble, self._windows, self._strengths)
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=side):
                self._loss = self._backend(ensemble, self._windows, self._strengths)
        self._graph = graph
        return graph


def supports(model: Model) -> bool:
    """Whether the gradient of this model can be recorded: not through the pseudo-inverse of an affine observation."""
    return not isinstance(getattr(model, "observation", None), AffineObservation)


def _refuse(ensemble: Ensemble, windows: Tensor) -> None:
    if not windows.is_cuda:
        raise SpecError(
            f"a CUDA graph of data on {windows.device}", "data on a CUDA device", "set training.backend to auto"
        )
    if not supports(ensemble.model):
        raise SpecError(
            "a CUDA graph with observation = affine",
            "observation = identity",
            "set observation to identity, or train on the cpu",
        )
