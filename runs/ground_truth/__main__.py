"""Write the page about the systems and their invariants, from the table in the package."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..page_command import PageParser, require_page, run_page
from ..store import RunFolder
from .page import page


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.ground_truth", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/systems.md"), help="default: docs/systems.md")
    return run_page(parser, arguments, _write, kept="the page was left as it was")


def _write(given: Namespace) -> None:
    require_page(given.out)
    print(RunFolder(given.out.parent).write(given.out.name, page()))


if __name__ == "__main__":
    sys.exit(main())
