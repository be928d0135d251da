"""What stands behind the closing quote of a text in a CSV file: the end of the value, or the file is refused.

Arrow takes ``"a"b`` for ``ab``, and so it takes the backslashes of other dialects, ``"say \\"hi\\" now"``,
for text. Nobody can tell what was meant. A quote within a value that does not begin with one is a letter, as
Arrow has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ENDS = b"\r\n"


class BehindQuoteError(ValueError):
    """Something stands behind a closing quote that is no end of the value."""


class Quotes:
    """Looks at a file's bytes, in blocks, from the beginning of a row on.

    Args:
        quote: One character, not empty.
        delimiter: One character.
    """

    def __init__(self, quote: str, delimiter: str) -> None:
        self._quote = quote.encode()[0]
        self._ends = frozenset(_ENDS + delimiter.encode())
        self._beside = np.zeros(256, bool)  # what may stand before an opening and behind a closing quote
        self._beside[[*self._ends, self._quote]] = True
        self._inside = False
        self._closed = False  # whether the first byte of the tail is a closing quote
        self._tail = (
            b"\n"  # a byte that was looked at, and maybe a quote that was not, as its next byte is missing
        )

    def feed(self, block: bytes) -> None:
        """The next bytes. Raises BehindQuoteError."""
        if not block:
            return
        held = self._tail + block
        found = np.frombuffer(held, np.uint8)
        at = np.flatnonzero(found == self._quote)
        last = len(held) - 1
        # Not the first byte, nor a quote of which the next byte is still to come.
        at = at[held[0] == self._quote : len(at) - (held[last] == self._quote)]
        closed = 0 if self._closed else -1
        if len(at):
            plain = self._are_plain(found, at)
            closed = (-1 if self._inside else int(at[-1])) if plain else self._walk(held, at.tolist(), closed)
        first = last - int(held[last] == self._quote)
        self._closed = closed == first
        self._tail = held[first:]

    def end(self) -> None:
        """The file ends. Raises BehindQuoteError."""
        self.feed(b"\n")

    def _are_plain(self, found: NDArray[np.uint8], at: NDArray[np.intp]) -> bool:
        """Whether every quote opens or closes a value, or is one of two within one; reports which is open."""
        if found[0] == self._quote and not self._closed and not self._inside:
            return False  # a letter stands before
        first = int(self._inside)
        before, behind = found[at[first::2] - 1], found[at[1 - first :: 2] + 1]
        if not (self._beside[before].all() and self._beside[behind].all()):
            return False
        self._inside ^= bool(len(at) & 1)
        return True

    def _walk(self, held: bytes, at: list[int], closed: int) -> int:
        """Quote after quote, where some are letters; the place of the last that closes a value."""
        for position in at:
            if not self._inside:
                # One that comes right behind a closing quote makes a quote within the value of both.
                self._inside = held[position - 1] in self._ends or closed == position - 1
            elif held[position + 1] == self._quote or held[position + 1] in self._ends:
                self._inside, closed = False, position
            else:
                raise BehindQuoteError
        return closed
