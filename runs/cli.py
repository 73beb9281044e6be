"""The command line: thin verbs over the library. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from dsr.errors import DsrError, SpecError

from . import cli_models, cli_runs
from .cli_options import JsonOption, Overrides, StoreOption
from .cli_usage import UsageError, refused, require_unicode

app = typer.Typer(
    name="dsr",
    help="Reconstruct chaotic dynamical systems from time series, and check that the reconstruction is right.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
OUT_OF_MEMORY = ("can't allocate memory", "out of memory")  # how torch, which has no MemoryError, says it


def _version(asked: bool) -> None:
    if asked:
        from dsr import __version__

        print(f"dsr {__version__}")
        raise typer.Exit


@app.callback()
def _verbs(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None: ...


Columns = Annotated[str | None, typer.Option(help="names or indices of the columns to use, with commas between")]
Dt = Annotated[float | None, typer.Option(help="time between two rows, or sampling step of a system")]
TimeUnit = Annotated[str | None, typer.Option(help="unit of --dt, such as s")]
TimeColumn = Annotated[str | None, typer.Option(help="column of a file that holds the times")]
TrajectoryColumn = Annotated[str | None, typer.Option(help="column that numbers several trajectories")]
Array = Annotated[str | None, typer.Option(help="array inside a .npz or .mat file")]
Transpose = Annotated[bool, typer.Option("--transpose", help="rows and columns are swapped in the file")]
Missing = Annotated[str | None, typer.Option(help="missing values: refuse, or interpolate")]
Header = Annotated[bool | None, typer.Option(help="first line of a text file holds names; seen from it if not given")]
Report = Annotated[bool, typer.Option("--report/--no-report", help="draw figures and report (later: dsr report RUN)")]
Resample = Annotated[bool, typer.Option("--resample", help="put irregular samples on a regular grid")]


@app.command()
def reconstruct(
    source: Annotated[str, typer.Argument(metavar="SYSTEM|FILE", help="a system (see `dsr systems`) or a data file")],
    overrides: Overrides = None,
    model: Annotated[str | None, typer.Option(help="model family (see `dsr models`)")] = None,
    forcing: Annotated[str | None, typer.Option(help="teacher forcing scheme (see `dsr models`)")] = None,
    steps: Annotated[int | None, typer.Option(help="training steps")] = None,
    seed: Annotated[int | None, typer.Option(help="seed of data, initial weights and windows")] = None,
    noise: Annotated[float | None, typer.Option(help="observation noise on a system's training data")] = None,
    dt: Dt = None,
    time_unit: TimeUnit = None,
    columns: Columns = None,
    time_column: TimeColumn = None,
    trajectory_column: TrajectoryColumn = None,
    array: Array = None,
    transpose: Transpose = False,
    missing: Missing = None,
    resample: Resample = False,
    header: Header = None,
    embed: Annotated[str | None, typer.Option(help="delay embedding: auto, cao, pecuzal, none, or 3x12")] = None,
    experiment: Annotated[str | None, typer.Option(help="folder inside the store")] = None,
    report: Report = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """The main job: data -> model -> invariants -> figures -> report.html."""
    from .spec import data_section, override

    data: dict[str, Any] = data_section(source)
    found = {
        "dt": dt, "time_unit": time_unit, "time_column": time_column, "trajectory_column": trajectory_column,
        "array": array, "transpose": transpose or None, "missing": missing, "resample": resample or None,
        "header": header, "embed": embed, "noise": noise, "columns": columns.split(",") if columns else None,
    }  # fmt: skip
    data |= {key: value for key, value in found.items() if value is not None}
    tree: dict[str, Any] = {"data": data}
    for section, key, value in (
        ("model", "name", model), ("forcing", "name", forcing), ("training", "steps", steps),
    ):  # fmt: skip
        if value is not None:
            tree.setdefault(section, {})[key] = value
    tree |= {key: value for key, value in (("seed", seed), ("experiment", experiment)) if value is not None}
    _run(override(tree, overrides or []), store, as_json, report)


@app.command()
def run(
    spec: Annotated[str, typer.Argument(metavar="SPEC.toml", help="a spec file, or the name of a shipped recipe")],
    overrides: Overrides = None,
    report: Report = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """The same from a spec; goes on where an interrupted run stopped."""
    from .recipes import recipe, require_complete
    from .spec import override, read

    tree = override(recipe(spec) or read(spec), overrides or [])
    require_complete(tree, spec)
    _run(tree, store, as_json, report)


@app.command()
def sweep(
    words: Annotated[list[str], typer.Argument(metavar="[SPEC.toml] key=value,value ...", help="see docs/cluster.md")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and its cost, compute nothing")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="processes on this machine; one per processor")] = None,
    scheduler: Annotated[str | None, typer.Option(help="a running dask scheduler, tcp://HOST:PORT")] = None,
    slurm: Annotated[str | None, typer.Option(help="submit SLURM jobs as in this TOML file")] = None,
    memory: Annotated[str, typer.Option(help="limit of each process, such as 4GB")] = "auto",
    retries: Annotated[int, typer.Option(min=0, help="how often a run that failed is tried again")] = 1,
    pack: Annotated[
        int | None, typer.Option(min=0, help="seeds trained in one call; 0: one by one; not given: many on a GPU")
    ] = None,
    report: Report = True,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Many runs: lists key=a,b, ranges seed=0..9; the same command goes on where it was stopped."""
    from .sweep import command

    told, status = command.sweep(
        words, store, dry_run=dry_run, workers=workers, scheduler=scheduler, slurm=slurm, memory=memory,
        retries=retries, pack=pack, report=report,
    )  # fmt: skip
    _print_json(told) if as_json else print("\n".join(command.lines(told)))
    raise typer.Exit(status)


