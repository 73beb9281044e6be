"""Write docs/sensitivity.md and its heat map: what each score of the scorecard notices."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..figures import render
from ..markdown import paragraphs, table
from ..page_command import PageParser, require_at_least, require_folder, require_known, run_page
from ..progress import TerminalProgress
from ..store import RunFolder
from .heat_map import heat_map
from .matrix import CASES, OTHER, PAIRS, Matrix, compute

METHOD = f"""\
A true trajectory is compared with {PAIRS} others (the floor), with one more, and with that one after something was \
done to it. Numbers are score / median of the floor; **bold** means above all {PAIRS} true pairs. "time x 1.1" and the \
like are defined in `analysis/scorecard/perturbations.py`, the scores in `analysis/scorecard/scores.py`."""


def page(matrices: Mapping[str, Matrix]) -> str:
    """Markdown with one table per system, and the rows that no score tells from truth."""
    blocks = ["# What the scores see", "Written by `python -m dsr.runs.sensitivity`; do not edit.", METHOD]
    blocks.append("![heat map](sensitivity.png)")
    for name, matrix in matrices.items():
        scores = list(matrix.floors)
        rows = [
            [label, *(_cell(matrix, label, score) for score in scores), len(matrix.separated(label))]
            for label in matrix.values
        ]
        floors = ["floor, median", *(f"{matrix.floors[s].median:.3g}" for s in scores), ""]
        missed = [label for label in matrix.values if label != OTHER and not matrix.separated(label)]
        last = f"Not told from truth by any score: {', '.join(missed)}." if missed else "Every row is told from truth."
        blocks += [f"## {name}, {matrix.length:,} rows", table(["", *scores, "seen by"], [floors, *rows]), last]
    return paragraphs(*blocks) + "\n"


def _cell(matrix: Matrix, label: str, score: str) -> str:
    text = matrix.text(label, score)
    return f"**{text}**" if score in matrix.separated(label) else text


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.sensitivity", description=__doc__)
    parser.add_argument("systems", nargs="*", help=f"of {', '.join(CASES)}; all if none is given")
    parser.add_argument("--rows", type=int, default=100_000, help="length of the trajectories; default 100000")
    parser.add_argument("--seed", type=int, default=0, help="of the trajectories and perturbations; default 0")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"), help="folder of the page; default docs")
    return run_page(parser, arguments, _write, kept="nothing was written")


def _write(given: Namespace) -> None:
    require_known("system", given.systems, CASES)
    require_at_least("--rows", given.rows, 2000)
    require_at_least("--seed", given.seed, 0)
    require_folder(given.output)
    with TerminalProgress() as progress:
        matrices = {n: compute(n, given.rows, progress.stage, given.seed) for n in given.systems or CASES}
    folder = RunFolder(given.output.absolute())
    folder.write("sensitivity.png", render(heat_map(matrices)))
    print(folder.write("sensitivity.md", page(matrices)))


if __name__ == "__main__":
    sys.exit(main())
