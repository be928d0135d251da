"""One own measure's worker, as the rooms above see it: it judges rows whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from kronkers_batch.config.own_measure import Measure
from kronkers_batch.errors import DataError, ModelError
from kronkers_batch.frames.decode import Expected, Mismatch, decode
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.frames.wire import Buffer, WireError, encode
from kronkers_batch.runtimes import protocol
from kronkers_batch.runtimes.conversation import Conversation
from kronkers_batch.runtimes.protocol import TimedOut, WorkerGone
from kronkers_batch.runtimes.worker_spec import WorkerSpec

FIX = "correct the code of the measure"


@dataclass(frozen=True)
class JudgedRows:
    """Rows whose scores are judged; equally long frames.

    Attributes:
        truth: The target, as ``fit`` sees it.
        scores: The measured scores, in the order of ``WorkerSpec.outputs``.
        data: The features, as ``score`` sees them.
    """

    truth: pl.DataFrame
    scores: pl.DataFrame
    data: pl.DataFrame

    def picked(self, rows: pl.Series) -> JudgedRows:
        """These rows, by number, in this order."""
        return JudgedRows(self.truth[rows], self.scores[rows], self.data[rows])


class MeasureWorker(Conversation):
    """A started worker of an own measure. It has no model; otherwise as a model's worker."""

    def __init__(self, spec: WorkerSpec, measure: Measure) -> None:
        self._measure = measure
        super().__init__(spec)

    def measure(self, rows: JudgedRows) -> pl.DataFrame:
        """What the code returned, as floats: of a loss one number for each row, of a metric one row.

        Raises:
            ModelError: The code raised, or returned something else.
            WorkerFailed: Its process died, hung or broke the protocol.
            DataError: A value cannot be held in the language.
        """
        self._ready()
        spec, function = self._spec, self._measure.function
        if spec.target is None:
            raise ValueError("a measure needs the target")
        scores = Schema(tuple(Column(output.name, output.type) for output in spec.outputs))
        nullable = [column.name for column in spec.features if column.nulls]
        head = protocol.header("measure", {"nullable": nullable} if nullable else {}, 3)
        frames = (
            (rows.truth, Schema((spec.target,))),
            (rows.scores, scores),
            (rows.data, spec.features),
        )
        self._send(
            function, [head, *(part for frame, schema in frames for part in self._part(frame, schema))]
        )
        answer = self._receive(function, "measured")
        if answer.parts != 1:
            self._broken(function, "what was measured is one frame")
        channel = self._process.channel
        expected = Expected(self._measure.columns, 1 if self._measure.metrics else rows.data.height)
        try:
            found = decode(channel, channel.line(), expected)
        except Mismatch as error:
            self._end("its answer had another shape")
            raise ModelError(f"{function} returned {error}", where=self._where, fix=FIX) from None
        except (WireError, WorkerGone, TimedOut) as error:
            self._translate(function, error)
        if any(kind != pl.Float64 for kind in found.dtypes):
            self._broken(function, "what was measured are no floats")
        return found

    def _part(self, frame: pl.DataFrame, schema: Schema) -> list[Buffer]:
        self._scrub.hides = True
        self._given.add(frame, schema, training=False)
        try:
            closed = self._spec.target.name if self._spec.target else ""
            unseen = self._spec.unseen.value
            return encode(frame, schema, int64=self._int64, unseen=unseen, closed=closed)
        except DataError as error:
            raise error.moved(self._where) from None


def start_measure(spec: WorkerSpec) -> MeasureWorker:
    """Starts the worker of a measure and returns at once.

    Raises:
        MissingPart: The interpreter or the required sandbox is missing.
        WorkerFailed: The declared memory is too little to start this language.
    """
    if spec.measure is None:
        raise ValueError("this worker has no measure")
    return MeasureWorker(spec, spec.measure)
