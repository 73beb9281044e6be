"""`dsr figures`: all figures that apply to a run, written in any format, and the reasons for those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsr.errors import SpecError, unknown

from ..store import RunFolder, RunStore

FORMATS = ("pdf", "svg", "png")


def figures(
    run: str | None, store: str | None, *, only: str | None = None, out: str | None = None, formats: str = "pdf"
) -> dict[str, Any]:
    """What `figures_to_files` returns for a run by path or id; names and descriptions of all figures for None."""
    if run is None:
        from .kinds import KINDS

        return {name: kind.shows for name, kind in KINDS.items()}
    return figures_to_files(RunStore(store).find(run), only=only, out=out, formats=formats)


def lines(told: Mapping[str, Any]) -> list[str]:
    """The same as text."""
    if "written" not in told:
        width = max(map(len, told))
        return [f"{name:<{width}}  {shows}" for name, shows in told.items()]
    return [*told["written"], *(f"left out: {name} ({why})" for name, why in told["left out"].items())]


def figures_to_files(
    run: RunFolder, *, only: str | None = None, out: str | None = None, formats: str = "pdf"
) -> dict[str, Any]:
    """Write the figures of a run; without a folder into its own `figures`.

    Parameters
    ----------
    only : names with commas between; all if None. formats : pdf, svg, png, with commas between.

    Returns
    -------
    {"written": paths, "left out": {name: reason}}. Raises `SpecError` for an unknown name or format, and where every
    figure that was asked for by name does not apply, the reason.
    """
    from ..figures import render
    from .kinds import KINDS, draw
    from .material import RunMaterial
    from .reason import NotApplicable

    kinds = [k.strip() for k in formats.split(",") if k.strip()]
    for kind in kinds:
        if kind not in FORMATS:
            raise unknown("format", kind, FORMATS)
    if not kinds:
        raise SpecError("no format", f"one or several of {', '.join(FORMATS)}", "leave out --format for pdf")
    names = list(KINDS) if only is None else [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in KINDS:
            raise unknown("figure", name, list(KINDS))
    material = RunMaterial(run)
    target = RunFolder(run / "figures" if out is None else Path(out))
    written: list[str] = []
    left_out: dict[str, str] = {}
    for name in names:
        try:
            figure = draw(name, material)
        except NotApplicable as reason:
            left_out[name] = str(reason)
            continue
        for kind in kinds:
            written.append(str(target.write(f"{name}.{kind}", render(figure, kind))))
    if only is not None and not written:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise SpecError(reasons or "no figure named", "figures that apply to this run", "dsr figures lists them all")
    return {"written": written, "left out": left_out}
