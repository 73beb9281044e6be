"""Section on estimators from data: correlation dimension and sample entropy against nolds, recurrences against
pyunicorn, and what 200,000 rows cost."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ...analysis import correlation_dimension, recurrence_quantification, sample_entropy
from ...systems import get_system
from ..markdown import paragraphs, table
from .goals import Goal, Section
from .timing import Effort, Say, Variant, measure, ratio, within

ROWS, MANY_ROWS, DT = 10_000, 200_000, 0.05
RADIUS = 1.7
WANTED = {"correlation dimension": 150.0, "sample entropy": 20.0, "recurrence quantification": 20.0}
LIBRARY = {"correlation dimension": "nolds", "sample entropy": "nolds", "recurrence quantification": "pyunicorn"}
SECONDS, MEBIBYTES = 3.0, 100.0
OURS, THEIRS = "dsr", "other library"


def estimators(effort: Effort, say: Say) -> Section:
    """Times as fast as nolds and pyunicorn on Lorenz-63, and the cost of D2 on a long series."""
    x = trajectory(ROWS)
    where, rows, goals = f"{ROWS:,} rows", [], []
    for what, wanted in WANTED.items():
        library = LIBRARY[what]
        if importlib.util.find_spec(library) is None:
            goals.append(Goal(what, where, wanted, None, reason=f"{library} is not installed", unit="x"))
            continue
        ours, theirs = tasks(what, x)
        variants = {OURS: Variant(_repeated(ours)), THEIRS: Variant(_repeated(theirs))}
        seconds = measure(variants, effort, within(say, what))
        times = ratio(seconds[THEIRS], seconds[OURS])
        medians = (f"{1e3 * float(np.median(seconds[name])):.3g} ms" for name in (OURS, THEIRS))
        rows.append((what, library, *medians, times, f"{ours():.4f}", f"{theirs():.4f}"))
        goals.append(Goal(f"{what} over {library}", where, wanted, times.median, unit="x"))
    say(f"correlation dimension of {MANY_ROWS:,} rows")
    cpu, mebibytes = cost_of_a_long_series(MANY_ROWS)
    long = f"{MANY_ROWS:,} rows"
    goals.append(Goal("correlation dimension", long, SECONDS, cpu, most=True, unit=" s"))
    why = "" if mebibytes is not None else "this system does not tell the peak of memory"
    goals.append(Goal("correlation dimension, memory", long, MEBIBYTES, mebibytes, most=True, reason=why, unit=" MiB"))
    text = paragraphs(
        f"Lorenz-63, dt = {DT}, {where}. Correlation dimension and sample entropy of the first column, for the former "
        "embedded in three dimensions at a delay of 3 steps (nolds has no Theiler window and fits a line; here it is "
        "the Takens estimate with its error). Recurrence quantification of the three columns at one radius, supremum "
        "metric: recurrence rate, determinism, mean, longest and entropy of diagonals, laminarity, trapping time.",
        table(("", "against", OURS, THEIRS, "times as fast", "value", "their value"), rows),
        f"Correlation dimension of {long} in a process of its own: {cpu:.2f} CPU seconds"
        + (f", {mebibytes:.0f} MiB above what it held before." if mebibytes is not None else "."),
    )
    return Section("Estimators from data", text, goals)


def trajectory(rows: int) -> np.ndarray:
    """Lorenz-63, (rows, 3)."""
    return get_system("lorenz63").simulate(rows, DT, transient=50, seed=0).values


def tasks(what: str, x: np.ndarray) -> tuple[Callable[[], float], Callable[[], float]]:
    """The same work by this package and by the other, each returning its number."""
    from ...analysis import delay_embed

    column = np.ascontiguousarray(x[:, 0])
    if what == "recurrence quantification":
        return (
            lambda: recurrence_quantification(x, radius=RADIUS, theiler=0, blocks=0).measure.value,
            lambda: _pyunicorn(x),
        )
    nolds = _nolds()
    if what == "sample entropy":
        tolerance = 0.2 * column.std(ddof=1)  # the default here; that of nolds is slightly larger
        return lambda: sample_entropy(column).value, lambda: float(nolds.sampen(column, tolerance=tolerance))
    return (
        lambda: correlation_dimension(delay_embed(column, 3, 3)).measure.value,
        lambda: float(nolds.corr_dim(column, 3, lag=3, fit="poly")),
    )


def cost_of_a_long_series(rows: int) -> tuple[float, float | None]:
    """(CPU seconds, growth of memory in MiB at its peak or None where that is not known) in a new process."""
    done = subprocess.run([sys.executable, "-m", __name__, str(rows)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    return found["cpu"], found["mebibytes"]


def _nolds() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources
        import nolds
    return nolds


def _pyunicorn(x: np.ndarray) -> float:
    from pyunicorn.timeseries import RecurrencePlot

    plot = RecurrencePlot(x, metric="supremum", threshold=RADIUS, silence_level=3)
    plot.recurrence_rate(), plot.average_diaglength(), plot.max_diaglength(), plot.diag_entropy()
    plot.laminarity(), plot.trapping_time()
    return float(plot.determinism())


def _repeated(task: Callable[[], float]) -> Callable[[int], None]:
    def run(n: int) -> None:
        for _ in range(n):
            task()

    return run


def _kib(key: str) -> int | None:
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(key))
    except (OSError, StopIteration):
        return None


def _forget_the_peak() -> bool:
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return False
    return True


def main() -> None:
    """The process: `estimators ROWS`; compiled before it is measured."""
    x = trajectory(int(sys.argv[1]))
    correlation_dimension(x[:2000])
    known = _forget_the_peak()
    before, started = _kib("VmRSS"), time.process_time()
    correlation_dimension(x)
    cpu, peak = time.process_time() - started, _kib("VmHWM")
    growth = (peak - before) / 1024 if known and before is not None and peak is not None else None
    print(json.dumps({"cpu": cpu, "mebibytes": growth}))


if __name__ == "__main__":
    main()
