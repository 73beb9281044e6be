"""Progress of a run on a terminal; nothing where no person is watching."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class TerminalBar:
    """A bar on standard error, only if that is a terminal; base of those below and of a sweep's."""

    def __init__(self, starting: str) -> None:
        self.starting, self.watched = starting, sys.stderr.isatty()

    def columns(self) -> tuple[ProgressColumn, ...]:
        """What is shown beside one another; rich's own choice if none."""
        return ()

    def __enter__(self) -> Self:
        if self.watched:
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(*self.columns(), console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.starting, total=None, detail="")
        return self

    def __exit__(self, *error: object) -> None:
        if self.watched:
            self.bar.stop()


class TerminalProgress(TerminalBar):
    """Stages, and a bar for the training."""

    def __init__(self) -> None:
        super().__init__("starting")
        self.drawn = 0.0

    def columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        described, detail = TextColumn("{task.description}"), TextColumn("{task.fields[detail]}")
        return described, BarColumn(), detail, TimeElapsedColumn(), TimeRemainingColumn()

    def stage(self, text: str) -> None:
        if self.watched:
            self.bar.reset(self.task, description=text, total=None, detail="")

    def step(self, step: int, steps: int, loss: float) -> None:
        if self.watched and (time.monotonic() - self.drawn > 0.2 or step == steps):
            self.drawn = time.monotonic()
            self.bar.update(self.task, completed=step, total=steps, detail=f"loss {loss:.3g}")


class Counted(TerminalBar):
    """Things that are finished one after the other."""

    def told(self, name: str, done: int, total: int) -> None:
        if self.watched:
            self.bar.update(self.task, description=f"{self.starting} (last: {name})", completed=done, total=total)
