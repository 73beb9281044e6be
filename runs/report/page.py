"""One self-contained HTML page per run: verdict, table of invariants, figures, and how to repeat it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from .parts import document, figure, folded, invariants_table, listing, measure_name, section, verbatim
from .verdict import verdict

if TYPE_CHECKING:  # torch is not needed to rebuild a page
    from dsr.training import History

READING = (
    "Truth and reconstruction go through the same code with the same settings; ± is one standard "
    "error, and square brackets after a value are a range (quartiles over starts, or the spread over "
    "fit windows). The floor is the score between independent true trajectories: a perfect model "
    "scores inside it, and a score above its 95 % quantile says that the free run can be told from "
    "the truth. Where the column says chance, it is what unrelated stretches of the truth score as "
    "forecasts. The phase surrogate keeps the linear correlations of the truth and nothing else, "
    "Gaussian noise only its covariance: a model has to beat both, except in D_H, which the surrogate "
    "meets by construction. Click a number for its settings and the version of its definition."
)


def history_summary(history: History) -> dict[str, Any]:
    """The numbers of a training history that stand in a report, as plain values."""
    k = history.selected_member
    chosen = next((c for c in history.checks if c.step == history.selected_step), None)
    last = float(history.loss[-1, history.selected_member]) if len(history.loss) else math.nan
    return {
        "outcome": history.outcome,
        "steps": int(history.steps),
        "ensemble members": int(history.loss.shape[1]),
        "backend": history.backend,
        "seconds": round(float(history.seconds), 1),
        "selected step": int(history.selected_step),
        "selected member": int(history.selected_member) + 1,
        "free-run score of the selected weights": float(chosen.scores[k]) if chosen else "none (no validation data)",
        "lambda_1 of the selected weights": float(chosen.exponents[k]) if chosen else "none (no validation data)",
        "last free run of each member": ", ".join(history.checks[-1].fates) if history.checks else "none",
        "loss of the last block": last if math.isfinite(last) else "not finite",
    }


def render_report(
    *,
    title: str,
    judgement: Mapping[str, Any],
    figures: Mapping[str, bytes],
    captions: Mapping[str, str],
    spec: str,
    resolved: Mapping[str, Any],
    env: Mapping[str, Any],
    commands: Sequence[str],
    history: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    turned: str | None = None,
) -> str:
    """The page as text, from plain values only, so that it can be rebuilt from the files of a run folder.

    Parameters
    ----------
    judgement : `Judgement.to_dict()`, the content of measures.json.
    figures, captions : name -> PNG bytes, name -> sentence (the alternative text too).
    spec, resolved : the settings that were given, as TOML, and all of them with the defaults.
    env : versions and machine. commands : what to type to repeat the run.
    history : `history_summary(history)`, or any labels and values.
    provenance : label -> `TimeSeries.origin` of each series.
    turned : page with the attractor in three dimensions, beside the report; None without.

    Raises `StoreError` for a figure that is not a PNG. The page needs no network and no scripts.
    """
    result = verdict(judgement)
    pictures = [
        figure(name, png, captions.get(name, name), i) for i, (name, png) in enumerate(figures.items(), start=1)
    ]
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict {result.level}">{measure_name(result.sentence)}</p>',
        section("Invariants and scores", _table(judgement)),
        section("Figures", "\n".join([_link(turned), *pictures]).strip()),
        section("Training", listing(history) if history else ""),
        section("Data", listing(provenance) if provenance else ""),
        section("Repeat this run", verbatim("\n".join(commands))),
        folded("Settings as given", verbatim(spec)),
        folded("All settings, with the defaults that were filled in", listing(resolved)),
        folded("Versions and machine", listing(env)),
        _spectra(judgement),
    ]
    return document(title, parts)


def _link(turned: str | None) -> str:
    """To the page on which the attractor can be turned."""
    if turned is None:
        return ""
    return f'<p><a href="{escape(turned)}">Turn the attractor in three dimensions</a> (a page beside this one).</p>'


def _table(judgement: Mapping[str, Any]) -> str:
    outcome = judgement["outcome"]
    findings = [f"{found['name']}: {found['sentence']}" for found in judgement.get("findings", ())]
    items = "".join(f"<li>{measure_name(note)}</li>" for note in [*findings, *judgement.get("notes", ())])
    name, sentence = escape(outcome["name"]), measure_name(outcome["sentence"])
    return (
        f"<p>Outcome of the free run: <b>{name}</b> ({sentence}).</p>\n"
        f"{invariants_table(judgement['rows'])}\n<p>{measure_name(READING)}</p>\n"
        + (f'<ul class="notes">{items}</ul>' if items else "")
    )


def _spectra(judgement: Mapping[str, Any]) -> str:
    """All exponents that were computed: with more states than observations, more than the table shows."""
    found = {"truth": judgement.get("truth_spectrum"), "reconstruction": judgement.get("spectrum")}
    lists = {name: spectrum for name, spectrum in found.items() if spectrum}
    return folded("All Lyapunov exponents that were computed", listing(lists)) if lists else ""
