"""attractor.html: truth and free run in three dimensions, to be turned with the mouse, beside the report.

One page that needs no network: the script of plotly (an optional extra) is inside, compressed, once. The report only
links to it, so that it stays small and free of scripts.
"""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from dsr.series import TimeSeries

from ..figures.coordinates import coordinates, delay_of
from ..figures.stretches import drawn_rows, joined
from ..figures.style import RECONSTRUCTION, TRUTH
from ..report import ATTRACTOR_PAGE, write_report
from .material import RunMaterial

MOST_POINTS = 10_000
DIGITS = 4


def report_with_page(run: RunMaterial) -> Path:
    """Write attractor.html where plotly is installed and there is something in three dimensions, and the report, which
    then links to it. Returns the path of the report."""
    script = plotly_script()
    if script is not None:
        page = attractor_page(run.test, run.generated, title=run.folder.path.name, script=script)
        if page is not None:
            run.folder.write(ATTRACTOR_PAGE, page)
    return write_report(run.folder)


def attractor_page(truth: TimeSeries, generated: TimeSeries | None, *, title: str, script: str) -> str | None:
    """The page as text: at most 10,000 rows of each series, in the coordinates of the figure `attractor` (three delays
    of one column); None for two columns, which have no third.

    script : plotly's, compressed and in base64, see `plotly_script`.
    """
    series = [s for s in (truth, generated) if s is not None]
    values = [s.values for s in series]
    if truth.dim == 1:
        delay = delay_of(truth)
        clouds = [np.hstack([v[: -2 * delay], v[delay:-delay], v[2 * delay :]]) for v in values if len(v) > 2 * delay]
        step = f"{delay * truth.dt:.3g}", f"{2 * delay * truth.dt:.3g}"
        labels = [f"{truth.names[0]}(t{after})" for after in ("", f" + {step[0]}", f" + {step[1]}")]
    else:
        clouds, labels = coordinates(truth, values)
    if len(labels) != 3:
        return None
    rows, line = drawn_rows(truth, MOST_POINTS), joined(truth)
    looks = (("truth", TRUTH), ("free run", RECONSTRUCTION))
    traces = [_trace(cloud[rows], name, colour, line) for cloud, (name, colour) in zip(clouds, looks, strict=False)]
    axes = {f"{key}axis": {"title": {"text": label}} for key, label in zip("xyz", labels, strict=True)}
    layout = {
        "scene": {**axes, "aspectmode": "cube"},
        "legend": {"x": 0, "y": 1},
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    }
    figure = json.dumps({"data": traces, "layout": layout}, separators=(",", ":")).replace("<", "\\u003c")
    return PAGE.format(title=escape(title), figure=figure, script=script)


@cache
def plotly_script() -> str | None:
    """plotly's own script, gzip in base64 (2 MB); None where plotly is not installed."""
    found = importlib.util.find_spec("plotly")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(next(iter(found.submodule_search_locations))) / "package_data" / "plotly.min.js"
    if not path.exists():
        return None
    return base64.b64encode(gzip.compress(path.read_bytes(), 9, mtime=0)).decode("ascii")


def _trace(cloud: np.ndarray, name: str, colour: str, line: bool) -> dict[str, Any]:
    columns = ([float(f"{v:.{DIGITS}g}") for v in column] for column in cloud.T)
    look = {"mode": "lines", "line": {"color": colour, "width": 1.5}}
    dots = {"mode": "markers", "marker": {"color": colour, "size": 1.5}}
    return {"type": "scatter3d", "name": name, **dict(zip("xyz", columns, strict=True)), **(look if line else dots)}


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: attractor</title>
<style>html, body {{ margin: 0; height: 100%; font-family: sans-serif; }}
#attractor {{ height: calc(100% - 4rem); }} p {{ margin: .5rem 1rem; height: 2.6rem; }}</style>
</head>
<body>
<p><b>{title}</b>: truth and free run. Drag to turn, scroll to zoom, click a name to hide it.
<a href="report.html">Back to the report</a> <span id="told" role="status">Loading.</span></p>
<div id="attractor" role="img" aria-label="Truth and free run in three dimensions; the report has them as a still
figure"></div>
<script>
const packed = "{script}";
const figure = {figure};
async function start() {{
  const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const tag = document.createElement("script");
  tag.textContent = await new Response(stream).text();
  document.head.append(tag);
  await Plotly.newPlot("attractor", figure.data, figure.layout, {{responsive: true, displaylogo: false}});
  document.getElementById("told").textContent = "";
}}
start().catch(problem => {{
  document.getElementById("told").textContent = "This browser cannot draw it: " + problem;
}});
</script>
</body>
</html>
"""
