"""The report of a run: one self-contained HTML page, and the words that its numbers deserve."""

from .page import Drawn, history_summary, render_report
from .verdict import quantity, reading, verdict
from .write import ATTRACTOR_PAGE, DRAWN, write_report

__all__ = [
    "ATTRACTOR_PAGE",
    "DRAWN",
    "Drawn",
    "history_summary",
    "quantity",
    "reading",
    "render_report",
    "verdict",
    "write_report",
]
