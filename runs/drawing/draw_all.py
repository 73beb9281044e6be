"""The figures of a run's report: every kind that applies, as PNG in the run's folder, and a list of them.

Vector files for print come from `dsr figures`.
"""

from __future__ import annotations

import json

from dsr.errors import StoreError

from ..figures import render
from ..report import DRAWN
from .kinds import KINDS, SUMMARY, draw
from .material import RunMaterial
from .reason import NotApplicable


def draw_all(run: RunMaterial) -> None:
    """Write figures/*.png and figures/drawn.json, which says what stands where in the report and what is left out.

    A figure that fails is left out, with the reason there and in log.txt: a run is not lost by its pictures.
    """
    drawn, left_out = [], {}
    for name, kind in KINDS.items():
        if kind.section == SUMMARY:
            continue
        try:
            run.folder.write(f"figures/{name}.png", render(draw(name, run), "png"))
        except NotApplicable as reason:
            left_out[name] = str(reason)
        except StoreError:
            raise
        except Exception as problem:
            left_out[name] = f"could not be drawn: {type(problem).__name__}: {problem}"
            run.folder.log(f"figure {name}: {left_out[name]}")
        else:
            drawn.append({"name": name, "section": kind.section, "shows": kind.shows, "caption": kind.caption})
    run.folder.write(DRAWN, json.dumps({"drawn": drawn, "left out": left_out}, indent=1) + "\n")
