"""Which department declares a file: as a source's file, or as code of a model.

A file belongs to every department that declares it, alone or with a pattern. It may be read for a department
when each *other* one that declares it shares it (``shared_with``). So where two departments declare the same
file and do not share it, neither reads it: nothing in conf says whose it was first, and whoever writes a line
with somebody else's file in it must not get it by that.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.paths import fits, is_in, resolved
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import CodeFile, ModelSpec, SourceSpec


@dataclass(frozen=True)
class Claim:
    """A file of a department: its ``path``, resolved up to the first pattern, and that ``fixed`` part.

    ``by`` is what declares it: a source or a model.
    """

    department: str
    by: str
    shared_with: tuple[str, ...]
    path: str
    parts: tuple[str, ...]
    fixed: str

    def against(self, department: str) -> str:
        """Why this claim keeps the file from a department; empty where it does not."""
        if department == self.department or department in self.shared_with:
            return ""
        return (
            f"the department {self.department} declares it ({self.by}) "
            f"and does not share it with {department or 'anybody'}"
        )


class Claims:
    """What the departments of one configuration declare."""

    def __init__(self, sources: Iterable[SourceSpec], models: Iterable[ModelSpec], project: Path) -> None:
        self._files: dict[str, list[Claim]] = {}
        self._patterns: list[Claim] = []
        self._code: dict[str, set[str]] = {}
        self._by_source: dict[str, Claim] = {}
        for source in sources:
            self._claim(source)
        for model in models:
            if isinstance(model.model, CodeFile):
                folder = os.path.realpath(model.model.path.parent)
                # Code right in the project's folder, or above it, does not make all of that a code folder.
                wide = is_in(os.path.realpath(project), folder)
                place = os.path.realpath(model.model.path) if wide else folder
                self._code.setdefault(place, set()).add(model.department)
            if model.imported is not None:
                for path in filter(None, (model.imported.artifact, model.imported.golden)):
                    real = os.path.realpath(path)
                    claim = Claim(model.department, f"model {model.name}", (), real, Path(real).parts, real)
                    self._files.setdefault(real, []).append(claim)
            for measure in model.measures:  # one file, whatever lies beside it
                self._code.setdefault(os.path.realpath(measure.path), set()).add(model.department)

    def _claim(self, source: SourceSpec) -> None:
        path = SOURCE_KINDS[source.kind].claimed(source)
        if not path:
            return
        fixed, real = resolved(path)
        by = f"source {source.name}"
        claim = Claim(source.department, by, source.shared_with, real, Path(real).parts, fixed)
        self._by_source[source.name] = claim
        if fixed == real:
            self._files.setdefault(real, []).append(claim)
        else:
            self._patterns.append(claim)

    def against(self, real: str, department: str, *, code: bool = False) -> str:
        """Why a file (links followed) may not be read for a department; ``code``: it is a model's code."""
        for claim in self._of(real):
            if why := claim.against(department):
                return why
        return "" if code else self._against_code(real, department)

    def against_folder(self, real: str, department: str) -> str:
        """Why a folder (links followed) may not be shown to a department's code."""
        for claim in self._all():
            if (why := claim.against(department)) and _has(claim, real):
                return f"it holds a file of another department: {why}"
        for folder, owners in self._code.items():
            if department not in owners and is_in(folder, real):
                return f"it holds the code of a model of the department {min(owners)}"
        return self._against_code(real, department)

    def leads(self, source: str) -> str:
        """A source's path as it led when the configuration was loaded; empty where it has none."""
        return self._by_source[source].path if source in self._by_source else ""

    def astray(self, source: str, real: str, *, confined: bool) -> str:
        """Why an opened file is not one that a source declares any more; empty where it is."""
        claim = self._by_source.get(source)
        if claim is None:
            return ""
        if claim.fixed == claim.path:
            return "" if real == claim.path else "its link was changed after the configuration was loaded"
        if confined and not is_in(real, claim.fixed):
            return "it is a link to a file outside the signed folder"
        return ""

    def found_by(self, pattern: str, department: str) -> str:
        """Why a pattern (its fixed part resolved) may not be declared: it finds another department's file."""
        parts = Path(pattern).parts
        for real, claims in self._files.items():
            for claim in claims:
                if (why := claim.against(department)) and fits(Path(real).parts, parts):
                    return f"the pattern also finds a file of another department: {why}"
        return ""

    def foreign(self, department: str) -> Iterator[Path]:
        """Files and folders that code of a department must not see."""
        for claim in self._all():
            if claim.against(department):
                yield Path(claim.fixed)
        for folder, owners in self._code.items():
            if department not in owners:
                yield Path(folder)

    def twins(self, department: str) -> Iterator[tuple[str, str]]:
        """Other departments' files with the reason, to compare a file of several names (hard links) with."""
        for real, claims in self._files.items():
            for claim in claims:
                if why := claim.against(department):
                    yield real, why
        for claim in self._patterns:
            if why := claim.against(department):
                for found in glob.iglob(claim.path, recursive=True):  # noqa: PTH207 - absolute
                    yield os.path.realpath(found), why

    def _all(self) -> Iterator[Claim]:
        for claims in self._files.values():
            yield from claims
        yield from self._patterns

    def declared(self, real: str) -> bool:
        """Whether a file (links followed) is declared as data or stored model, by whichever department."""
        return next(self._of(real), None) is not None

    def _of(self, real: str) -> Iterator[Claim]:
        yield from self._files.get(real, ())
        parts = Path(real).parts
        for claim in self._patterns:
            if is_in(real, claim.fixed) and fits(parts, claim.parts):
                yield claim

    def _against_code(self, real: str, department: str) -> str:
        for place in (real, *map(str, Path(real).parents)):
            owners = self._code.get(place)
            if owners and department not in owners:
                return f"it is where the code of a model of the department {min(owners)} lies"
        return ""


def _has(claim: Claim, folder: str) -> bool:
    """Whether a claimed file lies in a folder; below the fixed part of a pattern, the disk says it."""
    if is_in(claim.fixed, folder):
        return True
    if claim.fixed == claim.path or not is_in(folder, claim.fixed):
        return False
    return any(is_in(found, folder) for found in glob.iglob(claim.path, recursive=True))  # noqa: PTH207 - absolute
