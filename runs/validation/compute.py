"""All runs of the sections as one sweep: seed 0 of everything first, so that an unfinished page is a balanced one."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..recipes import recipe
from ..store import RunStore
from ..sweep.cluster import connected
from ..sweep.engine import run_sweep
from ..sweep.jobs import Job, jobs_of
from ..sweep.plan import combinations
from ..sweep.watch import TerminalWatch
from ..sweep.worker import compute as compute_run
from .ledger import Key
from .repeat import second, spread
from .section import Section

SHOWN_FAILURES = 20


def compute(
    sections: Sequence[Section],
    store: RunStore,
    *,
    data: Path | None,
    seeds: int | None,
    workers: int | None,
    repeat: int = 0,
    known: Container[Key] = (),
) -> int:
    """Compute what the store does not have yet; returns how many runs have failed, which are named on standard error.

    repeat : so many of the runs that the store has are computed a second time instead. known : runs that the page has
    already. Sections whose published files are not there are left out, with the reason.
    """
    jobs = planned(sections, store, data, seeds)
    if repeat:
        chosen, store = spread(jobs, repeat), second(store)
        jobs = [
            replace(job, folder=store.folder(job.spec.experiment, job.run_id)) for job in jobs if job.run_id in chosen
        ]
    else:
        jobs = [job for job in jobs if (job.spec.experiment, job.run_id) not in known]
    if not jobs:
        return 0
    with TerminalWatch() as watch, connected(workers=workers) as client:
        done = run_sweep(jobs, client, store, watch=watch, pack=0, work=partial(compute_run, report=False))
    for job, reason in done.failed[:SHOWN_FAILURES]:
        print(f"failed: {job.run_id} ({job.label}): {reason}", file=sys.stderr)
    if len(done.failed) > SHOWN_FAILURES:
        print(f"and {len(done.failed) - SHOWN_FAILURES} more; see dsr runs --state failed", file=sys.stderr)
    return len(done.failed)


def planned(sections: Sequence[Section], store: RunStore, data: Path | None, seeds: int | None) -> list[Job]:
    """The runs of the sections in the order in which they are computed."""
    found: list[tuple[float, Job]] = []
    for section in sections:
        words = list(_files(section, data))
        if len(words) < len(section.files):
            where = "no folder was named by --data" if data is None else f"'{data}' does not hold its files"
            print(f"{section.recipe}: left out, {where}", file=sys.stderr)
            continue
        jobs = jobs_of(combinations(recipe(section.recipe) or {}, words), store)
        count = len({job.spec.seed for job in jobs})
        found += [(job.spec.seed / count, job) for job in jobs if seeds is None or job.spec.seed < seeds]
    return [job for _, job in sorted(found, key=lambda pair: pair[0])]


def _files(section: Section, data: Path | None) -> Iterator[str]:
    """The words that name the published files, of those that are there."""
    for key, name in section.files:
        if data is not None and (data / name).is_file():
            yield f"data.{key}={data / name}"
