"""Progress of a run on a terminal; nothing where no person is watching."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class TerminalProgress:
    """Stages and a training bar on standard error, only if that is a terminal."""

    def __init__(self) -> None:
        self.watched = sys.stderr.isatty()

    def __enter__(self) -> TerminalProgress:
        if self.watched:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[detail]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task("starting", total=None, detail="")
            self.drawn = 0.0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.watched:
            self.bar.stop()

    def stage(self, text: str) -> None:
        if self.watched:
            self.bar.reset(self.task, description=text, total=None, detail="")

    def step(self, step: int, steps: int, loss: float) -> None:
        if self.watched and (time.monotonic() - self.drawn > 0.2 or step == steps):
            self.drawn = time.monotonic()
            self.bar.update(self.task, completed=step, total=steps, detail=f"loss {loss:.3g}")


class Counted:
    """A bar over things that are finished one after the other, only on a terminal."""

    def __init__(self, doing: str) -> None:
        self.doing, self.watched = doing, sys.stderr.isatty()

    def __enter__(self) -> Counted:
        if self.watched:
            from rich.console import Console
            from rich.progress import Progress

            self.bar = Progress(console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task(self.doing, total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.watched:
            self.bar.stop()

    def told(self, name: str, done: int, total: int) -> None:
        if self.watched:
            self.bar.update(self.task, description=f"{self.doing} (last: {name})", completed=done, total=total)