def _run(tree: dict[str, Any], store: str | None, as_json: bool, report: bool) -> None:
    from .spec import parse

    spec = parse(tree)
    from .execute import execute
    from .progress import TerminalProgress
    from .store import RunStore

    try:
        with TerminalProgress() as progress:
            result = execute(spec, RunStore(store), progress=progress, report=report)
    except KeyboardInterrupt:
        print("dsr: interrupted; the same command goes on from the last checkpoint.", file=sys.stderr)
        sys.exit(130)
    if report and not result.reused:
        from .drawing import RunMaterial
        from .drawing.interactive import report_with_page

        report_with_page(RunMaterial(result.folder))
    if as_json:
        _print_json({"run": str(result.folder.path), **result.measures})
        return
    if result.reused:
        print("This run was already finished; nothing was computed again.\n")
    print(result.table)
    drawn = (result.folder / "report.html").exists()
    there = result.folder / "report.html" if drawn else f"none; dsr report {result.folder.path} draws it"
    print(f"run:    {result.folder.path}\nreport: {there}")


@app.command()
def analyse(
    file: Annotated[str, typer.Argument(help="a data file")],
    dt: Dt = None,
    time_unit: TimeUnit = None,
    columns: Columns = None,
    time_column: TimeColumn = None,
    trajectory_column: TrajectoryColumn = None,
    array: Array = None,
    transpose: Transpose = False,
    missing: Missing = None,
    resample: Resample = False,
    header: Header = None,
    as_json: JsonOption = False,
) -> None:
    """Invariants of a series, no model."""
    from dsr.reading import load_trajectories

    from ..analysis import describe
    from .spec import require_no_system

    require_no_system(file)

    trajectories = load_trajectories(
        file, dt=dt, time_unit=time_unit or "time units", columns=columns, time_column=time_column,
        trajectory_column=trajectory_column, array=array, transpose=transpose, missing=missing or "refuse",  # type: ignore[arg-type]
        resample=resample, header=header,
    )  # fmt: skip
    found = []
    for series in trajectories:
        series.require_variation()
        found.append(describe(series))
    if as_json:
        _print_json([[m.to_dict() for m in measures] for measures in found])
        return
    for i, measures in enumerate(found):
        if len(found) > 1:
            print(f"{'' if i == 0 else chr(10)}trajectory {i}")
        width = max(len(m.name) for m in measures)
        for m in measures:
            print(f"{m.name:<{width}}  {m}" + (f"   ({m.note})" if m.note and str(m) != m.note else ""))


@app.command()
def simulate(
    system: Annotated[str, typer.Argument(help="a system (see `dsr systems`)")],
    out: Annotated[str, typer.Option("--out", "-o", help="file to write: .npy, .npz or .csv")],
    n: Annotated[int, typer.Option("-n", help="number of rows")] = 10_000,
    dt: Dt = None,
    transient: Annotated[float | None, typer.Option(help="time dropped first; 50 periods if not given")] = None,
    noise: Annotated[float, typer.Option(help="observation noise, in standard deviations of each column")] = 0.0,
    seed: Annotated[int, typer.Option(help="seed of initial condition and noise")] = 0,
    make: Annotated[
        list[str] | None, typer.Option(help='change the series: "subsample every=5"; repeat it, in order')
    ] = None,
    parameters: Annotated[list[str] | None, typer.Argument(help="parameters as name=value")] = None,
) -> None:
    """Write a trajectory of a system to a file."""
    from .simulate import simulate_to_file

    settings: dict[str, Any] = {"n": n, "dt": dt, "transient": transient, "noise": noise, "seed": seed}
    print(simulate_to_file(system, out, **settings, parameters=parameters, operations=make or ()))


