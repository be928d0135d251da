"""What a mutation is."""

from __future__ import annotations

from dataclasses import dataclass

F = "tests/faults/"


@dataclass(frozen=True)
class Mutation:
    """A defence without which an attack succeeds.

    ``file`` lies in ``kronkers_batch/``; ``old`` occurs there once and becomes ``new``; every test of ``tests``
    (a test with all its parameters, or one of them) must then fail.
    """

    says: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.file}: {self.says}"


def _(says: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    """One line of a list."""
    return Mutation(says, file, old, new, tests)
