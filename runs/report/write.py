"""report.html of a finished run, from the files in its folder alone."""

from __future__ import annotations

from pathlib import Path

from dsr.errors import StoreError

from ..store import RunFolder
from .page import Drawn, render_report

ATTRACTOR_PAGE = "attractor.html"  # written beside the report where plotly is installed
DRAWN = "figures/drawn.json"  # the figures in the order of the report, and why others are left out


def write_report(folder: RunFolder) -> Path:
    """Write report.html with the figures that were drawn, and return its path. Raises `StoreError` when the run has no
    results yet."""
    measures, resolved, env = (folder.read_json(f"{name}.json") for name in ("measures", "resolved", "env"))
    course = folder.read_json("course.json") or {}
    if measures is None or resolved is None:
        raise StoreError(
            f"the run '{folder.path}' has no results", "a finished run", f"finish it: dsr run {folder / 'spec.toml'}"
        )
    known = folder.read_json(DRAWN) or {"drawn": [], "left out": {}}
    figures = [Drawn(**entry, png=(folder / f"figures/{entry['name']}.png").read_bytes()) for entry in known["drawn"]]
    spec = (folder / "spec.toml").read_text(encoding="utf-8")
    html = render_report(
        title=folder.path.name,
        judgement=measures,
        figures=figures,
        left_out=known["left out"],
        spec=spec,
        resolved=resolved,
        env=env or {},
        commands=[
            "dsr run spec.toml",
            f"dsr report {folder.path.name}",
            f"dsr figures {folder.path.name} --format pdf",
        ],
        history=course.get("training"),
        provenance=course.get("series"),
        turned=ATTRACTOR_PAGE if (folder / ATTRACTOR_PAGE).exists() else None,
    )
    return folder.write("report.html", html)
