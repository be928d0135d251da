"""What a training leaves behind, and the immutable version that the registry makes of it."""

from __future__ import annotations

import datetime as dt
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kronkers_batch.digests import Json
from kronkers_batch.errors import UsageError
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import polars as pl

_DESCRIBED, _LENGTH = b"described", 8
"""How the description ends that stands behind golden rows, and the bytes of its length before that."""
_REF = re.compile(r"(?P<model>[^/#@]+)@(?P<number>[1-9]\d*)")


@dataclass(frozen=True)
class Golden:
    """A few rows with their scores, and the description of the model: what readers alone see of a version.

    A frame is made of the rows when they are looked at: most who ask for a version do not.

    Attributes:
        raw: An Arrow IPC stream; behind it the description, if there is one. Empty for who may not read data.
    """

    raw: bytes = b""

    @classmethod
    def of(cls, rows: pl.DataFrame, description: str = "") -> Golden:
        """Of a frame and a text."""
        buffer = io.BytesIO()
        rows.write_ipc_stream(buffer)
        if description:
            text = description.encode(errors="replace")
            buffer.write(text + len(text).to_bytes(_LENGTH, "little") + _DESCRIBED)
        return cls(buffer.getvalue())

    @property
    def rows(self) -> pl.DataFrame:
        """The frame; one without columns for who may not read data."""
        import polars as pl

        stream = self.raw[: len(self.raw) - self._behind]
        return pl.read_ipc_stream(io.BytesIO(stream)) if stream else pl.DataFrame()

    @property
    def description(self) -> str:
        """What the model says of itself; empty where it said nothing, and for who may not read data."""
        end = len(self.raw) - _LENGTH - len(_DESCRIBED)
        return self.raw[len(self.raw) - self._behind : end].decode() if self._behind else ""

    @property
    def _behind(self) -> int:
        """Bytes behind the stream. A stream ends in zeros: none looks as if a description stood behind it."""
        if not self.raw.endswith(_DESCRIBED):
            return 0
        end = len(self.raw) - len(_DESCRIBED)
        return int.from_bytes(self.raw[end - _LENGTH : end], "little") + _LENGTH + len(_DESCRIBED)


@dataclass(frozen=True)
class Training:
    """One training: what went in, what was measured, and why it happened."""

    model: str
    department: str
    logical_date: dt.date
    window: Any  # JSON value: start and end of the rows that were read
    fingerprint: str  # training fingerprint, hex
    definition: Mapping[str, Any]  # the definition, flat: dotted key -> JSON value
    definition_fingerprint: str
    fingerprints: Mapping[str, str]  # of code, config, environment, snapshot
    snapshot_id: str
    metrics: Mapping[str, float]  # on the holdout
    naive: (
        float | Mapping[str, float]
    )  # what a model that knows no feature would predict, by output if several
    parameters: Mapping[str, Any]
    rows: Mapping[str, int]  # of fit, holdout, unlabelled
    features: Schema  # with the levels that the model knows, in order
    target: str
    golden: Golden = field(repr=False)  # none in lists
    runtime: Mapping[str, str]  # language, version, packages
    overrides: tuple[str, ...]
    verdict: tuple[str, ...]  # thresholds that were missed; empty when all hold
    why: str
    run_id: str
    declaration: Mapping[str, Any] = field(default_factory=dict)  # what its scores depend on, code included
    excused: tuple[str, ...] = ()  # metrics that no threshold judges: there was no champion to compare with
    commit: Mapping[str, Json] = field(default_factory=dict)  # of the definitions: id, author, clean

    def to_json(self) -> dict[str, Any]:
        """Everything but features and golden rows, as JSON values."""
        commit = {"commit": dict(self.commit)} if self.commit else {}
        return {
            "logical_date": self.logical_date.isoformat(),
            "window": self.window,
            "fingerprint": self.fingerprint,
            "definition": dict(self.definition),
            "definition_fingerprint": self.definition_fingerprint,
            "fingerprints": dict(self.fingerprints),
            "snapshot_id": self.snapshot_id,
            # JSON has no NaN and no infinity: they travel as words, and float() reads them back.
            "metrics": {name: _word(value) for name, value in self.metrics.items()},
            "naive": _words(self.naive),
            "parameters": dict(self.parameters),
            "rows": dict(self.rows),
            "target": self.target,
            "runtime": dict(self.runtime),
            "overrides": list(self.overrides),
            "verdict": list(self.verdict),
            "why": self.why,
            "run_id": self.run_id,
            "declaration": dict(self.declaration),
            **({"excused": list(self.excused)} if self.excused else {}),
            **commit,
        }

    @classmethod
    def from_json(
        cls, model: str, department: str, value: Mapping[str, Any], features: Schema, golden: Golden
    ) -> Training:
        """The inverse of :meth:`to_json`."""
        fields = dict(value)
        fields["logical_date"] = dt.date.fromisoformat(value["logical_date"])
        fields["metrics"] = {name: float(number) for name, number in value["metrics"].items()}
        naive = value["naive"]
        fields["naive"] = {k: float(v) for k, v in naive.items()} if isinstance(naive, dict) else float(naive)
        fields["overrides"] = tuple(value["overrides"])
        fields["verdict"] = tuple(value["verdict"])
        fields["excused"] = tuple(value.get("excused", ()))
        return cls(model=model, department=department, features=features, golden=golden, **fields)


@dataclass(frozen=True)
class ModelVersion:
    """One immutable model version; verified when it was made."""

    id: str
    model: str
    number: int  # counts the model's versions from 1, without gaps
    created: int  # microseconds since the epoch
    principal: str  # who recorded and signed it
    training: Training = field(repr=False)

    @property
    def ref(self) -> str:
        """How people call it: ``NAME@3``."""
        return f"{self.model}@{self.number}"


@dataclass(frozen=True)
class Promotion:
    """One line of a model's history: which version became champion when, by whom and why."""

    sequence: int  # from 1
    model: str
    number: int
    version_id: str
    action: str  # promote or rollback
    at: int  # microseconds since the epoch
    principal: str
    why: str
    previous: int | None  # number of the champion before

    @property
    def ref(self) -> str:
        """How people call the version."""
        return f"{self.model}@{self.number}"


def parse_ref(text: str) -> tuple[str, int]:
    """Model and number of ``NAME@3``. Raises UsageError."""
    match = _REF.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is not a model version", fix="Write a model version like NAME@3.")
    return match["model"], int(match["number"])


def _word(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _words(value: float | Mapping[str, float]) -> float | str | dict[str, float | str]:
    if isinstance(value, Mapping):
        return {name: _word(number) for name, number in value.items()}
    return _word(value)
