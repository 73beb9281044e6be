"""`dsr report`: the page of one run, or the page that compares several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsr.errors import SpecError

from .compare.command import compare_runs
from .compare.select import one_run
from .drawing import RunMaterial, draw_all
from .drawing.interactive import report_with_page
from .store import RunStore

COMPARISON_PAGE = "comparison.html"  # in the folder of the store


def report(words: Sequence[str], store: str | None, *, out: str | None) -> Path:
    """One word without "=" names a run: its figures are drawn and its page is written again. Several words, or filters
    such as model=alrnn,esn, choose runs as `dsr compare` does: the page is that of the comparison.

    out : file of the comparison; that of the store if None. Raises `StoreError` for runs that are not there, or one
    that is damaged, `SpecError` for an option that does not belong to what was asked for.
    """
    one = one_run(words)
    if one and out is not None:
        raise SpecError(
            f"--out with one run, '{words[0]}'", "a page that stays in the run's folder", "copy report.html from there"
        )
    root = RunStore(store)
    if not one:
        path = Path(out) if out is not None else root.root / COMPARISON_PAGE
        return Path(
            compare_runs(
                store, words, by="model", measures=None, form="html", out=str(path), baseline=None, table="measures"
            )
        )
    run = RunMaterial(root.find(words[0]))
    draw_all(run)
    return report_with_page(run)
