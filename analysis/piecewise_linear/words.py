"""Words of regions: primitive necklaces, one for each cycle, and the canonical rotation of a word."""

from __future__ import annotations

import numpy as np

from ..compiled import compiled


def primitive_necklaces(letters: int, length: int) -> int:
    """Number of cyclic words that are no power of a shorter one, (1/n) sum over d | n of mu(d) letters**(n/d)."""
    divisors = [d for d in range(1, length + 1) if length % d == 0]
    return sum(_moebius(d) * letters ** (length // d) for d in divisors) // length


def lyndon_words(letters: int, length: int) -> np.ndarray:
    """All primitive necklaces as their least rotation, in lexicographic order, int64 (count, length).

    Source: Duval, doi:10.1016/0304-3975(88)90113-2.
    """
    if length == 1:
        return np.arange(letters)[:, None]
    return compiled(_fill)(letters, length, primitive_necklaces(letters, length))


def canonical_rotation(bits: np.ndarray) -> int:
    """Shift that turns a word of regions (length, gates) into its lexicographically least rotation."""
    rows = [row.tobytes() for row in np.packbits(bits, axis=1)] if bits.shape[1] else [b""] * len(bits)
    doubled = rows + rows
    return min(range(len(rows)), key=lambda i: doubled[i : i + len(rows)])


def primitive_root(bits: np.ndarray) -> np.ndarray:
    """The shortest word of which a word (length, gates) is a power: most often itself."""
    n = len(bits)
    return next(bits[:d] for d in range(1, n + 1) if n % d == 0 and (np.roll(bits, d, axis=0) == bits).all())


def is_primitive(bits: np.ndarray) -> bool:
    """Whether a word (length, gates) is no power of a shorter one."""
    return len(primitive_root(bits)) == len(bits)


def _moebius(n: int) -> int:
    sign, p = 1, 2
    while n > 1:
        if n % p == 0:
            n //= p
            if n % p == 0:
                return 0
            sign = -sign
        p += 1
    return sign


def _fill(letters: int, length: int, count: int) -> np.ndarray:
    found = np.empty((count, length), np.int64)
    word = np.full(length, -1)
    used, n = 1, 0
    while used > 0:
        word[used - 1] += 1
        if used == length:
            found[n] = word
            n += 1
        for i in range(used, length):
            word[i] = word[i - used]
        used = length
        while used > 0 and word[used - 1] == letters - 1:
            used -= 1
    return found
