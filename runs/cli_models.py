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
