"""The report: one well-formed page that needs nothing else, holds every number, and escapes its input."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html import escape, unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from dsr.analysis import LyapunovSpectrum, Outcome, Row
from dsr.analysis.scorecard.rows import Judgement
from dsr.errors import StoreError
from dsr.measure import Floor, Measure
from dsr.runs.figures import render
from dsr.runs.report import Drawn, history_summary, render_report
from dsr.runs.verdict import quantity
from dsr.training.history import Check, History

VOID = {"meta", "img", "br", "link", "hr", "input"}
PNG = render(Figure(figsize=(3.4, 1.0)))
FIGURES = [
    Drawn("training_history", "Training", "loss over steps", "Training loss.", PNG),
    Drawn("attractor", "State space", "truth and free run", "The attractor.", PNG),
    Drawn("scorecard", "Invariants and scores", "scores", "Scores, D_stsp first.", PNG),
    Drawn("marginals", "State space", "densities", "The densities.", PNG),
]


class Page(HTMLParser):
    """Tags in order, with every open tag closed in the right order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def judgement(note: str = "floor: over 20 trajectories") -> Judgement:
    floor = Floor(0.021, 0.0456, 0.0789, 20, "independent trajectories")
    settings = {"bins": 30, "smoothing": 1e-5, "length_true": 100000}
    rows = (
        Row(
            "D_stsp",
            None,
            Measure("D_stsp", 0.1234, unit="nats", settings=settings, version=3, floor=floor),
            Measure("D_stsp", 4.321, settings=settings),
            Measure("D_stsp", 5.678, settings=settings),
        ),
        Row(
            "lambda_1",
            Measure("lambda_1", 0.9056, 0.9026, 0.9086, "per time unit", {"steps": 5000, "qr_every": 5}),
            Measure("lambda_1", 0.8711, 0.8511, 0.8911, "per time unit", {"steps": 4321}),
        ),
        Row("D_H", None, Measure("D_H", float("nan"), note="all columns <constant>")),
    )
    e, s = np.array([0.8711, -0.01, -1.93]), np.array([0.02, 0.01, 0.03])
    spectrum = LyapunovSpectrum(e, s, np.diag(s**2), 0.01, 100, 8, 0, e[None], s, {"time_unit": "time units"})
    return Judgement(rows, Outcome("chaotic", "lambda_1 = 0.87"), spectrum, None, None, (note,))


def report(**changes) -> str:
    values = {
        "title": "lorenz63",
        "judgement": json.loads(json.dumps(judgement().to_dict())),
        "figures": FIGURES,
        "spec": 'seed = 3\n[data]\nsystem = "lorenz63"\n',
        "resolved": {"data": {"dt": 0.0125, "parameters": {"rho": 28.0}}, "training": {"steps": 7531}},
        "env": {"torch": "2.9.1", "machine": {"cores": 2}},
        "commands": ["dsr run spec.toml", "dsr report <RUN>"],
        "history": {"steps": 7531},
        "provenance": {"test": {"file": "heart.npy", "sha256": "abc123"}},
    }
    return render_report(**{**values, **changes})


def test_every_number_stands_in_the_table_with_its_settings_and_version():
    html = report()
    text = Page(html).text
    for row in judgement().to_dict()["rows"]:
        for key in ("truth", "reconstruction", "surrogate", "gaussian"):
            if row[key] and row[key]["value"] is not None:
                assert quantity(row[key], unit=False) in text
    assert "[0.021, 0.0456, 0.0789]" in text and "independent trajectories" in text
    first = html[html.index("0.1234</summary>") :]
    details = Page("<div>" + first[first.index("</summary>") + 10 : first.index("</details>")] + "</div>").text
    for word in ("bins30", "smoothing1e-05", "length_true100000", "definitionversion 3"):
        assert word in details
    assert "qr_every" in text and "4321" in text and "per time unit" in text


def test_the_headline_reports_a_score_above_its_floor():
    html = report()
    headline = re.search(r'<p class="verdict (\w+)">(.*?)</p>', html)
    assert headline[1] == "differs"
    assert "above the floor (95 % of true pairs score below 0.0789), 2.7 times its median" in headline[2].replace(
        "&nbsp;", " "
    )
    assert "λ<sub>1</sub> = 0.871 ± 0.020 per time unit against 0.9056 ± 0.0030" in headline[2]


def test_a_missing_number_shows_its_reason_and_is_not_a_number_in_disguise():
    text = Page(report()).text
    assert "all columns <constant>" in text
    assert "nan" not in text.lower().replace("provenance", "")


def test_the_page_is_self_contained():
    page = Page(report())
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "srcset", "action", "style"):
            assert "//" not in (attributes.get(name) or "").split("base64,")[0]
    style = re.search(r"<style>(.*?)</style>", report(), re.S)[1]
    assert "url(" not in style and "@import" not in style


def test_figures_stand_in_their_sections_with_alternative_texts_and_numbers_in_order():
    html = report()
    page = Page(html)
    assert [i["alt"] for i in page.all("img")] == ["Scores.", "Truth and free run.", "Densities.", "Loss over steps."]
    for image in page.all("img"):
        head, data = image["src"].split(",", 1)
        assert head == "data:image/png;base64" and base64.b64decode(data) == PNG
    captions = ("Scores, Dstsp first.", "The attractor.", "The densities.", "Training loss.")
    places = [page.text.index(f"Figure {i}. {caption}") for i, caption in enumerate(captions, start=1)]
    assert places == sorted(places)
    assert page.text.index("State space\n") < places[1] < places[2] < page.text.index("Training\n") < places[3]
    with pytest.raises(StoreError, match="not a PNG"):
        report(figures=[FIGURES[0]._replace(png=b"<svg/>")])


