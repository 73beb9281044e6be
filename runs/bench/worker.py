"""The training loop in a process of its own, started and stopped from here: for scaling over cores, and for memory.

The process reads numbers of steps, one per line, and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, cast

import torch

from dsr.training.engine import BLOCK, Stop

from .sizes import Size, training_run

PER_CALL = 100 * BLOCK  # steps of one call of the engine


@dataclass(frozen=True)
class Done:
    """wall, cpu : seconds that the steps took; rss_kib : resident memory after them, None where it is not known."""

    wall: float
    cpu: float
    rss_kib: int | None


class Worker:
    """A process that trains one model of a size; a context manager that ends it."""

    def __init__(self, size: Size, backend: str) -> None:
        command = [sys.executable, "-m", __name__, backend, json.dumps(asdict(size))]
        # a session of its own: Ctrl-C is for the parent, which ends its workers
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def start(self, steps: int) -> None:
        """Ask for that many steps, and return at once."""
        print(steps, file=self._process.stdin, flush=True)

    def wait(self) -> Done:
        """The answer to `start`. Raises `RuntimeError` when the process has died."""
        line = cast(IO[str], self._process.stdout).readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}; its message is above")
        return Done(**json.loads(line))

    def run(self, steps: int) -> Done:
        self.start(steps)
        return self.wait()


def main() -> None:
    """The process: `worker BACKEND SIZE`."""
    torch.set_num_threads(1)
    run = training_run(Size(**json.loads(sys.argv[2])), sys.argv[1])
    strengths = torch.from_numpy(run.forcings[0].strengths(run.job.config.window))[None, :, None]
    first = 0
    for line in sys.stdin:
        wall, cpu, last = time.perf_counter(), time.process_time(), first + int(line)
        while first < last:
            count = min(PER_CALL, last - first)
            blocks = (first + count - 1) // BLOCK - first // BLOCK + 1
            run.engine.run(first, count, run.steps, strengths.expand(blocks, -1, -1), Stop())
            first += count
        done = Done(time.perf_counter() - wall, time.process_time() - cpu, resident_kib())
        print(json.dumps(asdict(done)), flush=True)


def resident_kib() -> int | None:
    """Resident memory of this process; None where the system does not tell in /proc."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    except (OSError, StopIteration):
        return None


if __name__ == "__main__":
    main()
