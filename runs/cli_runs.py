"""The verbs of the command line that read finished runs: lists, comparisons, reports and figures."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from .cli_options import JsonOption, StoreOption

app = typer.Typer(rich_markup_mode=None)


@app.command()
def runs(
    words: Annotated[list[str] | None, typer.Argument(help="run ids, or filters such as seed=0..4")] = None,
    system: Annotated[str | None, typer.Option(help="systems, with commas between")] = None,
    model: Annotated[str | None, typer.Option(help="model families, with commas between")] = None,
    experiment: Annotated[str | None, typer.Option(help="folders inside the store, with commas between")] = None,
    state: Annotated[str | None, typer.Option(help="finished, running, interrupted, failed, pruned or damaged")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the runs of a store."""
    from .compare.command import list_runs

    filters = {"system": system, "model": model, "experiment": experiment, "state": state}
    print(list_runs(store, words or [], filters, as_json=as_json))


@app.command()
def compare(
    words: Annotated[list[str] | None, typer.Argument(help="run ids, or filters such as model=alrnn,esn")] = None,
    by: Annotated[str, typer.Option(help="what is compared: model, forcing, or such as training.alpha")] = "model",
    measures: Annotated[str | None, typer.Option(help="names of measures, with commas between")] = None,
    form: Annotated[str | None, typer.Option("--format", help="rich, markdown, latex, html, csv, ...")] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="file to write; its ending gives the format")] = None,
    baseline: Annotated[str | None, typer.Option(help="test all others against this one, such as parroting")] = None,
    table: Annotated[str, typer.Option(help="of csv and parquet: measures, runs, tests or ranks")] = "measures",
    store: StoreOption = None,
) -> None:
    """Compare runs: medians over seeds with intervals, floors, paired tests, ranks over systems."""
    from .compare.command import compare_runs

    print(
        compare_runs(store, words or [], by=by, measures=measures, form=form, out=out, baseline=baseline, table=table)
    )


@app.command()
def report(
    words: Annotated[
        list[str], typer.Argument(metavar="RUN ...", help="a run folder, or its id; or several, or model=alrnn,esn")
    ],
    out: Annotated[str | None, typer.Option("--out", "-o", help="of several runs: file; comparison.html")] = None,
    store: StoreOption = None,
) -> None:
    """Write a run's report.html again, with its figures; of several runs, the page that compares them."""
    from .reporting import report

    print(report(words, store, out=out))


@app.command()
def figures(
    words: Annotated[list[str] | None, typer.Argument(metavar="[RUN ...]", help="as of report; none: list all")] = None,
    only: Annotated[str | None, typer.Option(help="names of figures, with commas between")] = None,
    out: Annotated[str | None, typer.Option("--out", "-o", help="folder; that of the run, or of the store")] = None,
    formats: Annotated[str, typer.Option("--format", help="pdf, svg, png, with commas between")] = "pdf",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every figure that applies to a run, or to the comparison of several, for print."""
    from .drawing import command

    told = command.figures(words or [], store, only=only, out=out, formats=formats)
    print(json.dumps(told, indent=2, ensure_ascii=False) if as_json else "\n".join(command.lines(told)))
