"""Standard output and standard error without values of the environment, for all that a command prints.

Rows that a person asked for are theirs and are printed as they are: :func:`rows` gives the stream for them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from kronkers_batch.redaction import redact


class _Redacting:
    """A text stream that redacts what is written to it; everything else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Writes the text, redacted; says how much it was given."""
        self.stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Each line, redacted."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def redacting() -> Iterator[None]:
    """Redacts what is printed in the block, tracebacks too."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = cast(TextIO, _Redacting(out)), cast(TextIO, _Redacting(err))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


def rows(stream: TextIO) -> TextIO:
    """The stream itself, for rows alone: a value in them is data, whatever the environment holds."""
    given: object = stream
    return given.stream if isinstance(given, _Redacting) else stream
