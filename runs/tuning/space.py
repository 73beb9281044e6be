"""The words of a search: `model.hidden_dim=10..200 training.learning_rate=1e-4..1e-2..log` -> ranges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dsr.errors import SpecError
from dsr.models import Range

from ..spec import override

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
BETWEEN = re.compile(rf"({NUMBER})\.\.({NUMBER})(\.\.log)?")


def split_words(words: Sequence[str]) -> tuple[list[str], dict[str, Range]]:
    """Plain settings, and the ranges by key: key=low..high (whole numbers if both are), key=low..high..log, or
    key=a,b,c.

    Raises `SpecError` for a range that is not one.
    """
    plain, ranges = [], {}
    for word in words:
        key, _, text = word.partition("=")
        found = _range(text.strip(), word)
        if found is None:
            plain.append(word)
        else:
            ranges[key.strip()] = found
    return plain, ranges


def section_words(section: Mapping[str, Any]) -> list[str]:
    """The words that a section [tune] stands for: texts as on the command line, or lists of values."""
    words = []
    for key, value in section.items():
        if isinstance(value, Mapping):  # training.steps = "..." is a table in a table
            words += [f"{key}.{word}" for word in section_words(value)]
        else:
            words.append(f"{key}={','.join(map(str, value)) if isinstance(value, list) else value}")
    return words


def _range(text: str, word: str) -> Range | None:
    if ".." in text:
        match = BETWEEN.fullmatch(text)
        if match is None:
            raise SpecError(
                f"the word '{word}'", "key=low..high or key=low..high..log", "write model.hidden_dim=10..200"
            )
        low, high = (_number(part) for part in match.groups()[:2])
        if not low < high or (match.group(3) and low <= 0):
            raise SpecError(f"the range '{word}'", "low < high, and low > 0 with ..log", "turn or mend its ends")
        return Range(low, high, log=bool(match.group(3)))
    if "," in text and not text.startswith(("[", "(", "{", '"')):
        # as an override reads it
        return Range(choices=tuple(override({}, [f"x={part}"])["x"] for part in text.split(",")))
    return None


def _number(text: str) -> float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)
