"""A sweep's progress on a terminal: done, running, failed, and when it will end; nothing where no one is watching."""

from __future__ import annotations

import sys
import time
from types import TracebackType


class TerminalWatch:
    """A bar on standard error, only if that is a terminal."""

    def __init__(self) -> None:
        self.watched = sys.stderr.isatty()

    def __enter__(self) -> TerminalWatch:
        if self.watched:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self.bar.start()
            self.task = self.bar.add_task("starting workers", total=None)
            self.began, self.first = time.time(), -1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.watched:
            self.bar.stop()

    def told(self, done: int, running: int, failed: int, total: int) -> None:
        if self.watched:
            self.first = done if self.first < 0 else self.first  # found finished at the start: they took no time
            text = described(done, running, failed, total, self.first, self.began, time.time())
            self.bar.update(self.task, description=text, completed=done, total=total)


def described(done: int, running: int, failed: int, total: int, first: int, began: float, now: float) -> str:
    """One line; `first` of the runs were done when the sweep began."""
    text = f"{done} of {total} done, {running} running, {failed} failed"
    if done == first or done == total:
        return text
    end = time.localtime(now + (now - began) / (done - first) * (total - done))
    same_day = end.tm_yday == time.localtime(now).tm_yday
    return f"{text}, ends about {time.strftime('%H:%M' if same_day else '%d %b %H:%M', end)}"
