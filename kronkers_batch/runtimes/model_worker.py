"""One model's worker, as the rooms above see it: fit, save, load, score."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from kronkers_batch.errors import (
    DataError,
    ScoreFailed,
)
from kronkers_batch.frames.decode import Expected, Mismatch, decode
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.frames.tables import conform, polars_schema
from kronkers_batch.frames.wire import Buffer, WireError, encode
from kronkers_batch.learning import UsesTarget
from kronkers_batch.runtimes import diagnosis, protocol
from kronkers_batch.runtimes.conversation import Conversation
from kronkers_batch.runtimes.limits import scratch_size
from kronkers_batch.runtimes.protocol import TimedOut, WorkerGone
from kronkers_batch.runtimes.scoring_stream import Chunk, pipelined
from kronkers_batch.runtimes.worker_spec import WorkerSpec

LONGEST_TEXT = 2**16
"""Characters of a description that are kept."""
LONGEST_TYPE = 80
FIX_SCORE = "correct the model's score, or output.columns in its YAML"


class Worker(Conversation):
    """A started worker. Use it as a context manager, from one thread at a time.

    The process starts in the background; the first use waits for it, at most ``resources.start_limit``.
    After a :class:`WorkerFailed` it is closed and answers nothing more.
    """

    def know_levels(self, features: Schema) -> None:
        """Gives the features their levels, for a worker that was started before the training data was read.

        Raises:
            ValueError: They are not the features that it was started with.
        """
        if [(c.name, c.type) for c in features] != [(c.name, c.type) for c in self._spec.features]:
            raise ValueError("these are other features than the worker was started with")
        self._spec = replace(self._spec, features=features)

    # ---- commands

    def fit(self, chunks: Iterable[pl.DataFrame]) -> None:
        """Fits the model on all chunks together.

        Args:
            chunks: Frames with the features, what only ``fit`` sees, and the target where there is one. They
                are taken one at a time, while they are sent. Where there is none, the model gets a table
                without rows.

        Raises:
            FitFailed: The model's code raised.
            WorkerFailed: Its process died, hung or broke the protocol.
            DataError: A value cannot be held in the language.
        """
        self._ready()
        schema = self._fit_schema()
        self._send("fit", [protocol.header("fit", self._with_nulls(), None)])
        sent = False
        try:
            for chunk in chunks:
                if not self._spec.learns:
                    raise ValueError("a model that learns nothing gets no rows")
                self._send("fit", self._encode(chunk, schema, training=True))
                sent = True
            if not sent:  # the columns and their types are in frames alone
                none = pl.DataFrame(schema=polars_schema(schema))
                self._send("fit", self._encode(none, schema, training=True))
        except BaseException:
            self._end("its fit was broken off")  # the half-sent message cannot be taken back
            raise
        self._send("fit", [b"end\n"])
        self._packages(self._receive("fit", "ok"))

    def _fit_schema(self) -> Schema:
        spec = self._spec
        if spec.target is None and spec.learns and spec.task.target is UsesTarget.ALWAYS:
            raise ValueError("a worker without a target is not fitted")
        return Schema((*spec.features, *spec.fit_only, *((spec.target,) if spec.target else ())))

    def save(self) -> bytes:
        """The fitted model, as its language stores it; opaque. Raises ModelError or WorkerFailed."""
        self._ready()
        self._send("save", [protocol.header("save", {}, 0)])
        answer = self._receive("save", "artifact")
        if answer.parts != 1:
            self._broken("save", "an artifact has one part")
        try:
            # A worker stores it in its scratch before it sends it; what is larger is not a model.
            return self._process.channel.blob(scratch_size(self._spec.resources))
        except (WireError, WorkerGone, TimedOut) as error:
            self._translate("save", error)

    def load(self, artifact: bytes) -> None:
        """Loads what :meth:`save` gave. Raises ModelError or WorkerFailed."""
        self._ready()
        self._scrub.hides = True
        self._send("load", [protocol.header("load", {}, 1), *protocol.blob(artifact)])
        self._packages(self._receive("load", "ok"))

    def score(self, chunk: Chunk, *, apart: bool = False) -> pl.DataFrame:
        """The declared outputs of each row, in order. Raises ScoreFailed, WorkerFailed or DataError.

        Args:
            chunk: The rows; of series those to forecast, with their history.
            apart: The worker remembers nothing of them, such as that a column had a null.
        """
        self._ready()
        said = self._with_nulls() | ({"apart": True} if apart else {})
        head = protocol.header("score", said, self._spec.parts)
        self._send("score", [head, *self._encode_features(chunk)])
        return self._receive_scores(chunk.height)

    def score_stream(self, chunks: Iterable[Chunk]) -> Iterator[pl.DataFrame]:
        """As :meth:`score` for each chunk, in order, while the next ones are read, encoded and sent.

        ``chunks`` is iterated in the caller's thread. If a chunk fails, the worker can still be used.
        """
        self._ready()
        return self._streamed(chunks)

    def _streamed(self, chunks: Iterable[Chunk]) -> Iterator[pl.DataFrame]:
        self._streams += 1
        try:
            yield from pipelined(chunks, self._encode_features, self._write_score, self._receive_scores)
        finally:
            self._streams -= 1

    def look(self, chunk: pl.DataFrame) -> dict[str, str]:
        """The type that the model's code sees of each column of a frame of ``fit``, as its language calls it.

        Raises ModelError, WorkerFailed or DataError.
        """
        self._ready()
        head = protocol.header("look", self._with_nulls(), 1)
        self._send("look", [head, *self._encode(chunk, self._fit_schema(), training=True)])
        said = self._receive("look", "looks").arguments.get("columns")
        if not isinstance(said, Mapping):
            self._broken("look", "there are no columns in the answer")
        return {name: str(said.get(name, ""))[:LONGEST_TYPE] for name in self._fit_schema().names}

    def describe(self) -> str:
        """The fitted model as text, by its own code; it may hold data. Empty of one that learns nothing.

        Raises ModelError or WorkerFailed.
        """
        if not self._spec.learns:
            return ""
        self._ready()
        self._send("describe", [protocol.header("describe", {}, 0)])
        text = self._receive("describe", "described").arguments.get("text")
        if not isinstance(text, str):
            self._broken("describe", "there is no text in the answer")
        return text[:LONGEST_TEXT]

    def normalise(self, code: str) -> str:
        """``code`` without comments and layout, equal for equal programs; it is parsed, never run."""
        self._ready()
        self._send("normalise", [protocol.header("normalise", {"code": code}, 0)])
        answer = self._receive("normalise", "normalised")
        text = answer.arguments.get("code")
        if not isinstance(text, str):
            self._broken("normalise", "there is no code in the answer")
        return text

    def _encode(self, chunk: pl.DataFrame, schema: Schema, *, training: bool = False) -> list[Buffer]:
        self._scrub.hides = True
        self._given.add(chunk, schema, training=training)
        try:
            target = self._spec.target.name if self._spec.target else ""
            unseen = self._spec.unseen.value
            return encode(chunk, schema, int64=self._int64, unseen=unseen, closed=target)
        except DataError as error:
            raise error.moved(self._where) from None

    def _with_nulls(self) -> dict[str, list[str]]:
        """The features that are always seen in the type that nulls need, where there are any."""
        names = [column.name for column in self._spec.features if column.nulls]
        return {"nullable": names} if names else {}

    def _encode_features(self, chunk: Chunk) -> list[Buffer]:
        rows, buffers = chunk, []
        if isinstance(rows, Horizon):
            buffers = self._encode(rows.history, self._spec.history)
            rows = rows.future
        buffers += self._encode(rows, self._spec.scored)
        self._asked.append(rows)
        return buffers

    def _write_score(self, buffers: list[Buffer]) -> None:
        head = protocol.header("score", self._with_nulls(), self._spec.parts)
        self._process.channel.send([head, *buffers], self._limit)

    def _receive_scores(self, rows: int) -> pl.DataFrame:
        asked = self._asked.popleft()
        answer = self._receive("score", "scores", asked=asked)
        if answer.parts != 1:
            self._broken("score", "scores are one frame")
        returned = diagnosis.returned(self._spec)
        declared = Schema(tuple(Column(o.name, o.type) for o in self._spec.outputs if o.name in returned))
        channel = self._process.channel
        try:
            frame = decode(channel, channel.line(), Expected(tuple(returned.values()), rows))
        except Mismatch as error:
            self._end("its scores had another shape")
            about, fix = diagnosis.about_rows(asked, self._spec.scored)
            raise ScoreFailed(
                f"score returned {error}{about}", where=self._where, fix=fix + FIX_SCORE
            ) from None
        except (WireError, WorkerGone, TimedOut) as error:
            self._translate("score", error)
        frame.columns = list(returned)
        try:
            scores = conform(diagnosis.as_declared(frame, declared), declared, self._where)
        except DataError as error:
            raise ScoreFailed(
                f"score did not return the declared columns: {error.what}",
                where=self._where,
                fix=FIX_SCORE,
            ) from None
        return self._with_derived(scores)

    def _with_derived(self, scores: pl.DataFrame) -> pl.DataFrame:
        """The scores with the columns that follow from them, in the declared order."""
        try:
            derived = self._spec.task.derive(scores, self._spec.goal)
        except ValueError as error:
            raise ScoreFailed(f"score returned {error}", where=self._where, fix=FIX_SCORE) from None
        return scores.with_columns(derived.get_columns()).select(o.name for o in self._spec.outputs)


def start(spec: WorkerSpec) -> Worker:
    """Starts a worker and returns at once.

    Raises:
        MissingPart: The interpreter or the required sandbox is missing.
        WorkerFailed: The declared memory is too little to start this language.
    """
    return Worker(spec)
