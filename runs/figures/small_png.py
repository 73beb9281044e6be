"""A picture small enough for a page that is kept in a repository."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from .style import SINGLE, render

PIXELS, COLOURS = (440, 660), 128  # width of a figure of one column, and at most


def small_png(figure: Figure) -> bytes:
    """A PNG of few colours, none of them lost, which is what a page in a repository can bear."""
    from PIL import Image

    width = figure.get_size_inches()[0]
    dpi = int(min(PIXELS[0] / SINGLE, PIXELS[1] / width))
    few = Image.open(io.BytesIO(render(figure, dpi=dpi))).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
    buffer = io.BytesIO()
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()
