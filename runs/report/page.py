"""One self-contained HTML page per run: verdict, table of invariants, figures, and how to repeat it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from ..verdict import verdict
from .parts import document, figure, figures_side_by_side, folded, invariants_table, listing, measure_name, verbatim

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


SCORES, TRAINING = "Invariants and scores", "Training"  # sections that have more than figures


class Drawn(NamedTuple):
    """A figure of the report: `shows` is its alternative text, `caption` stands below it."""

    name: str
    section: str
    shows: str
    caption: str
    png: bytes


def history_summary(history: History) -> dict[str, Any]:
    """The numbers of a training history that stand in a report, as plain values."""
    k = history.selected_member
    chosen = next((c for c in history.checks if c.step == history.selected_step), None)
    unknown = f"none ({'solved in closed form' if history.backend == 'closed form' else 'no validation data'})"
    last = float(history.loss[-1, history.selected_member]) if len(history.loss) else math.nan
    return {
        "outcome": history.outcome,
        "steps": int(history.steps),
        "ensemble members": int(history.loss.shape[1]),
        "backend": history.backend,
        "seconds": round(float(history.seconds), 1),
        "selected step": int(history.selected_step),
        "selected member": int(history.selected_member) + 1,
        "free-run score of the selected weights": float(chosen.scores[k]) if chosen else unknown,
        "lambda_1 of the selected weights": float(chosen.exponents[k]) if chosen else unknown,
        "last free run of each member": ", ".join(history.checks[-1].fates) if history.checks else "none",
        "loss of the last block": last if math.isfinite(last) else "not finite",
    }


def render_report(
    *,
    title: str,
    judgement: Mapping[str, Any],
    figures: Sequence[Drawn],
    spec: str,
    resolved: Mapping[str, Any],
    env: Mapping[str, Any],
    commands: Sequence[str],
    history: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    turned: str | None = None,
    left_out: Mapping[str, str] | None = None,
) -> str:
    """The page as text, from plain values only, so that it can be rebuilt from the files of a run folder.

    Parameters
    ----------
    judgement : `Judgement.to_dict()`, the content of measures.json.
    figures : in the order in which they are numbered within the page's sections.
    spec, resolved : the settings that were given, as TOML, and all of them with the defaults.
    env : versions and machine. commands : what to type to repeat the run.
    history : `history_summary(history)`, or any labels and values.
    provenance : label -> `TimeSeries.origin` of each series.
    turned : page with the attractor in three dimensions, beside the report; None without.
    left_out : name of a figure -> why this run has none.

    Raises `StoreError` for a figure that is not a PNG. The page needs no network and no scripts.
    """
    result = verdict(judgement)
    pictures = _sections(figures)
    scores, training = pictures.pop(SCORES, ""), pictures.pop(TRAINING, "")
    turn = _link(turned)
    settings = [
        folded("Settings as given", verbatim(spec)),
        folded("All settings, with the defaults that were filled in", listing(resolved)),
        folded("Versions and machine", listing(env)),
        _spectra(judgement),
    ]
    sections = {
        SCORES: _table(judgement) + scores,
        **{title: (turn if i == 0 else "") + content for i, (title, content) in enumerate(pictures.items())},
        TRAINING: training + (listing(history) if history else ""),
        "Data": listing(provenance) if provenance else "",
        "Repeat this run": verbatim("\n".join(commands)),
        "Settings and versions": "\n".join(part for part in settings if part),
        "Figures left out": _left_out(left_out or {}),
    }
    head = [f"<h1>{escape(title)}</h1>", f'<p class="verdict {result.level}">{measure_name(result.sentence)}</p>']
    return document(title, head, sections)


def _sections(figures: Sequence[Drawn]) -> dict[str, str]:
    """Section -> its figures as HTML; numbered in the order of the page."""
    order = sorted({f.section: None for f in figures}, key=lambda s: (s != SCORES, s == TRAINING))
    numbers = iter(range(1, len(figures) + 1))
    return {
        section: figures_side_by_side(
            [figure(f.name, f.png, f.caption, next(numbers), alt=f.shows) for f in figures if f.section == section]
        )
        for section in order
    }


def _left_out(reasons: Mapping[str, str]) -> str:
    """One line: figure, why not; figures of one reason together."""
    groups: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        groups.setdefault(reason, []).append(name.replace("_", " "))
    told = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in groups.items())
    return f"<p>Not applicable: {measure_name(told)}.</p>" if told else ""


def _link(turned: str | None) -> str:
    """To the page on which the attractor can be turned."""
    if turned is None:
        return ""
    link = f'<a href="{escape(turned)}">Turn the attractor in three dimensions</a>'
    return f'<p class="turn">{link} (a page beside this one).</p>'


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
