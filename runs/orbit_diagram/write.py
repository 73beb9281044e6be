"""An orbit diagram as figure and tables."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dsr.errors import SpecError

from ..store import RunFolder, require_writable
from .orbit_diagram import OrbitDiagram

FIGURES, TABLES = (".pdf", ".svg", ".png"), (".csv", ".parquet", ".json")
IN_FOLDER = (".pdf", ".png", ".csv", ".json")
NAME = "orbit-diagram"


def write(found: OrbitDiagram, out: str | Path) -> list[Path]:
    """Write one file, of the kind that its ending says, or a folder with a figure and tables; returns what was written.

    .pdf, .svg, .png : the figure. .csv, .parquet : one row per value, and beside it FILE-points with the points of the
    diagram in long form. .json : everything, the settings included (Parquet has these in its metadata).
    """
    path = Path(out)
    require_kind(out)
    if path.suffix:
        folder, stem, kinds = RunFolder(path.parent), path.stem, [path.suffix.lower()]
    else:
        folder, stem, kinds = RunFolder(path), NAME, list(IN_FOLDER)
    written = []
    for kind in kinds:
        for name, content in _files(found, stem, kind).items():
            written.append(folder.write(name, content))
    return written


def require_kind(out: str | Path) -> None:
    """Raises `SpecError` for a file name of no known kind, `StoreError` for one that cannot be written: before anything
    is computed."""
    kind = Path(out).suffix.lower()
    if kind and kind not in (*FIGURES, *TABLES):
        raise SpecError(
            f"the file name '{out}'", "a name ending in " + ", ".join((*FIGURES, *TABLES)) + ", or a folder",
            f"write for example -o {Path(out).stem}.pdf",
        )  # fmt: skip
    require_writable(out if kind else Path(out) / NAME)


def _files(found: OrbitDiagram, stem: str, kind: str) -> dict[str, bytes]:
    if kind in FIGURES:
        from ..figures.orbit_diagram import orbit_diagram
        from ..figures.style import render

        return {stem + kind: render(orbit_diagram(found), kind[1:], dpi=300 if kind == ".png" else 600)}
    if kind == ".json":
        return {stem + kind: (json.dumps(_tree(found), indent=1, allow_nan=False) + "\n").encode()}
    encode: Callable[[dict[str, Any], OrbitDiagram], bytes] = _csv if kind == ".csv" else _parquet
    return {stem + kind: encode(value_table(found), found), f"{stem}-points{kind}": encode(point_table(found), found)}


def value_table(found: OrbitDiagram) -> dict[str, Any]:
    """Columns of the table with one row per value."""
    columns: dict[str, Any] = {found.parameter: found.values, "verdict": list(found.verdicts), "period": found.periods}
    for i in range(found.exponents.shape[1]):
        columns[f"lambda_{i + 1}"] = found.exponents[:, i]
        columns[f"lambda_{i + 1}_stderr"] = found.stderr[:, i]
    return columns | {
        "kaplan_yorke": found.kaplan_yorke,
        "kaplan_yorke_error": found.kaplan_yorke_error,
        "points": np.array([p.size for p in found.points]),
        "reason": list(found.reasons),
    }


def point_table(found: OrbitDiagram) -> dict[str, Any]:
    """Columns of the table with one row per point of the diagram."""
    counts = [p.size for p in found.points]
    return {
        found.parameter: np.repeat(found.values, counts),
        found.coordinate: np.concatenate(found.points) if found.points else np.empty(0),
    }


def _csv(columns: dict[str, Any], found: OrbitDiagram) -> bytes:
    import pandas

    return pandas.DataFrame(columns).to_csv(index=False, lineterminator="\n").encode()


def _parquet(columns: dict[str, Any], found: OrbitDiagram) -> bytes:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({name: pyarrow.array(column) for name, column in columns.items()})
    buffer = io.BytesIO()
    settings = json.dumps(dict(found.settings))
    pyarrow.parquet.write_table(table.replace_schema_metadata({"settings": settings}), buffer)
    return buffer.getvalue()


def _tree(found: OrbitDiagram) -> dict[str, Any]:
    columns = {name: _plain(column) for name, column in value_table(found).items() if name != "points"}
    return {"settings": dict(found.settings), "values": columns, "points": [_plain(p) for p in found.points]}


def _plain(column: Any) -> list[Any]:
    """Numbers that are not finite as None: JSON has no word for them."""
    values = column.tolist() if isinstance(column, np.ndarray) else list(column)
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in values]
