"""`python -m dsr.runs.short_horizon`: forecasts of dysts's flows, or what is left of them, and their page."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dsr.errors import DsrError
from dsr.models import MODELS

from ...systems import dysts_names
from ..page_command import (
    PageParser,
    names_in,
    require_at_least,
    require_cells,
    require_folder,
    require_known,
    require_page,
    run_page,
    write_page,
)
from ..progress import Counted
from ..store import RunFolder
from ..threads import one_thread
from .cell import cell, made_by, trajectories
from .page import page, published

FAMILIES = ("persistence", "climatology", "parroting", "var", "dmd", "edmd", "sindy", "ngrc", "esn", "shplrnn")


def compute(store: RunFolder, systems: Sequence[str], families: Sequence[str], windows: int, seed: int) -> None:
    """All cells that are not in the store yet, system by system: the data of one serve all families.

    A cell of another version or other settings counts as missing and is replaced.
    """
    with Counted("forecasts") as progress:
        for i, system in enumerate(systems):
            missing = [f for f in families if _kept(store, system, f, windows, seed) is None]
            if missing:
                try:
                    tuning, series = trajectories(f"dysts:{system}", windows, seed)
                except DsrError as problem:  # no flow may cost the others their turn
                    print(f"{system}: left out, {problem}", file=sys.stderr)
                    continue
                for family in missing:
                    store.write_json(_file(system, family, windows, seed), cell(family, tuning, series, seed))
            progress.told(system, i + 1, len(systems))


def results(store: RunFolder, systems: Sequence[str], families: Sequence[str], windows: int, seed: int) -> Any:
    """Family -> system -> cell, of all that are in the store and made by this version with these settings."""
    found: dict[str, dict[str, Any]] = {}
    for family in families:
        cells = {system: _kept(store, system, family, windows, seed) for system in systems}
        found[family] = {system: c for system, c in cells.items() if c is not None}
    return {family: cells for family, cells in found.items() if cells}


def _kept(store: RunFolder, system: str, family: str, windows: int, seed: int) -> dict[str, Any] | None:
    found = store.read_json(_file(system, family, windows, seed))
    return found if found is not None and found.get("made by") == made_by(family) else None


def _file(system: str, family: str, windows: int, seed: int) -> str:
    return f"{family}/{system}-w{windows}-s{seed}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.short_horizon", description=__doc__)
    parser.add_argument("--systems", default="", help="names of dysts flows with commas between; all if not given")
    parser.add_argument("--models", default=",".join(FAMILIES), help=f"families; default {','.join(FAMILIES)}")
    parser.add_argument("--windows", type=int, default=20, help="windows per system; default 20")
    parser.add_argument("--seed", type=int, default=0, help="seed of initial conditions and draws; default 0")
    parser.add_argument("--published", type=Path, help="table of published results to stand beside (.csv)")
    parser.add_argument("--store", type=Path, default=Path("dsr-short-horizon"), help="folder of the cells")
    parser.add_argument("-o", "--output", type=Path, default=Path("short-horizon.md"), help="the page")
    return run_page(parser, arguments, _write, kept="the same command goes on with the forecasts that are left")


def _write(given: Namespace) -> None:
    flows = dysts_names()
    families, systems = names_in(given.models) or FAMILIES, names_in(given.systems) or flows
    require_known("flow of dysts", systems, flows)
    require_at_least("--windows", given.windows, 1)
    require_at_least("--seed", given.seed, 0)
    require_folder(given.store)
    require_page(given.output)
    known = published(given.published) if given.published else {}
    with one_thread():
        for family in families:
            MODELS.build(family, {})
        compute(RunFolder(given.store), systems, families, given.windows, given.seed)
        found = results(RunFolder(given.store), systems, families, given.windows, given.seed)
    require_cells(found, "give --systems Lorenz, or another flow that can be simulated")
    print(write_page(given.output, page(found, given.windows, known)))


if __name__ == "__main__":
    sys.exit(main())
