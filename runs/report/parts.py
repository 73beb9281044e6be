"""Pieces of the HTML report: everything that arrives from outside is escaped here."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from dsr.errors import StoreError
from dsr.measure import is_chance

from ..verdict import MINUS, foretold, quantity, reading

COLUMNS = (
    "measure",
    "truth",
    "reconstruction",
    "floor [5, 50, 95 %]",
    "phase surrogate",
    "Gaussian noise",
    "reading",
)
WIDE = 5.0  # inches from which a figure scrolls on a small screen
PIXELS_PER_INCH = 200  # of the PNG files; on the screen figures are a third larger than in print


def measure_name(name: str) -> str:
    """HTML of a measure's name, subscripts set as such: lambda_1, D_stsp, D_H."""
    safe = re.sub(r"(?<=[ (\[=])-(?=\d)", MINUS, escape(name)).replace(" %", "&nbsp;%")
    return re.sub(r"\b(lambda|D)_(\w+)", lambda m: f"{'λ' if m[1] == 'lambda' else m[1]}<sub>{m[2]}</sub>", safe)


def invariants_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of all measures; each number opens to its settings and the version of its definition."""
    head = "".join(f'<th scope="col">{escape(c)}</th>' for c in COLUMNS)
    steps = foretold(rows)
    body = "\n".join(_row(row, steps) for row in rows)
    table = f'<table class="measures"><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>'
    return f'<div class="scroll">{table}</div>'


def listing(values: Mapping[str, Any]) -> str:
    """A nested mapping as a two-column table of dotted keys."""
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(_plain(value))}</td></tr>' for key, value in _flat(values)
    )
    return f'<table class="listing"><tbody>{rows}</tbody></table>'


def figure(name: str, png: bytes, caption: str, number: int, *, alt: str) -> str:
    """A figure with its caption, the picture inside the page; `alt` stands for it where it cannot be seen. Raises
    `StoreError` for what is not a PNG."""
    if png[:8] != b"\x89PNG\r\n\x1a\n":
        raise StoreError(
            f"the figure '{name}' is not a PNG file", "PNG bytes", "draw the figures again: dsr figures RUN"
        )
    inches = struct.unpack(">I", png[16:20])[0] / PIXELS_PER_INCH
    wide = ' class="wide"' if inches > WIDE else ""
    data = base64.b64encode(png).decode("ascii")
    return (
        f'<figure id="figure-{_slug(name)}"{wide} style="--inches:{inches:.3g}"><div class="scroll">'
        f'<img src="data:image/png;base64,{data}" alt="{escape(_sentence(alt))}"></div>\n'
        f"<figcaption><b>Figure {number}.</b> {measure_name(caption)}</figcaption></figure>"
    )


def figures_side_by_side(figures: Sequence[str]) -> str:
    """Figures beside each other where the page is wide enough; nothing for none."""
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def document(title: str, head: Sequence[str], sections: Mapping[str, str], css: str = "") -> str:
    """The whole page: head, table of contents, and the sections that are not empty, by title.

    css : added to that of all reports.
    """
    there = {name: content for name, content in sections.items() if content}
    places = {name: f"{_slug(name)}-{i}" for i, name in enumerate(there, start=1)}
    links = "".join(f'<li><a href="#{place}">{escape(name)}</a></li>' for name, place in places.items())
    parts = [part for part in head if part]
    parts.append(f'<nav aria-label="Contents"><ul>{links}</ul></nav>')
    for name, place in places.items():
        title_of = f'<h2 id="{place}">{escape(name)}</h2>'
        parts.append(f'<section aria-labelledby="{place}">{title_of}\n{there[name]}\n</section>')
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>{CSS}{css}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _slug(text: str) -> str:
    """A name for an anchor: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def verbatim(text: str) -> str:
    """Lines to read or copy as they are."""
    return f"<pre><code>{escape(text)}</code></pre>"


def folded(summary: str, content: str) -> str:
    """A part of the page that opens with a click."""
    return f'<details class="part"><summary>{escape(summary)}</summary>\n{content}\n</details>'


