"""Maps with equations of their own: each module registers its systems."""

from . import (  # noqa: F401
    area_preserving,
    baker,
    coupled_map_lattice,
    interval,
    plane,
)
