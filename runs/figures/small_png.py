"""A picture small enough for a page that is kept in a repository."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from .style import SINGLE, render

PIXELS, COLOURS = (440, 660), 256  # width of a figure of one column, and at most
ROUNDS = 3  # that move the colours of the palette to those of the picture: a grey band stays grey


def small_png(figure: Figure, *, times: int = 1) -> bytes:
    """A PNG of few colours, none of them lost, which is what a page in a repository can bear.

    times : pixels per pixel, along both sides; 2 for a figure that is read closely.
    """
    from PIL import Image

    width = figure.get_size_inches()[0]
    dpi = int(min(PIXELS[0] / SINGLE, PIXELS[1] / width))
    picture = Image.open(io.BytesIO(render(figure, dpi=times * dpi))).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=ROUNDS)
    buffer = io.BytesIO()
    few.save(buffer, "png", optimize=True)
    return buffer.getvalue()
