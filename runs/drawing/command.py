"""`dsr figures`: all figures of a run, or of a comparison, in any format, and the reasons for those left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsr.errors import SpecError, unknown

from ..compare.select import one_run
from ..store import RunFolder, RunStore

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "svg", "png")


def figures(
    words: Sequence[str], store: str | None, *, only: str | None = None, out: str | None = None, formats: str = "pdf"
) -> dict[str, Any]:
    """What `figures_to_files` returns for a run by path or id, and `comparison_to_files` for several; names and
    descriptions of all figures without a word."""
    if not words:
        from .kinds import KINDS

        return {name: kind.shows for name, kind in KINDS.items()}
    if one_run(words):
        return figures_to_files(RunStore(store).find(words[0]), only=only, out=out, formats=formats)
    return comparison_to_files(words, RunStore(store), only=only, out=out, formats=formats)


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

    kinds, names = _formats(formats), _names(only, list(KINDS))
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


def comparison_to_files(
    words: Sequence[str], store: RunStore, *, only: str | None = None, out: str | None = None, formats: str = "pdf"
) -> dict[str, Any]:
    """The same for the figures of the comparison of the chosen runs; without a folder into `figures` of the store."""
    from ..compare.comparison import OF_COMPARISON, compare
    from ..compare.index import read_index
    from ..compare.pictures import pictures
    from ..figures import render

    kinds = _formats(formats)
    drawn: dict[str, Figure] = {}
    for picture in pictures(compare(read_index(store, OF_COMPARISON), words)):
        name = _file_name(picture.name)
        if name in drawn:
            raise SpecError(
                f"two figures for the file '{name}'", "runs whose figures have names of their own",
                "choose some of them, as with system=NAME",
            )  # fmt: skip
        drawn[name] = picture.figure
    names = _names(only, list(drawn))
    if not names:
        raise SpecError(
            "runs without a number to draw", "finished runs with measures", "dsr compare shows what there is"
        )
    target = RunFolder(store.root / "figures" if out is None else Path(out))
    written = [str(target.write(f"{name}.{kind}", render(drawn[name], kind))) for name in names for kind in kinds]
    return {"written": written, "left out": {}}


def _formats(text: str) -> list[str]:
    kinds = [k.strip() for k in text.split(",") if k.strip()]
    for kind in kinds:
        if kind not in FORMATS:
            raise unknown("format", kind, FORMATS)
    if not kinds:
        raise SpecError("no format", f"one or several of {', '.join(FORMATS)}", "leave out --format for pdf")
    return kinds


def _names(only: str | None, known: list[str]) -> list[str]:
    names = known if only is None else [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise unknown("figure", name, known)
    return names


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "-", name)