def _row(row: Mapping[str, Any], steps: float) -> str:
    found = row["reconstruction"]
    result = reading(row, steps)
    unit = found["unit"] or (row.get("truth") or {}).get("unit", "")
    name = measure_name(row["name"]) + (f'<br><span class="unit">{escape(unit)}</span>' if unit else "")
    cells = [f'<th scope="row">{name}</th>', _number(row.get("truth")), _number(found)]
    cells += [_floor(found.get("floor")), _number(row.get("surrogate")), _number(row.get("gaussian"))]
    cells.append(f'<td class="{result.level}">{measure_name(result.short or result.text)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _number(measure: Mapping[str, Any] | None) -> str:
    if measure is None:
        return '<td class="none">–</td>'  # noqa: RUF001
    about = {**measure["settings"], "definition": f"version {measure['version']}"}
    if measure["note"]:
        about = {"note": measure["note"], **about}
    text = escape(quantity(measure, unit=False)) if measure["value"] is not None else "none"
    return opens(text, listing({"measure": measure["name"], **about}))


def _floor(floor: Mapping[str, Any] | None) -> str:
    if floor is None:
        return '<td class="none">–</td>'  # noqa: RUF001
    text = "chance: " if is_chance(floor["kind"]) else ""
    if floor["pairs"] > 1:
        text += f"[{floor['low']:.3g}, <b>{floor['median']:.3g}</b>, {floor['high']:.3g}]"
    else:
        text += f"{floor['median']:.3g} (one pair)"
    return opens(text, listing({"between": floor["kind"], "pairs": floor["pairs"]}))


def opens(summary: str, content: str) -> str:
    """A cell of a table whose number opens to what it depends on; both are HTML."""
    return f'<td><details class="number"><summary>{summary}</summary><div>{content}</div></details></td>'


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _plain(value: Any) -> str:
    if value is None or value in ({}, [], (), ""):
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(_plain(v) for v in value)
    return str(value)


CSS = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1a1a1a;
  background: #fff; max-width: 1080px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
p { max-width: 46rem; }
.verdict { border-left: 6px solid; padding: .6rem 1rem; background: #f5f5f5; font-size: 1.05rem;
  max-width: none; }
.verdict.agrees { border-color: #007a5a; } .verdict.open { border-color: #767676; }
.verdict.differs { border-color: #b85000; } .verdict.lost { border-color: #a00000; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.measures { width: 100%; font-size: .86rem; }
.measures th, .measures td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; }
.measures thead th:last-child { width: 22%; }
.measures thead th { border-bottom: 1.5px solid #1a1a1a; }
.measures tbody tr { border-bottom: 1px solid #ddd; }
.measures tbody th { font-weight: 600; white-space: nowrap; }
.unit { font-weight: 400; color: #555; font-size: .9em; }
details.number summary { white-space: nowrap; }
.none { color: #767676; }
td.agrees { color: #00654a; } td.differs { color: #9a4300; font-weight: 600; } td.open { color: #555; }
details.number { position: relative; }
details.number summary { cursor: pointer; list-style: none; text-decoration: underline dotted #999;
  text-underline-offset: 3px; }
details.number summary::-webkit-details-marker { display: none; }
details.number[open] > div { position: absolute; z-index: 1; top: 1.6rem; left: 0; padding: .4rem .7rem;
  background: #fff; border: 1px solid #888; box-shadow: 0 2px 8px #0003; min-width: 15rem; }
.measures td:nth-child(n+5) details.number[open] > div { left: auto; right: 0; }
.listing { font-size: .82rem; }
.listing th, .listing td, .measures .listing th, .measures .listing td { text-align: left;
  vertical-align: top;
  padding: .1rem 1rem .1rem 0; font-weight: 400; white-space: normal; overflow-wrap: anywhere; }
.listing th, .measures .listing th { color: #555; white-space: nowrap; } .measures .listing tr { border: 0; }
nav ul { list-style: none; margin: 1.2rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; }
nav a, p a { color: #005a8c; }
:focus-visible { outline: 2px solid #0072b2; outline-offset: 2px; }
.scroll { overflow-x: visible; }
.figures { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: flex-start; }
figure { margin: 1.4rem 0; width: calc(var(--inches) * 128px); max-width: 100%; break-inside: avoid; }
figure img { width: 100%; height: auto; display: block; }
figcaption { font-size: .9rem; max-width: 46rem; margin-top: .3rem; }
details.part { margin: .5rem 0; } details.part > summary { cursor: pointer; font-weight: 600; }
pre { background: #f5f5f5; padding: .7rem 1rem; overflow-x: auto; font-size: .88rem; white-space: pre-wrap; }
@media (max-width: 1120px) { .measures { font-size: .74rem; } .measures tbody th { white-space: normal; }
  .measures th, .measures td { padding-right: .35rem; } }
@media (max-width: 760px) { body { margin: 1rem auto; padding: 0 .8rem; } .scroll { overflow-x: auto; }
  figure.wide .scroll img { width: 680px; max-width: none; } }
@media print { body { margin: 0; padding: 0; max-width: none; font-size: 9.5pt; line-height: 1.35; }
  nav, .turn, details.part:not([open]), section:not(:has(> :not(h2, details.part:not([open])))) { display: none; }
  p { max-width: none; } .verdict { font-size: 10pt; } h1 { font-size: 15pt; }
  h2 { font-size: 12pt; margin: 1.2em 0 .3em; }
  .measures { font-size: 7pt; } .measures th, .measures td { padding: .2rem .3rem .2rem 0; }
  .measures tbody th { white-space: normal; }
  h2, h3 { break-after: avoid; } tr, .verdict, pre { break-inside: avoid; } .scroll { overflow: visible; }
  .figures { display: block; } figure { display: inline-block; vertical-align: top; margin: .6em .1in .6em 0;
  width: calc(var(--inches) * 1in); } figcaption { font-size: 8.5pt; line-height: 1.3; max-width: none; }
  .listing { font-size: 8pt; } @page { margin: 1.5cm; } }
"""
