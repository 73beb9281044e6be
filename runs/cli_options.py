"""Options that many verbs of the command line share."""

from __future__ import annotations

from typing import Annotated

import typer

StoreOption = Annotated[str | None, typer.Option(help="folder of runs; default DSR_STORE, then ./dsr-runs")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON instead of a table")]
Overrides = Annotated[list[str] | None, typer.Argument(help="settings as key=value, such as training.steps=5000")]
