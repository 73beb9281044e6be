"""Why a figure does not apply to a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dsr.errors import DataError, NoTangentError, SpecError


class NotApplicable(Exception):
    """The reason is its text."""


@contextmanager
def analysed() -> Iterator[None]:
    """Turns what an analysis refuses about these data or this model into the reason that there is no figure."""
    try:
        yield
    except (DataError, SpecError, NoTangentError) as problem:
        raise NotApplicable(problem.got) from problem
