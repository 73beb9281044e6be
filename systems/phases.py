"""`Rotating`: a flow some of whose coordinates are angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .equations import Equations


@dataclass(frozen=True, eq=False, kw_only=True)
class Rotating(Equations):
    """A flow in which the coordinates numbered `angles` are returned in [0, 2 pi).

    The equations must not change when 2 pi is added to an angle. Within a run angles grow without bound, so that a
    row says where the system is, not how often it went round; an angle jumps from one row to the next.
    """

    angles: tuple[int, ...]

    def _report(self, orbit: np.ndarray) -> None:
        orbit[:, self.angles] %= 2 * np.pi