def test_the_contents_link_every_section_and_headings_go_down_step_by_step():
    html = report(left_out={"space_time": "3 columns are no field"})
    page = Page(html)
    links = [a["href"] for a in page.all("a")]
    assert links == [f"#{h['id']}" for h in page.all("h2")] and len(set(links)) == len(links) > 5
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and max(np.diff(levels)) <= 1
    assert {tag for tag, a in page.tags if "tabindex" in a} == set()  # details and links are reached as they are


def test_figures_that_do_not_apply_are_named_in_one_line_with_their_reasons():
    left_out = {"region_attractor": "ESN is not piecewise linear", "transition_graph": "ESN is not piecewise linear",
                "space_time": "3 columns are no field"}  # fmt: skip
    text = Page(report(left_out=left_out)).text
    line = next(line for line in text.splitlines() if line.startswith("Not applicable"))
    assert line == (
        "Not applicable: region attractor, transition graph (ESN is not piecewise linear); "
        "space time (3 columns are no field)."
    )


def test_colours_of_text_stand_out_from_their_ground():
    css = re.search(r"<style>(.*?)</style>", report(), re.S)[1]
    assert "--inches:3.4" in report()
    colours = {c for c in re.findall(r"(?<![-\w])color: (#[0-9a-f]{3,6})", css)}
    assert {"#555", "#767676", "#9a4300"} <= colours
    for colour in colours:
        ground = "#f5f5f5" if colour == "#1a1a1a" else "#ffffff"
        assert contrast(colour, ground) >= 4.5, colour


def contrast(a: str, b: str) -> float:
    """Of two colours, as WCAG 2 defines it."""
    lights = sorted(luminance(c) for c in (a, b))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    channels = np.array([int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_everything_from_outside_is_escaped():
    attack = '<script>alert("1")</script>'
    hostile = report(
        title=attack,
        judgement=judgement(attack).to_dict(),
        figures=[Drawn(attack, attack, f'"{attack}', attack, PNG)],
        left_out={attack: attack},
        spec=attack,
        resolved={attack: {attack: attack}},
        env={attack: [attack]},
        commands=[attack],
        history={attack: attack},
        provenance={attack: {"file": attack}},
    )
    assert "<script" not in hostile
    page = Page(hostile)
    assert page.text.count(attack) >= 12
    assert page.all("img")[0]["alt"] == f'"{attack}.'


def test_settings_environment_provenance_and_commands_can_be_read_back():
    text = Page(report()).text
    for word in (
        "data.parameters.rho28",
        "data.dt0.0125",
        "training.steps7531",
        "torch2.9.1",
        "machine.cores2",
    ):
        assert word in text
    assert "test.fileheart.npy" in text and "test.sha256abc123" in text
    assert "dsr run spec.toml\ndsr report <RUN>" in text
    assert 'seed = 3\n[data]\nsystem = "lorenz63"' in text


def test_all_computed_exponents_are_listed():
    assert "reconstruction.exponents0.8711, -0.01, -1.93" in Page(report()).text


def test_a_diverged_run_gives_a_report_that_says_so_first():
    lost = Judgement(
        (Row("D_stsp", None, Measure("D_stsp", float("nan"), note="diverged at step 1234")),),
        Outcome("diverged", "the free run left the finite numbers at step 1234", 1234),
        None,
        None,
        None,
    )
    html = report(judgement=lost.to_dict(), figures=[], history=None, provenance=None)
    page = Page(html)
    assert 'class="verdict lost"' in html and "at step 1234: there is no attractor to compare" in page.text
    assert not page.all("img") and "Training" not in page.text


def test_history_summary_takes_the_numbers_of_the_selected_member():
    scores = ((0.9, 0.8), (0.7, 0.25), (0.6, 0.5))
    checks = tuple(Check(100 + 100 * i, s, (0.9, 0.91), ("chaotic",) * 2) for i, s in enumerate(scores))
    steps, loss = np.array([100, 200, 300]), np.array([[1.0, 2.0], [0.5, 0.4], [0.3, 0.125]])
    members = torch.zeros((2, 4))
    summary = history_summary(History(300, steps, loss, checks, 200, 1, members, "finished", "native", 12.34))
    assert summary["free-run score of the selected weights"] == 0.25
    assert summary["loss of the last block"] == 0.125
    assert summary["lambda_1 of the selected weights"] == 0.91 and summary["backend"] == "native"
    assert (summary["selected step"], summary["selected member"], summary["ensemble members"]) == (200, 2, 2)
    assert json.loads(json.dumps(summary)) == summary
    text = unescape(report(history=summary))
    assert "12.3" in text and "finished" in text


WIDTHS = (400, 1200)


def test_a_browser_shows_the_page_without_clipping_it_on_narrow_and_wide_screens(tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    frames = "".join(f'<iframe srcdoc="{escape(report())}" width="{w}" height="900"></iframe>' for w in WIDTHS)
    script = (
        "onload = () => document.title = [...document.querySelectorAll('iframe')].map("
        "f => f.contentDocument).map(d => d.documentElement.scrollWidth + ':' "
        "+ [...d.images].every(i => i.naturalWidth))"
    )
    path = tmp_path / "frames.html"
    path.write_text(f"<body>{frames}<script>{script}</script>", encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [chromium, *options, "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", path.as_uri()]
    page = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180).stdout
    found = re.search("<title>(.*?)</title>", page)[1].split(",")
    assert all(int(width) <= screen and images == "true" for screen, (width, images) in
               zip(WIDTHS, (f.split(":") for f in found), strict=True)), found  # fmt: skip
