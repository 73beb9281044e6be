"""LaTeX documents set by pdflatex."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex here: documents are read as text only"
)


def compiles(file: Path) -> None:
    """It ends without an error, nothing is wider than the page and every character is there."""
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name]
    done = subprocess.run(command, cwd=file.parent, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, file.name + done.stdout[-2000:]
    assert "Overfull" not in done.stdout and "Missing character" not in done.stdout, file.name + done.stdout[-3000:]
