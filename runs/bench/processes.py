"""What single timings do not show: two processes at once, and memory over a million steps."""

from __future__ import annotations

import os
import time

import numpy as np

from .goals import GROWTH_KIB, TWO_PROCESSES, Goal, Section
from .machine import load, say_load, widths
from .sizes import SIZES, Size
from .timing import Effort, Ratio, Say, steps_within
from .worker import Done, Worker

WARM_UP = 20_000  # steps after which memory is counted
SMALL = Size("small", "alrnn", 3, 20, 2, 16, 20, 1.0, 16)  # a step of some 10 us
SIZE = "S1"


def scaling(effort: Effort, say: Say) -> Section:
    """Steps per second of two processes together over those of one, by wall time."""
    title, busy, what = "Two processes on two cores", load(), "steps per second of two processes over one"
    reason = _no_room(busy)
    if reason:
        goal = Goal(what, SIZE, TWO_PROCESSES, None, reason=reason, unit="x")
        return Section(title, f"Not measured: {reason}.", [goal])
    backend = _backend()
    with Worker(SIZES[SIZE], backend) as one, Worker(SIZES[SIZE], backend) as other:
        steps = steps_within(lambda n: one.run(n), effort.seconds * 2, clock=time.perf_counter)
        other.run(1)
        rng, walls, cpus = np.random.default_rng(0), [], []
        for i in range(effort.rounds):
            say(f"round {i + 1} of {effort.rounds}")
            if rng.random() < 0.5:
                both, alone = _together(one, other, steps), one.run(steps)
            else:
                alone, both = one.run(steps), _together(one, other, steps)
            walls.append(2 * alone.wall / max(done.wall for done in both))
            cpus.append(2 * alone.cpu / max(done.cpu for done in both))
    found, apart = (Ratio(float(np.median(x)), min(x), max(x)) for x in (walls, cpus))
    text = (
        f"{SIZE}, {backend} backend, {steps:,} steps each, wall time: two processes make {found} times the steps per "
        f"second of one; by CPU seconds, which leave out waiting for a core, {apart}. Load average before: "
        f"{say_load(busy)}, which counts this program itself; after: {say_load(load())}."
    )
    return Section(title, text, [Goal(what, SIZE, TWO_PROCESSES, found.median, unit="x")])


def memory(effort: Effort, say: Say) -> Section:
    """Resident memory of a process before and after a long run."""
    backend, steps = _backend(), effort.long_run
    what = f"growth of memory over {steps:,} steps"
    with Worker(SMALL, backend) as worker:
        say("warming up")
        before = worker.run(WARM_UP).rss_kib
        say(f"{steps:,} steps")
        done = worker.run(steps)
    if before is None or done.rss_kib is None:
        reason = "this system does not tell the resident memory"
        goal = Goal(what, "small model", GROWTH_KIB, None, most=True, reason=reason)
        return Section("Memory", f"Not measured: {reason}.", [goal])
    growth = done.rss_kib - before
    text = (
        f"{SMALL.title}; {backend} backend. Resident memory after {WARM_UP:,} steps: {before:,} KiB; after {steps:,} "
        f"more ({done.cpu:.0f} CPU seconds): {done.rss_kib:,} KiB, a growth of {growth:,} KiB."
    )
    return Section("Memory", text, [Goal(what, "small model", GROWTH_KIB, growth, most=True, unit=" KiB")])


def _together(one: Worker, other: Worker, steps: int) -> tuple[Done, Done]:
    one.start(steps)
    other.start(steps)
    return one.wait(), other.wait()


def _no_room(busy: float | None) -> str:
    """Why two processes would not have a core each; the load average contains this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores < 2:
        return "one core only"
    if busy is not None and busy > cores - 0.5:
        return f"other programs are running (load average {busy:.2f} on {cores} cores)"
    return ""


def _backend() -> str:
    return "native" if widths() else "torch"
