"""What a mutation is: where, which change, and which tests must then fail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.faults.mutations.changes import Change, Misfit, Reword

F = "tests/faults/"
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Mutation:
    """A rule or a defence that is taken out of the program.

    ``place`` is a module of ``kronkers_batch`` or ``tasks``, and behind a colon the function, class or
    variable in it: ``vault.trust:Trust.principal``, ``tasks.run:_verified``; or the path below
    ``kronkers_batch`` of a file in another language: ``runtimes/workers/worker.R``. With ``change`` made
    there, every test of ``tests`` (a test with all its parameters, or one of them) must fail.
    """

    says: str
    place: str
    change: Change
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.place}: {self.says}"

    @cached_property
    def file(self) -> str:
        """The file that is changed, below the project."""
        module = self.place.partition(":")[0]
        path = module if "/" in module else module.replace(".", "/") + ".py"
        return path if module.startswith("tasks.") else f"kronkers_batch/{path}"

    def of(self, text: str) -> str:
        """The file's text with the change made. Raises Misfit where it does not fit exactly one place."""
        if self.file.endswith(".py"):
            return self.change.apply(text, self.place.partition(":")[2])
        if isinstance(self.change, Reword):
            return self.change.apply_to_text(text)
        raise Misfit(f"{self.change.says} is about Python; files in other languages are reworded")


def _(says: str, place: str, change: Change, *tests: str) -> Mutation:
    """One line of a list."""
    return Mutation(says, place, change, tests)
