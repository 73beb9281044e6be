"""`python -m dsr.runs.bench`: measure training on this machine and write BENCHMARKS.md."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from dsr.errors import SpecError

from ..page_command import PageParser, names_in, require_known, require_page, run_page, write_page
from ..progress import TerminalProgress
from ..threads import one_thread
from .estimators import estimators
from .forcing import forcings
from .goals import Section
from .gpu import fleets
from .gradients import gradient_errors
from .lyapunov import lyapunov
from .machine import load, machine_table
from .newton import newton
from .optimiser import optimiser_cost
from .page import page
from .piecewise_linear import piecewise_linear
from .processes import memory, scaling
from .reservoirs import reservoirs
from .systems import systems
from .timing import FULL, QUICK, Effort, Say, within
from .training import ensembles, single_models

SECTIONS: dict[str, Callable[[Effort, Say], Section]] = {
    "training": single_models,
    "ensembles": ensembles,
    "gradients": gradient_errors,
    "forcing": forcings,
    "optimiser": optimiser_cost,
    "gpu": fleets,
    "scaling": scaling,
    "memory": memory,
    "parallel_in_time": newton,
    "reservoirs": reservoirs,
    "piecewise_linear": piecewise_linear,
    "lyapunov": lyapunov,
    "estimators": estimators,
    "systems": systems,
}
SLOW = ("parallel_in_time", "estimators", "systems")  # left out of a quick run that does not name them


def bench(names: Sequence[str], output: Path, *, quick: bool = False) -> Path:
    """Run the named sections and write the page, whole or not at all.

    Raises `SpecError` for a section that does not exist, `StoreError` for a page that could not be written.
    """
    require_known("section", names, SECTIONS)
    require_page(output)
    chosen = [name for name in SECTIONS if name in names]
    if not chosen:
        raise SpecError("no section", f"one or more of {', '.join(SECTIONS)}", "give --sections training")
    effort, before, sections = QUICK if quick else FULL, load(), []
    with one_thread():
        with TerminalProgress() as progress:
            for name in chosen:
                progress.stage(name)
                sections.append(SECTIONS[name](effort, within(progress.stage, name)))
        text = page(sections, machine_table(before, load()), effort, rough=quick)
    return write_page(output, text)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = PageParser(prog="python -m dsr.runs.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough run within a minute")
    parser.add_argument("--sections", help=f"names with commas between, of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("-o", "--output", type=Path, default=Path("BENCHMARKS.md"), help="default: BENCHMARKS.md")
    return run_page(parser, arguments, _write, kept="the page was left as it was, and no measurement is kept")


def _write(given: Namespace) -> None:
    names = [n for n in SECTIONS if not (given.quick and n in SLOW)]
    print(bench(names if given.sections is None else names_in(given.sections), given.output, quick=given.quick))


if __name__ == "__main__":
    sys.exit(main())
