"""A sweep's progress on a terminal: done, running, failed, and when it will end; nothing where no one is watching."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..progress import TerminalBar

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class TerminalWatch(TerminalBar):
    """Counts of runs, and when the last will end."""

    def __init__(self) -> None:
        super().__init__("starting workers")
        self.began, self.first = time.time(), -1

    def columns(self) -> tuple[ProgressColumn, ...]:
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

        return TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()

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
