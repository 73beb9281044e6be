"""What `dsr systems verify` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from dsr.errors import SpecError

from ..catalogue import lines
from ..progress import Counted
from .labels import every_label, labels_of
from .verify import verify as verified


def verify(
    names: Sequence[str], everything: bool, *, out: str | None, again: bool, seed: int, workers: int, as_json: bool
) -> bool:
    """Print each system's values beside those of the table and of the literature; whether all its checks passed.

    Raises `SpecError` without a name, or for one that does not exist.
    """
    if bool(names) == everything:
        raise SpecError(
            "both names and --all" if names else "no name to verify",
            "names of systems, or --all",
            "dsr systems verify lorenz63",
        )
    if workers < 1 or seed < 0:
        raise SpecError(f"workers = {workers}, seed = {seed}", "workers from 1, seed from 0", "leave them out")
    chosen = every_label() if everything else labels_of(names)
    found: dict[str, Any] = {}
    with Counted("verifying") as progress:
        for label, report in verified(chosen, seed=seed, out=out, again=again, workers=workers, told=progress.told):
            found[label] = report
            if not as_json:
                print("\n".join(lines({label: report})), flush=True)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    failed = [name for name, report in found.items() if any(str(v).startswith("FAILED") for v in report.values())]
    if failed:
        print(f"dsr: {len(failed)} of {len(found)} systems fail a check: {', '.join(failed)}", file=sys.stderr)
    return not failed
