"""The pictures of the gallery: name, heading, figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from dsr.series import TimeSeries

from .. import figures
from ..compare.ranking import rank
from ..drawing.kinds import KINDS, draw
from ..drawing.material import RunMaterial
from ..execute import execute
from ..spec import parse
from ..store import RunStore
from . import comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA = {"system": "lorenz63", "train": 20_000, "validation": 4000, "test": 20_000, "floor_trajectories": 20}
ANALYSIS = {"lyapunov_steps": 2000, "lyapunov_members": 8}
SPECS = {
    "polynomial": {"data": DATA, "model": {"name": "ngrc"}, "analysis": ANALYSIS},
    "piecewise": {
        "data": DATA, "model": {"name": "alrnn"}, "training": {"steps": 12_000, "members": 1}, "analysis": ANALYSIS,
    },
    "field": {
        "data": {
            "system": "lorenz96", "train": 10_000, "validation": 1000, "test": 4000, "floor_trajectories": 2,
        },
        "model": {"name": "esn"}, "analysis": {"lyapunov_steps": 50, "lyapunov_members": 2, "starts": 10},
    },
}  # fmt: skip
OF_MODEL = ("region_attractor", "transition_graph", "training_history")  # drawn from the piecewise-linear run
OF_FIELD = ("space_time",)
FAMILY, SYSTEM = "sindy", "lorenz63"


class Picture(NamedTuple):
    """`source` says what it was drawn from, in words."""

    name: str
    shows: str
    source: str
    figure: Figure


def of_runs(store: RunStore) -> Iterator[Picture]:
    """Every figure of `dsr figures`, each from the first run below that has it."""
    runs: dict[str, RunMaterial] = {}
    for name, kind in KINDS.items():
        key = "piecewise" if name in OF_MODEL else "field" if name in OF_FIELD else "polynomial"
        if key not in runs:
            runs[key] = RunMaterial(execute(parse(SPECS[key]), store).folder)
        run = runs[key]
        yield Picture(name, kind.shows, run.folder.path.name.rsplit("-s", 1)[0], draw(name, run))
    for name, dim, shows in (
        ("attractor-delays", 1, "the same of one observed column, in delay coordinates"),
        ("attractor-components", 20, "the same of twenty columns, in principal components"),
    ):
        run = runs["polynomial" if dim == 1 else "field"]
        test, free = _columns(run.test, dim), None if run.generated is None else _columns(run.generated, dim)
        yield Picture(name, shows, run.folder.path.name.rsplit("-s", 1)[0], figures.attractor(test, free))


def _columns(series: TimeSeries, count: int) -> TimeSeries:
    return TimeSeries(series.values[:, :count], series.dt, series.time_unit, series.names[:count])


def of_comparisons() -> Iterator[Picture]:
    """Figures of several runs, from plain arrays."""
    source = f"closed-form families on {SYSTEM} with {comparison.NOISE:.0%} noise"
    floor = comparison.floor_of(SYSTEM)
    found = comparison.families(SYSTEM)
    drawn = figures.forest(
        list(found),
        [s.median for s in found.values()],
        [s.low for s in found.values()],
        [s.high for s in found.values()],
        label=r"$D_\mathrm{stsp}$ (nats)",
        floor=floor,
        remarks=[f"{s.lost} of {comparison.SEEDS} lost" if s.lost else "" for s in found.values()],
        logarithmic=True,
    )
    yield Picture("forest", "a score of several models, median and quartiles over seeds", source, drawn)
    truth, spectra = comparison.spectra(SYSTEM)
    drawn = figures.lyapunov_spectra(truth, spectra, unit="per time unit")
    yield Picture("lyapunov_spectra", "Lyapunov exponents of truth and all models", source, drawn)
    ranking = rank(comparison.losses(), comparison.SYSTEMS)
    drawn = figures.critical_difference(
        ranking.names, ranking.mean_ranks, ranking.nemenyi_groups, difference=ranking.critical_difference
    )
    many = f"closed-form families over {len(comparison.SYSTEMS)} systems"
    yield Picture("critical_difference", "mean ranks; bars join models that are not told apart", many, drawn)
    scores = comparison.lengths(SYSTEM, FAMILY)
    drawn = figures.score_sweep(
        comparison.ROWS,
        [s.median for s in scores],
        [s.low for s in scores],
        [s.high for s in scores],
        swept_name="rows of training data",
        label=r"$D_\mathrm{stsp}$ (nats)",
        floor=floor,
        lost=[s.lost for s in scores],
        logarithmic=True,
    )
    what = f"{FAMILY} on {SYSTEM} with {comparison.NOISE:.0%} noise, {comparison.SEEDS} seeds"
    yield Picture("score_sweep", "a score against something that was swept", what, drawn)
