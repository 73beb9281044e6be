"""The report of a run: one self-contained HTML page."""

from .page import Drawn, history_summary, render_report
from .write import ATTRACTOR_PAGE, DRAWN, write_report

__all__ = [
    "ATTRACTOR_PAGE",
    "DRAWN",
    "Drawn",
    "history_summary",
    "render_report",
    "write_report",
]
