"""The gallery: every figure type is in it, its pictures are small, and its page shows them."""

from __future__ import annotations

import inspect
import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from dsr.models import ALRNN
from dsr.runs import figures
from dsr.runs.drawing import KINDS
from dsr.runs.figures import forest, render
from dsr.runs.figures.small_png import small_png
from dsr.runs.gallery.__main__ import MANY, RUNS, page
from dsr.runs.gallery.comparison import FAMILIES, quartiles, score
from dsr.runs.gallery.pictures import SPECS, Picture
from dsr.runs.spec import parse
from dsr.series import TimeSeries

DOCS = Path(__file__).resolve().parent.parent / "docs"
VALIDATION = {"family_sweep", "score_matrix"}  # drawn from sweeps of hours, for docs/validation.md


def test_the_page_shows_every_picture_under_its_name():
    figure = forest(["a"], [1.0], [0.5], [2.0], label="D")
    text = page({RUNS: [Picture("forest", "scores", "a run", figure)], MANY: []})
    assert "### forest" in text and "![scores](gallery/forest.png)" in text and "Scores (a run)." in text
    assert small_png(figure) == small_png(figure)[:] and small_png(figure).startswith(b"\x89PNG")
    small, large = (Image.open(io.BytesIO(small_png(figure, times=n))).size for n in (1, 2))
    assert large == pytest.approx([2 * n for n in small], abs=2)


def test_a_picture_of_few_colours_keeps_its_greys():
    """Of 36 coloured lines over a grey band, no colour of the band may turn pink."""
    figure = Figure(figsize=(6.0, 4.0))
    axes = figure.add_subplot()
    axes.axhspan(-0.2, 0.2, color="#dadada", lw=0)
    for i in range(36):
        axes.plot(np.sin(np.arange(50) + i) + i / 9, color=("#0072B2", "#D55E00", "#009E73", "#CC79A7")[i % 4], lw=0.5)
    small = np.asarray(Image.open(io.BytesIO(small_png(figure))).convert("RGB")).astype(int)
    whole = np.asarray(Image.open(io.BytesIO(render(figure, dpi=small.shape[1] // 6))).convert("RGB"))
    band = (whole == 0xDA).all(-1)
    assert band.mean() > 0.01 and np.abs(small[band] - 0xDA).max() <= 3


def test_the_pages_in_the_repository_are_whole_and_small():
    named = re.findall(r"\(gallery/([\w-]+)\.png\)", (DOCS / "gallery.md").read_text(encoding="utf-8"))
    sizes = {path.stem: path.stat().st_size for path in (DOCS / "gallery").iterdir()}
    assert sorted(named) == sorted(sizes)
    assert max(sizes.values()) < 120_000 and sum(sizes.values()) < 1_500_000
    public = (
        {n for n in figures.__all__ if inspect.isfunction(getattr(figures, n))}
        - {"render", "by_occupancy"}
        - VALIDATION
    )
    shown = {name.replace("run_summary", "summary") for name in public}
    assert shown | set(KINDS) <= set(named)


@pytest.mark.parametrize("name", SPECS)
def test_the_runs_of_the_gallery_parse(name):
    assert parse(SPECS[name]).to_dict()["model"]["name"] == SPECS[name]["model"]["name"]


def test_lost_runs_are_counted_and_not_averaged():
    found = quartiles([1.0, 2.0, np.inf, 3.0])
    assert (found.median, found.lost) == (2.0, 1)
    assert quartiles([np.inf]).lost == 1 and len(set(FAMILIES)) == len(FAMILIES)


def test_a_run_that_leaves_the_range_of_the_data_is_lost():
    """It ends 100 000 standard deviations away, at finite numbers."""
    model = ALRNN(2, 2, 0, seed=0).double()
    with torch.no_grad():
        model.A.fill_(1.01)
        model.W.zero_()
        model.h.zero_()
    test = TimeSeries(np.random.default_rng(0).normal(size=(700, 2)), 0.1)
    assert score(model, test) == np.inf
