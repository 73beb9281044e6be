"""Write docs/gallery.md and its pictures: `python -m dsr.runs.gallery -o docs`."""

from __future__ import annotations

import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from ..figures.small_png import small_png
from ..markdown import paragraphs
from ..page_command import PageParser, require_folder, run_page
from ..progress import TerminalProgress
from ..store import RunFolder, RunStore
from .pictures import Picture, of_comparisons, of_runs

FOLDER = "gallery"
HEAD = """\
Figures of a run come from `dsr figures RUN`, as PDF in the run's folder (`--format svg,png`, `--only NAMES`, `-o \
FOLDER`); those that do not apply to a run are named with the reason. Several runs, as ids or as filters (`dsr \
figures system=lorenz63 model=esn,ngrc -o FOLDER`), give the figures of their comparison. In Python each is a \
function of `dsr.runs.figures` that takes results and returns a matplotlib Figure; `render(figure, "pdf")` gives its \
bytes. One column of a journal is 8.6 cm, two are 17.8 cm; colours are told apart by colour-blind readers, and dense \
dots are pixels also in vector files."""
RUNS, MANY = "Of one run", "Of several runs"


def page(parts: dict[str, list[Picture]]) -> str:
    """Markdown with a heading, what it shows, and the picture of each."""
    blocks = ["# Figures", "Written by `python -m dsr.runs.gallery -o docs`; do not edit.", HEAD]
    for title, pictures in parts.items():
        blocks.append(f"## {title}")
        for p in pictures:
            blocks += [f"### {p.name}", f"{p.shows[0].upper()}{p.shows[1:]} ({p.source}).",
                       f"![{p.shows}]({FOLDER}/{p.name}.png)"]  # fmt: skip
    return paragraphs(*blocks) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.gallery", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("docs"), help="folder of gallery.md (default: docs)")
    parser.add_argument("--store", help="folder to keep the runs in; a temporary one if not given")
    return run_page(parser, arguments, _write, kept="pictures that were drawn stay, and the runs of a named --store")


def _write(given: Namespace) -> None:
    require_folder(given.out)
    out, parts = RunFolder(given.out), {RUNS: list[Picture](), MANY: list[Picture]()}
    with tempfile.TemporaryDirectory() as scratch, TerminalProgress() as progress:
        for title, pictures in ((RUNS, of_runs(RunStore(given.store or scratch))), (MANY, of_comparisons())):
            for picture in pictures:
                progress.stage(picture.name)
                out.write(f"{FOLDER}/{picture.name}.png", small_png(picture.figure))
                parts[title].append(picture)
    print(out.write("gallery.md", page(parts)))


if __name__ == "__main__":
    sys.exit(main())