@app.command("orbit-diagram")
def orbit_diagram(
    system: Annotated[str, typer.Argument(help="a system (see `dsr systems`)")],
    parameters: Annotated[
        list[str], typer.Argument(metavar="PARAM=FIRST..LAST ...", help="the range, and other parameters as name=value")
    ],
    out: Annotated[
        list[str], typer.Option("--out", "-o", help=".pdf, .svg, .png, .csv, .parquet, .json, or a folder; repeatable")
    ],
    points: Annotated[int, typer.Option(help="number of parameter values")] = 400,
    coordinate: Annotated[str | None, typer.Option(help="coordinate shown; the first if not given")] = None,
    section: Annotated[
        str | None, typer.Option(help="plane, such as z=27: crossings of a flow instead of maxima")
    ] = None,
    exponents: Annotated[int | None, typer.Option(help="number of exponents; up to 4 if not given")] = None,
    transient: Annotated[float | None, typer.Option(help="time dropped first; 500 periods if not given")] = None,
    duration: Annotated[float | None, typer.Option(help="time averaged over; 200 periods if not given")] = None,
    continued: Annotated[
        bool, typer.Option("--continue", help="start each value where the one before ended (hysteresis)")
    ] = False,
    seed: Annotated[int, typer.Option(help="seed of small displacements and tangent vectors")] = 0,
) -> None:
    """Orbits and Lyapunov exponents over a parameter, as figure and tables."""
    from .orbit_diagram.command import orbit_diagram_to_files

    print(
        orbit_diagram_to_files(
            system, parameters, out, values=points, coordinate=coordinate, section=section, exponents=exponents,
            transient=transient, duration=duration, continued=continued, seed=seed,
        )
    )  # fmt: skip


@app.command()
def systems(
    names: Annotated[
        list[str] | None, typer.Argument(help="a system to show in full; or: verify NAME ... to compute it again")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="verify: all systems, dysts's included")] = False,
    out: Annotated[str | None, typer.Option("--out", "-o", help="verify: table (.json) to add the results to")] = None,
    again: Annotated[bool, typer.Option(help="verify: also what the table has already")] = False,
    seed: Annotated[int, typer.Option(help="verify: seed; the package's table has 0")] = 0,
    workers: Annotated[int, typer.Option(help="verify: processes")] = 1,
    as_json: JsonOption = False,
) -> None:
    """The benchmark systems, with their invariants as published and as computed."""
    from . import catalogue

    if names and names[0] == "verify":
        from .ground_truth.command import verify

        if not verify(names[1:], everything, out=out, again=again, seed=seed, workers=workers, as_json=as_json):
            raise typer.Exit(1)
        return
    if names and len(names) > 1:
        raise SpecError(f"{len(names)} names", "one system to show", f"dsr systems {names[0]}")
    _show(catalogue.system(names[0]) if names else catalogue.systems(), as_json)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="show one family in full")] = None, as_json: JsonOption = False
) -> None:
    """The model families, forcing schemes and training settings, with their keys and defaults."""
    from . import catalogue

    _show(catalogue.model(name) if name else catalogue.models(), as_json)


@app.command()
def measures(as_json: JsonOption = False) -> None:
    """The invariants and scores: those in the table of a run, and those that are functions of dsr.analysis only."""
    from . import catalogue

    _show(catalogue.measures(), as_json)


@app.command()
def doctor(as_json: JsonOption = False, store: StoreOption = None) -> None:
    """Versions, machine, and whether everything a run needs works here."""
    from . import doctor as check

    found = check.examine(store)
    if as_json:
        _print_json(found)
    else:
        print("\n".join(check.lines(found)))
    if found["problems"]:
        raise typer.Exit(1)


app.add_typer(cli_runs.app)
app.add_typer(cli_models.app)


def _show(entries: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print_json(entries)
        return
    from .catalogue import lines

    print("\n".join(lines(entries)))


def _print_json(tree: Any) -> None:
    print(json.dumps(tree, indent=2, ensure_ascii=False))


def main() -> None:
    """Entry point: user errors, absurd sizes among them, are one sentence on standard error and exit status 2; Ctrl-C
    is 130."""
    try:
        require_unicode(sys.argv[1:])
        sys.exit(app(standalone_mode=False))
    except typer.Abort:
        sys.exit(130)
    except (DsrError, UsageError) as problem:
        print(f"dsr: {problem if isinstance(problem, DsrError) else refused(problem)}", file=sys.stderr)
        sys.exit(2)
    except (MemoryError, OverflowError, RuntimeError) as problem:
        if isinstance(problem, RuntimeError) and not any(words in str(problem) for words in OUT_OF_MEMORY):
            raise
        print(f"dsr: {_too_large(problem)}", file=sys.stderr)
        sys.exit(2)


def _too_large(problem: Exception) -> SpecError:
    """What to say where memory or the range of numbers did not suffice, in places where no size was checked before."""
    reason = str(problem).partition("\n")[0] or type(problem).__name__
    return SpecError(
        f"a size that this machine has no room or no number for ({reason})",
        "what fits into its memory",
        "make the largest number on the command line or in the spec smaller",
    )
