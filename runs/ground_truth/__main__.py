"""`python -m dsr.runs.ground_truth [-o FILE]`: the page about the systems, from the table in the package."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..store import RunFolder
from .page import page


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the page about the systems and their invariants.")
    parser.add_argument("-o", "--out", default="docs/systems.md", help="file to write")
    out = Path(parser.parse_args().out)
    print(RunFolder(out.parent).write(out.name, page()))


main()
