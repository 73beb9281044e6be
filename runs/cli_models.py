"""The verbs of the command line that take models elsewhere and bring them in."""

from __future__ import annotations

from typing import Annotated

import typer

from .cli_options import JsonOption, StoreOption

app = typer.Typer(rich_markup_mode=None)


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="a run folder or its id, or a model file")],
    to: Annotated[
        str | None, typer.Option(help="numpy, sympy, latex, julia, matlab, dysts (equations), onnx or torch (a graph)")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="file to write; its ending can stand for --to")] = None,
    store: StoreOption = None,
) -> None:
    """Write a reconstruction for other programs: its equations, or its step as a graph."""
    from pathlib import Path

    from .export import export
    from .store import RunStore

    source = Path(run) if Path(run).is_file() else RunStore(store).find(run).path
    print("\n".join(str(path) for path in export(source, to, out)))


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(help=".npz file with the AL-RNN weights A, W, h, B")],
    out: Annotated[str, typer.Option("--out", "-o", help="model file to write, .safetensors")],
    relu_units: Annotated[int | None, typer.Option(help="rectified units P; found by the file's orbit if any")] = None,
    dt: Annotated[float, typer.Option(help="time between two steps")] = 1.0,
) -> None:
    """Make a model file of published AL-RNN weights."""
    from .importing import import_weights

    print(import_weights(file, out, relu_units=relu_units, dt=dt).sentence)


@app.command()
def recipes(as_json: JsonOption = False) -> None:
    """The shipped specs that `dsr run` and `dsr sweep` take by name."""
    import json

    from .recipes import described, recipe_names

    found = {name: described(name) for name in recipe_names()}
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        print("\n".join(f"{name}\n    {text}" for name, text in found.items()))


@app.command()
def tune(
    spec: Annotated[str, typer.Argument(metavar="SPEC.toml", help="a spec file, or the name of a shipped recipe")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=LOW..HIGH ...", help="ranges, ..log, lists a,b, or settings")
    ] = None,
    objective: Annotated[str, typer.Option(help="measure to improve (see a run's table)")] = "D_stsp",
    trials: Annotated[int, typer.Option(help="number of trials")] = 20,
    seeds: Annotated[int, typer.Option(help="runs of each trial, with seeds from the spec's on")] = 1,
    sampler: Annotated[str, typer.Option(help="optuna (follows the good ones), or random")] = "optuna",
    seed: Annotated[int, typer.Option(help="seed of the draws")] = 0,
    prune: Annotated[bool, typer.Option(help="stop trials whose free runs lag behind")] = True,
    out: Annotated[str | None, typer.Option("--out", "-o", help="file for the winner's spec, .toml")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the settings of a run for the best value of a measure; the same command goes on where it was stopped."""
    import json

    from .tuning.command import lines, tune_command

    told = tune_command(
        spec, words or [], store, out,
        objective=objective, trials=trials, seeds=seeds, sampler=sampler, seed=seed, prune=prune,
    )  # fmt: skip
    print(json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(lines(told)))
    if told["best"] is None:
        raise typer.Exit(1)
