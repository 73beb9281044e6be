"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, numbers: bool = True) -> str:
    """No rows, no table. The first column stands to the left, the others to the right if they are numbers."""
    if not rows:
        return ""
    lines = [head, ["---", *["---:" if numbers else "---"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def paragraphs(*blocks: str) -> str:
    """Blocks with an empty line between; empty ones are dropped."""
    return "\n\n".join(block for block in blocks if block)
