"""The step of a model as an ONNX graph or a torch.export program."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from dsr.errors import SpecError
from dsr.models import Model

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ARITHMETIC = {"add", "sub", "rsub", "mul", "div", "rdiv", "lerp"}
MISSING = re.compile(r"No ONNX function found for <OpOverload\(op='aten\.(\w+)'")


class _Step(torch.nn.Module):
    """state (batch, state) -> (next state, its observation in data units)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, state: Tensor) -> tuple[Tensor, Tensor]:
        with _DoubleNumbers():
            following = self.model.step(state)
            return following, self.model.observe(following)


class _DoubleNumbers(TorchFunctionMode):
    """Numbers in sums, products and `lerp` become tensors: torch.onnx rounds plain ones to single precision."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function.__name__.strip("_") in ARITHMETIC:
            args = [torch.tensor(a, dtype=torch.float64) if isinstance(a, float) else a for a in args]
        return function(*args, **(kwargs or {}))


def step_bytes(model: Model, kind: str) -> bytes:
    """The step of a model in double precision, with a free batch size.

    ".onnx" : input "state", outputs "next_state" and "observation" (data units); runs without Python. ".pt2" : the
    program of torch.export, for `torch.export.load`. Initial states come from the model here (`initial_state`).

    Raises `SpecError` for a missing package, or a step that cannot be traced, with the reason.
    """
    step = _Step(model.in_float64()).eval()
    example = torch.zeros((2, model.state_dim), dtype=torch.float64)
    sizes = ({0: torch.export.Dim("batch")},)
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")  # deprecations inside torch
            if kind == ".pt2":
                buffer = io.BytesIO()
                torch.export.save(torch.export.export(step, (example,), dynamic_shapes=sizes), buffer)
                return buffer.getvalue()
            program = torch.onnx.export(
                step, (example,), dynamo=True, dynamic_shapes=sizes, input_names=["state"],
                output_names=["next_state", "observation"], verbose=False,
            )  # fmt: skip
            if program is None:
                raise RuntimeError("torch.onnx.export returned nothing")
            return program.model_proto.SerializeToString()
    except ImportError as problem:
        raise SpecError(
            f"the format {kind} without the package {problem.name}", "an installation with it",
            "pip install 'dsr-workbench[export]'",
        ) from problem  # fmt: skip
    except Exception as problem:  # torch names no common class for what it cannot trace
        raise SpecError(
            f"the step of a {type(model).__name__}, which cannot be written as {kind} ({reason(problem)})",
            "a model whose step is plain tensor operations",
            "use --to torch, or load_model of dsr.runs.weights in Python" if kind == ".onnx"
            else "use it in Python with dsr.runs.weights.load_model",
        ) from problem  # fmt: skip


def reason(problem: BaseException) -> str:
    """One line from the exporter's chain of causes, without its advice to developers and its colours."""
    while problem.__cause__ is not None:
        problem = problem.__cause__
    text = COLOUR.sub("", str(problem)).strip()
    if missing := MISSING.search(text):
        return f"ONNX has no operator for {missing[1]}" + (" of complex numbers" if "complex" in text else "")
    return text.splitlines()[0] if text else type(problem).__name__


class _quiet:
    """torch says on standard error which packages it could not find."""

    def __enter__(self) -> None:
        self.before = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *_: object) -> None:
        logging.disable(self.before)
