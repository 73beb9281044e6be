"""report.html of a finished run, from the files in its folder alone: what `dsr report` rebuilds."""

from __future__ import annotations

from pathlib import Path

from dsr.errors import StoreError

from ..store import RunFolder
from .page import render_report

ATTRACTOR_PAGE = "attractor.html"  # written beside the report where plotly is installed
CAPTIONS = {
    "attractor": "Attractor of the truth, and free run of the reconstruction over the truth in light grey, with equal "
    "axes.",
    "scorecard": "Distances between truth and free run in units of their floors, which is what two true trajectories "
    "score; grey: 5 to 95 % of the floor. Right: the score, and whether it lies within the floor of 20 or more pairs.",
    "series": "Left: truth, with the prediction that starts from its first row; the dotted line marks the valid "
    "prediction time. Right: a stretch of the free run, which is not aligned with the truth in time.",
    "power_spectra": "Power spectra of truth and free run, standardised and smoothed as for D_H, each with area 1.",
    "lyapunov_bars": "Lyapunov exponents of truth and reconstruction; error bars are one standard error.",
    "training_history": "Training loss, and the distance of free runs to the validation data at each check; the ring "
    "marks the weights that were kept.",
}


def write_report(folder: RunFolder) -> Path:
    """Write report.html and return its path. Raises `StoreError` when the run has no results yet."""
    measures, resolved, env = (folder.read_json(f"{name}.json") for name in ("measures", "resolved", "env"))
    course = folder.read_json("course.json") or {}
    if measures is None or resolved is None:
        raise StoreError(
            f"the run '{folder.path}' has no results", "a finished run", f"finish it: dsr run {folder / 'spec.toml'}"
        )
    figures = {name: (folder / f"figures/{name}.png").read_bytes() for name in CAPTIONS}
    spec = (folder / "spec.toml").read_text(encoding="utf-8")
    html = render_report(
        title=folder.path.name,
        judgement=measures,
        figures=figures,
        captions=CAPTIONS,
        spec=spec,
        resolved=resolved,
        env=env or {},
        commands=["dsr run spec.toml", f"dsr report {folder.path.name}"],
        history=course.get("training"),
        provenance=course.get("series"),
        turned=ATTRACTOR_PAGE if (folder / ATTRACTOR_PAGE).exists() else None,
    )
    return folder.write("report.html", html)
