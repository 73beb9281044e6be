"""Errors a user can cause, in three parts: what arrived, what is accepted, what to type next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DsrError(Exception):
    """Base of all errors caused by input; the command line prints it without a traceback and exits with 2.

    Parameters
    ----------
    got : what arrived, as a clause ("the file 'a.csv' is empty").
    accepted : what would have been accepted ("a file with at least one row of numbers").
    next_step : what to type next ("check the path, or export the data again").
    """

    def __init__(self, got: str, accepted: str, next_step: str) -> None:
        self.got, self.accepted, self.next_step = got, accepted, next_step
        end = "" if next_step.endswith("?") else "."
        super().__init__(f"{got}; accepted: {accepted}; next: {next_step}{end}")


class DataError(DsrError):
    """A time series or a file that cannot be used as it is."""


class SpecError(DsrError):
    """A setting, key or name that does not exist or is out of range."""


class EscapeError(DataError):
    """A trajectory left every bound."""


class NoTangentError(DsrError):
    """A model without tangent dynamics was asked for its derivative: it has forecasts, but no exponents."""


class StoreError(DsrError):
    """The run store cannot be read or written."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to a misspelt one, or one that begins with it; None when nothing is close."""
    folded = {k.lower(): k for k in known}
    wanted = str(name).lower()
    hits = difflib.get_close_matches(wanted, folded, n=1, cutoff=0.6)
    hits += [k for k in folded if len(wanted) > 2 and k.startswith(wanted)]
    return folded[hits[0]] if hits else None


def unknown(kind: str, name: str, known: Iterable[str], *, show: str | None = None) -> SpecError:
    """The error for a name that is not in a list, with the nearest match named.

    `show` is a command that prints the list; without it the list itself is printed.
    """
    names = sorted(known)
    close = nearest(name, names)
    accepted = f"one of those printed by `{show}`" if show else "one of " + ", ".join(names)
    return SpecError(
        f"there is no {kind} '{name}'",
        accepted,
        f"did you mean '{close}'?  Type it in place of '{name}'" if close else f"choose one in place of '{name}'",
    )
