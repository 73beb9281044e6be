"""Section on the gradient that is parallel in time."""

from __future__ import annotations

from ..markdown import paragraphs, table
from .goals import Section
from .parallel_in_time import iteration_table
from .timing import Effort, Say


def newton(effort: Effort, say: Say) -> Section:
    """`iteration_table` on a page; `effort` changes nothing."""
    say("training two models, solving their windows")
    rows = [
        (
            row["model"],
            row["batch"],
            row["T"],
            f"{row['alpha']:g}" if row["tau"] == 1 else f"{row['alpha']:g} every {row['tau']}",
            f"{row['median_iterations']:g}",
            row["max_iterations"],
            f"{row['converged']:.0%}",
            f"{row['ratio']:.2g}",
        )
        for row in iteration_table(seed=0)
    ]
    text = paragraphs(
        "Newton iterations until a forced window is solved exactly, in windows of an orbit that the model was not "
        "trained on (float64), by forcing strength alpha; and how many times as fast as the loop over time loss and "
        "gradient are (float32, torch backend, medians of three pairs; below 1 the loop wins):",
        table(("model", "batch", "T", "alpha", "median", "largest", "solved", "times the loop"), rows),
    )
    return Section("Parallel in time", text)
