"""`python -m dsr.runs.validation`: every recipe of the page computed, or what is left of it, and docs/validation.md."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..environment import environment
from ..page_command import PageParser, require_at_least, require_cells, require_folder, require_known, run_page
from ..store import RunFolder, RunStore
from .compute import compute
from .ledger import Key, joined, read_ledger, runs_of, write_ledger
from .page import comparisons, page
from .repeat import repeated, told, write_repeated
from .section import FOLDER, Section
from .sections import SECTIONS

PAGE, MINIMAL = "validation.md", "minimal"


def chosen(names: Sequence[str]) -> tuple[Section, ...]:
    """The sections of these recipes, all of them without a name. Raises `SpecError` for one that there is none of."""
    known = {section.recipe: section for section in SECTIONS}
    require_known("section named", names, known)
    return tuple(section for name, section in known.items() if name in names or not names)


def machine() -> str:
    found = environment()
    packages = ", ".join(f"{name} {version}" for name, version in found["packages"].items() if version)
    return f"Written on {found['processor'] or 'an unknown processor'}, {found['cores']} cores, {packages}."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status: 1 if runs have failed, 2 for an error of the user."""
    parser = PageParser(prog="python -m dsr.runs.validation", description=__doc__)
    parser.add_argument("sections", nargs="*", help=f"recipes; default all: {', '.join(s.recipe for s in SECTIONS)}")
    parser.add_argument("--store", default="dsr-validation", help="the run store; default dsr-validation")
    parser.add_argument("--data", type=Path, help="folder of the published files; their sections are left out without")
    parser.add_argument("--seeds", type=int, help="only so many seeds of each recipe")
    parser.add_argument("--workers", type=int, help="processes; one per processor if not given")
    parser.add_argument("--repeat", type=int, default=0, help="compute so many finished runs a second time instead")
    parser.add_argument("--anew", action="store_true", help="compute also what the page in the output folder has")
    parser.add_argument("--page", action="store_true", help="compute nothing, write the page of what there is")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"), help="folder of the page; default docs")
    return run_page(parser, arguments, _write, kept="the same command goes on with the runs that are left")


def _write(given: Namespace) -> int:
    """1 if runs have failed."""
    store, out, failed = RunStore(given.store), RunFolder(given.output), 0
    sections = chosen(given.sections)
    for option, number, least in (
        ("--seeds", given.seeds, 1), ("--workers", given.workers, 1), ("--repeat", given.repeat, 0),
    ):  # fmt: skip
        require_at_least(option, number, least)
    require_folder(given.output)
    if not given.page:
        known = frozenset[Key]() if given.anew else runs_of(read_ledger(out))
        failed = compute(
            sections, store, data=given.data, seeds=given.seeds, workers=given.workers, repeat=given.repeat,
            known=known,
        )  # fmt: skip
    from ..figures.small_png import small_png
    from .figures import SHARP, draw  # matplotlib
    from .minimal.collect import collect, keep
    from .minimal.figure import minimal_figure
    from .minimal.section import blocks

    table, pictures = joined(store, out), {}
    there = comparisons(table, SECTIONS)
    require_cells(there, "leave --page out, so that runs are computed, or name another --store")
    write_ledger(out, table)
    for name, content in draw(there).items():
        pictures[name] = f"{FOLDER}/{name}.png"
        out.write(pictures[name], content)
    collected = collect(store, out, given.data)
    keep(store, out, collected)
    if figure := minimal_figure(out, collected):
        pictures[MINIMAL] = f"{FOLDER}/{MINIMAL}.png"
        out.write(pictures[MINIMAL], small_png(figure, times=SHARP))
    write_repeated(out, again := repeated(store, out))
    more = [*blocks(collected, pictures.get(MINIMAL)), told(again)]
    print(out.write(PAGE, page(table, SECTIONS, there, machine(), pictures, more)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
