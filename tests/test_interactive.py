"""attractor.html: the series themselves, the script once and compressed, and a page that a browser draws from disk."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from matplotlib.figure import Figure

from dsr.runs.drawing import interactive
from dsr.runs.drawing.interactive import attractor_page, plotly_script
from dsr.runs.figures import render
from dsr.runs.report import Drawn, render_report
from dsr.series import TimeSeries

TIME = 0.02 * np.arange(3000)
CURVE = np.column_stack([np.sin(TIME), np.sin(1.4 * TIME + 1), np.cos(TIME)])
TRUE = TimeSeries(CURVE, 0.02, names=("x", "y", "z"))
FREE = TimeSeries(0.9 * CURVE, 0.02, names=("x", "y", "z"))
EMPTY = {"outcome": {"name": "chaotic", "sentence": ""}, "rows": []}
LIMIT = 4_000_000
SPACE = Drawn("attractor", "State space", "shows", "A caption.", render(Figure(figsize=(1.0, 1.0))))


def drawn(page: str) -> dict:
    return json.loads(re.search(r"^const figure = (.*);$", page, re.MULTILINE).group(1))


def report(turned: str | None) -> str:
    return render_report(
        title="t", judgement=EMPTY, figures=[SPACE], spec="", resolved={}, env={}, commands=[], turned=turned
    )


def test_the_page_holds_both_series_and_names_the_axes():
    figure = drawn(attractor_page(TRUE, FREE, title="run", script=""))
    for trace, series, name in zip(figure["data"], (TRUE, FREE), ("truth", "free run"), strict=True):
        found = np.column_stack([trace[key] for key in "xyz"])
        np.testing.assert_allclose(found, series.values, atol=1e-4)
        assert trace["name"] == name and trace["mode"] == "lines"
    assert [figure["layout"]["scene"][f"{key}axis"]["title"]["text"] for key in "xyz"] == ["x", "y", "z"]


def test_one_column_is_drawn_in_three_delays_and_two_columns_not_at_all():
    figure = drawn(attractor_page(TimeSeries(CURVE[:, 0], 0.02), None, title="run", script=""))
    (trace,) = figure["data"]
    x, y, z = (np.array(trace[key]) for key in "xyz")
    delay = (len(CURVE) - len(x)) // 2
    assert delay > 0
    np.testing.assert_allclose(y[:-delay], x[delay:])
    np.testing.assert_allclose(z[: -2 * delay], x[2 * delay :])
    assert attractor_page(TimeSeries(CURVE[:, :2], 0.02), None, title="run", script="") is None


def test_names_from_a_file_cannot_leave_the_page():
    evil = TimeSeries(CURVE, 0.02, names=("</script><script>alert(1)", "y", "z"))
    page = attractor_page(evil, None, title="</title><b>", script="")
    assert page.count("<script>") == 1 and "</title><b>" not in page
    assert drawn(page)["layout"]["scene"]["xaxis"]["title"]["text"] == evil.names[0]


def test_the_script_is_inside_once_and_the_page_small_and_alone():
    pytest.importorskip("plotly")
    script = plotly_script()
    assert len(gzip.decompress(base64.b64decode(script))) > 1_000_000
    page = attractor_page(TRUE, FREE, title="run", script=script)
    assert page.count(script) == 1 and len(page) < LIMIT
    assert not re.findall(r"(?:src|href)=\"(?!report\.html)", page)


def test_without_plotly_the_report_stays_as_it_is(monkeypatch, tmp_path):
    interactive.plotly_script.cache_clear()
    monkeypatch.setattr(interactive.importlib.util, "find_spec", lambda name: None)
    assert plotly_script() is None
    interactive.plotly_script.cache_clear()
    assert "attractor.html" not in report(None) and report("attractor.html").count('href="attractor.html"') == 1


@pytest.mark.slow
def test_a_browser_without_a_network_draws_the_page(tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None or plotly_script() is None:
        pytest.skip("no browser, or no plotly")
    path = tmp_path / "attractor.html"
    path.write_text(attractor_page(TRUE, FREE, title="run", script=plotly_script()), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--host-resolver-rules=MAP * 0.0.0.0", "--enable-unsafe-swiftshader"]
    command = [browser, *options, f"--user-data-dir={tmp_path}", "--virtual-time-budget=60000", "--dump-dom"]
    page = subprocess.run([*command, path.as_uri()], capture_output=True, text=True, timeout=500).stdout
    told = re.search(r'<span id="told" role="status">(.*?)</span>', page, re.DOTALL).group(1)
    assert told == "" and 'class="gl-container"' in page and ">free run<" in page
