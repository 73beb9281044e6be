"""What a call is given, judged before anything is computed with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch

from ..errors import DataError, SpecError
from ..models import Model
from ..series import TimeSeries

PRECISIONS = {torch.float32, torch.float64}


def described(found: Any) -> str:
    """What arrived in place of something else, in words."""
    if isinstance(found, str):
        return f"the text {found!r}"
    return f"the class {found.__name__}" if isinstance(found, type) else f"a value of type {type(found).__name__}"


def require_series(found: TimeSeries, what: str) -> None:
    """Raise `DataError` for what is no `TimeSeries`, such as an array."""
    if not isinstance(found, TimeSeries):
        raise DataError(
            f"{described(found)} as {what}", "a TimeSeries", "give TimeSeries(values, dt), with values (time, dim)"
        )


def as_series(found: TimeSeries | Sequence[TimeSeries] | None, what: str) -> list[TimeSeries]:
    """One or several series as a list, empty for None. Raises `DataError` for anything else."""
    if found is None:
        return []
    several = list(found) if isinstance(found, Sequence) else [found]
    for one in several:
        require_series(one, what)
    return several


def some_series(found: TimeSeries | Sequence[TimeSeries] | None) -> list[TimeSeries]:
    """Training data as a list. Raises `DataError` for none, and for what is no series."""
    several = as_series(found, "training data")
    if not several:
        raise DataError("no training series", "one or more", "give a TimeSeries, or a list with one or more of them")
    return several


def require_model(found: Model) -> None:
    """Raise `SpecError` for what is no model, such as its class."""
    if not isinstance(found, Model):
        name = found.__name__ if isinstance(found, type) else "ShallowPLRNN"
        raise SpecError(f"{described(found)} as model", "a model", f"make one first: {name}(obs_dim=train.dim)")


def require_precision(model: Model, *copies: torch.Tensor) -> None:
    """Raise `SpecError` for weights, or copies of them, in half precision, or not all in one."""
    found = {weights.dtype for weights in (*model.parameters(), *copies)}
    if len(found) > 1 or not found <= PRECISIONS:
        raise SpecError(
            f"weights of {' and '.join(sorted(map(str, found)))}",
            "weights of torch.float32, or of torch.float64, all of one",
            "call model.double() for the model and its restarts",
        )


def require_trainable(members: Sequence[Model]) -> None:
    """Raise `SpecError` for models that gradients find nothing to train in, or not all of it."""
    model, parameters = members[0], list(members[0].parameters())
    if not parameters:
        raise SpecError(
            f"a {type(model).__name__} without parameters",
            "a model with some nn.Parameter",
            "make its weights parameters, or set closed_form = True and write solve",
        )
    frozen = [name for member in members for name, p in member.named_parameters() if not p.requires_grad]
    if frozen:
        raise SpecError(
            f"a {type(model).__name__} whose {frozen[0]} has requires_grad = False",
            "parameters all of which are trained",
            "call requires_grad_(True), or make what is fixed a buffer (register_buffer)",
        )


def as_members(model: Model, restarts: Sequence[Model]) -> list[Model]:
    """A model and its restarts. Raises `SpecError` for what is no model, and for one of another configuration: the
    survivor's weights end in `model`, where they would mean something else."""
    if isinstance(restarts, Model | str) or not isinstance(restarts, Iterable):
        raise SpecError(f"{described(restarts)} as restarts", "a list of models", "give restarts=[model, ...]")
    members = [model, *restarts]
    for member in members:
        require_model(member)
        require_precision(member)
        different = differences(model, member)
        if different:
            raise SpecError(
                f"a restart that differs from the model in its {', '.join(different)}",
                "restarts of the model's own class, arguments (but for the seed), inputs and precision",
                "make each as the model was made, with another seed",
            )
    return members


def configuration(model: Model) -> dict[str, object]:
    """What models must have in common to be trained as one ensemble, by name."""
    arguments = {
        name: repr(value.item() if isinstance(value, np.generic) else value)
        for name, value in sorted(model.arguments.items())
        if name != "seed"
    }
    own = {"class": type(model), "number of inputs": model.input_dim, "precision of the weights": model.dtype}
    return {**own, **arguments}


def differences(first: Model, second: Model) -> list[str]:
    """Names of what two models do not have in common."""
    if type(first) is not type(second):
        return ["class"]
    one, other = configuration(first), configuration(second)
    return [name for name in one if one[name] != other[name]]


def as_losses(found: Sequence[Callable[..., Any]]) -> tuple[Callable[..., Any], ...]:
    """Extra losses as a tuple. Raises `SpecError` for one that is in no list, and for what is no function."""
    several = found if isinstance(found, Sequence) and not isinstance(found, str) else None
    wrong = [one for one in several if not callable(one) or isinstance(one, type)] if several is not None else [found]
    if several is None or wrong:
        raise SpecError(
            f"{described(wrong[0])} as losses",
            "a list of functions of model, windows and predictions",
            "give losses=[MeasureMatching()]",
        )
    return tuple(several)


def require_seconds(seconds: float) -> None:
    """Raise `SpecError` for a budget that is no positive number."""
    if not isinstance(seconds, Real) or not seconds > 0:
        raise SpecError(f"seconds = {seconds!r}", "a positive number", "give the budget in seconds, or steps")


def require_seed(seed: int) -> None:
    """Raise `SpecError` for a seed that numpy does not take."""
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise SpecError(f"seed = {seed!r}", "an integer of 0 or more", "give another seed")
