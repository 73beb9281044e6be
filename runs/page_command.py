"""What the commands that write a page, such as `python -m dsr.runs.validation`, share: refusals, how they end."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NoReturn

from dsr.errors import DsrError, SpecError, StoreError, nearest, unknown

from .store import RunFolder


class PageParser(argparse.ArgumentParser):
    """What it refuses is an error like any other."""

    def error(self, message: str) -> NoReturn:
        option = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        close = nearest(option[1], self._option_string_actions) if option else None
        next_step = f"did you mean '{close}'?" if close else f"type {self.prog} --help"
        raise SpecError(message, f"what `{self.prog} --help` lists", next_step)


def run_page(
    parser: PageParser, arguments: Sequence[str] | None, write: Callable[[argparse.Namespace], int | None], kept: str
) -> int:
    """Run a command; the exit status: what `write` returns, 2 for an error of the user, 130 for Ctrl-C.

    write : computes and writes the page; None is success. kept : what Ctrl-C leaves, as the end of a sentence.
    """
    try:
        return write(parser.parse_args(arguments)) or 0
    except DsrError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"interrupted; {kept}", file=sys.stderr)
        return 130


def names_in(text: str) -> list[str]:
    """The names of a list with commas between."""
    return [name.strip() for name in text.split(",") if name.strip()]


def require_known(kind: str, names: Sequence[str], known: Collection[str]) -> None:
    """Raises `SpecError` for the first name that does not exist, with the nearest that does."""
    for name in names:
        if name not in known:
            raise unknown(kind, name, known)


def require_at_least(option: str, number: int | None, least: int) -> None:
    """Raises `SpecError` for a number that is too small; None is an option that was not given."""
    if number is not None and number < least:
        raise SpecError(f"{option} {number}", f"{least} or more", f"leave it out, or give {option} {least}")


def require_page(page: Path) -> None:
    """Raises `StoreError` where no file can be written, before hours are spent on its content."""
    folder = page.absolute().parent
    if page.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise StoreError(f"the page '{page}' cannot be written", "a file in a folder that exists", "give -o FILE.md")


def require_folder(folder: Path) -> None:
    """Raises `StoreError` for a folder that neither is there nor can be made."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise StoreError(f"the folder '{folder}' cannot be written", "a folder, there or new", "name another")


def write_page(page: Path, text: str) -> Path:
    """Write it and return where it is; a page that was there stays until the new one is complete."""
    return RunFolder(page.absolute().parent).write(page.name, text)


def require_cells(cells: Collection[object], next_step: str) -> None:
    """Raises `StoreError` for a page that would be empty: the one that is there stays."""
    if not cells:
        raise StoreError("there is no result to write a page of", "one at least of this version of dsr", next_step)
