"""What typer finds wrong with a command line, in the three parts of every error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer

from dsr.errors import SpecError, nearest

UsageError: Any = typer.BadParameter.__mro__[1]  # of the click that typer uses, its own or another


def require_unicode(words: Sequence[str]) -> None:
    """Raises `SpecError` for a word of bytes that are not UTF-8: neither a spec nor a report could hold it."""
    for word in words:
        raw = os.fsencode(word)
        shown = raw.decode("utf-8", "backslashreplace")
        if shown != word:
            raise SpecError(f"the argument '{shown}' is not UTF-8", "names in UTF-8", "rename the file, or link to it")


def refused(problem: Any) -> SpecError:
    """The same as a `SpecError`; a command that was typed without anything shows its help instead."""
    if type(problem).__name__ == "NoArgsIsHelpError":
        problem.show()
        sys.exit(2)
    verb = problem.ctx.command_path if problem.ctx else "dsr"
    said = re.split(r" Did you mean| \(Possible| \(Did you", problem.format_message())[0].rstrip(".")
    word = re.search(r"(?:option:? '?|command ')-*([\w-]+)", said)
    known = {name.lstrip("-"): name for name in getattr(problem, "possibilities", None) or _verbs(problem)}
    close = nearest(word[1], known) if word else None
    step = f"did you mean '{known[close]}'?" if close else f"type {verb} --help"
    return SpecError(said[:1].lower() + said[1:], f"what `{verb} --help` lists", step)


def _verbs(problem: Any) -> list[str]:
    return list(getattr(problem.ctx.command, "commands", ())) if problem.ctx else []
