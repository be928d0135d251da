"""One model's worker, as the rooms above see it: fit, save, load, score."""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import NoReturn

import polars as pl

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import (
    ConfigError,
    DataError,
    KronkersError,
    MissingPart,
    ScoreFailed,
    WorkerFailed,
)
from kronkers_batch.frames.decode import Expected, Mismatch, decode
from kronkers_batch.frames.schema import Column, Schema
from kronkers_batch.frames.tables import conform, polars_schema
from kronkers_batch.frames.wire import Buffer, WireError, encode
from kronkers_batch.runtimes import diagnosis, protocol
from kronkers_batch.runtimes.bubblewrap import check_shown
from kronkers_batch.runtimes.given import Given
from kronkers_batch.runtimes.languages import command_of
from kronkers_batch.runtimes.launch import Launch
from kronkers_batch.runtimes.limits import scratch_size
from kronkers_batch.runtimes.process import Process
from kronkers_batch.runtimes.protocol import Answer, TimedOut, WorkerGone
from kronkers_batch.runtimes.sandbox import launch
from kronkers_batch.runtimes.spec import KeptCode, WorkerInfo, WorkerSpec
from kronkers_batch.runtimes.stream import pipelined

CLOSE_SECONDS = 2.0
FIX_SCORE = "correct the model's score, or the declared outputs"


class Worker:
    """A started worker. Use it as a context manager, from one thread at a time.

    The process starts in the background; the first use waits for it, at most ``resources.start_limit``.
    After a :class:`WorkerFailed` it is closed and answers nothing more.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._limit = spec.resources.time_limit.total_seconds()
        self._given = Given(spec.features)
        self._scrub = diagnosis.scrubber(spec, self._given)
        self._last = deque[str](maxlen=5)
        self._asked = deque[pl.DataFrame]()  # sent, and not answered yet
        self._streams = 0  # streams of scores that were begun, and not read to their end
        self._failed: str = ""
        self._killed: str = ""
        self._scrub.hides = False  # until it is given data, nothing that it says can be data
        self._info: WorkerInfo | None = None
        self._int64 = True
        try:
            command = command_of(spec.language, spec.environment, spec.resources.threads)
            if spec.environment != Environment():  # else all of it is this machine's or this program's own
                check_shown(command.visible, spec.walls.refusal)
        except (ConfigError, MissingPart) as error:
            raise error.moved(
                f"{spec.environment_at} ({error.where})" if spec.environment_at else error.where
            ) from None
        code = spec.model.contents() if isinstance(spec.model, KeptCode) else {}
        self._launch: Launch = launch(command, code, spec.resources, spec.sandbox, spec.walls.hidden)
        for warning in self._launch.warnings:
            spec.log(warning)
        self._started = time.monotonic()
        self._process = Process(self._launch, self._say, spec.log, command.fix)
        try:
            self._greet()
        except BaseException:  # such as a parameter beyond 64 bits
            self._end("it was not told its model")
            raise

    # ---- life

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def info(self) -> WorkerInfo:
        """Who answers. Waits for the start. Raises WorkerFailed, ModelError or MissingPart."""
        return self._ready()

    def close(self) -> None:
        """Ends the process and everything that it started; again is no harm."""
        if not self._failed:
            self._failed = "it was closed"
            with contextlib.suppress(WorkerGone, TimedOut):  # it is ended below in any case
                self._process.channel.send([protocol.header("stop", {}, 0)], 0.2)
                self._process.ended(CLOSE_SECONDS if self._info else 0)
        self._process.kill()

    def is_ready(self) -> bool:
        """Whether it can answer another command: its process is there, and no earlier answer is still due."""
        due = self._asked or self._streams
        return not (self._failed or due or self._process.ended(0) is not None)

    def kill(self, why: str) -> None:
        """Ends the process at once, also from another thread: the command that waits for it fails.

        ``why`` is what the error says. It still is to be closed by who uses it.
        """
        self._killed = why
        self._process.strike()

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
            chunks: Frames with the features and the target; taken one at a time, while they are sent. Where
                there is none, the model gets a table without rows.

        Raises:
            FitFailed: The model's code raised.
            WorkerFailed: Its process died, hung or broke the protocol.
            DataError: A value cannot be held in the language.
        """
        self._ready()
        if self._spec.target is None:
            raise ValueError("a worker without a target is not fitted")
        schema = Schema((*self._spec.features, self._spec.target))
        self._send("fit", [protocol.header("fit", {}, None)])
        sent = False
        try:
            for chunk in chunks:
                self._send("fit", self._encode(chunk, schema))
                sent = True
            if not sent:  # the columns and their types are in frames alone
                self._send("fit", self._encode(pl.DataFrame(schema=polars_schema(schema)), schema))
        except BaseException:
            self._end("its fit was broken off")  # the half-sent message cannot be taken back
            raise
        self._send("fit", [b"end\n"])
        self._packages(self._receive("fit", "ok"))

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

    def score(self, chunk: pl.DataFrame, *, apart: bool = False) -> pl.DataFrame:
        """The declared outputs of each row, in order. Raises ScoreFailed, WorkerFailed or DataError.

        Args:
            chunk: The rows.
            apart: The worker remembers nothing of them, such as that a column had a null.
        """
        self._ready()
        head = protocol.header("score", {"apart": True} if apart else {}, 1)
        self._send("score", [head, *self._encode_features(chunk)])
        return self._receive_scores(chunk.height)

    def score_stream(self, chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """As :meth:`score` for each chunk, in order, while the next ones are read, encoded and sent.

        ``chunks`` is iterated in the caller's thread. If a chunk fails, the worker can still be used.
        """
        self._ready()
        return self._streamed(chunks)

    def _streamed(self, chunks: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        self._streams += 1
        try:
            yield from pipelined(chunks, self._encode_features, self._write_score, self._receive_scores)
        finally:
            self._streams -= 1

    def normalise(self, code: str) -> str:
        """``code`` without comments and layout, equal for equal programs; it is parsed, never run."""
        self._ready()
        self._send("normalise", [protocol.header("normalise", {"code": code}, 0)])
        answer = self._receive("normalise", "normalised")
        text = answer.arguments.get("code")
        if not isinstance(text, str):
            self._broken("normalise", "there is no code in the answer")
        return text

    # ---- one command

    def _greet(self) -> None:
        """Sends what starts every worker; the answers are read at first use."""
        spec, resources = self._spec, self._spec.resources
        hello = {
            "seed": spec.seed,
            "threads": resources.threads,
            "memory": resources.memory,
            "scratch": self._launch.scratch,
        }
        messages: list[Buffer] = [protocol.header("hello", hello, 0)]
        if spec.model is not None:
            messages.append(protocol.header("model", diagnosis.model_arguments(spec, self._launch.folder), 0))
        with contextlib.suppress(WorkerGone, TimedOut):  # the first use says why
            self._process.channel.send(messages, resources.start_limit.total_seconds())

    def _ready(self) -> WorkerInfo:
        self._refuse_if_failed()
        if self._info is not None:
            return self._info
        limit = self._spec.resources.start_limit.total_seconds()
        deadline = max(self._started + limit, time.monotonic() + 1)
        answer = self._receive("hello", "ready", deadline)
        said = answer.arguments
        if said.get("protocol") != protocol.VERSION or said.get("language") != self._spec.language.name:
            self._broken("hello", "it speaks another protocol or language")
        if place := self._process.shown_elsewhere():
            self._end("what it sees was exchanged")
            raise WorkerFailed(
                "a folder of the worker became another one while it started",
                where=place,
                fix="let nobody but its owner write to it and to the folders above it, then run again",
            )
        self._int64 = said.get("int64") is True
        version = re.sub(r"[^\w.+\-]", "", str(said.get("version", "")))[:50]
        packages: Mapping[str, str] = {}
        if self._spec.model is not None:
            try:
                packages = diagnosis.packages(self._receive("model", "ok", deadline))
            except KronkersError:
                self._end("its model could not be loaded")
                raise
        self._info = WorkerInfo(self._spec.language.name, version, packages, self._launch.sandboxed)
        return self._info

    def _refuse_if_failed(self) -> None:
        if self._failed:
            raise WorkerFailed(f"this worker answers no more: {self._failed}", where=self._where)

    def _encode(self, chunk: pl.DataFrame, schema: Schema) -> list[Buffer]:
        self._scrub.hides = True
        self._given.add(chunk, schema, training=len(schema) > len(self._spec.features))
        try:
            return encode(chunk, schema, int64=self._int64, unseen=self._spec.unseen.value)
        except DataError as error:
            raise error.moved(self._where) from None

    def _send(self, verb: str, buffers: list[Buffer]) -> None:
        try:
            self._process.channel.send(buffers, self._limit)
        except (WorkerGone, TimedOut) as error:
            self._translate(verb, error)

    def _encode_features(self, chunk: pl.DataFrame) -> list[Buffer]:
        buffers = self._encode(chunk, self._spec.features)
        self._asked.append(chunk)
        return buffers

    def _write_score(self, buffers: list[Buffer]) -> None:
        self._process.channel.send([protocol.header("score", {}, 1), *buffers], self._limit)

    def _receive(
        self, verb: str, expected: str, deadline: float | None = None, asked: pl.DataFrame | None = None
    ) -> Answer:
        """The answer to ``verb``; an error answer is raised as the error it is."""
        channel = self._process.channel
        channel.deadline = deadline or time.monotonic() + self._limit
        try:
            answer = channel.answer()
        except (WireError, WorkerGone, TimedOut) as error:
            self._translate(verb, error)
        if answer.verb == "error" and answer.parts == 0:
            about = ("", "") if asked is None else diagnosis.about_rows(asked, self._spec.features)
            raise diagnosis.model_error(verb, answer.arguments, self._spec, self._scrub, about)
        if answer.verb != expected:
            self._broken(verb, f"it did not answer with '{expected}'")
        return answer

    def _receive_scores(self, rows: int) -> pl.DataFrame:
        asked = self._asked.popleft()
        answer = self._receive("score", "scores", asked=asked)
        if answer.parts != 1:
            self._broken("score", "scores are one frame")
        outputs = Schema(tuple(Column(o.name, o.type) for o in self._spec.outputs))
        channel = self._process.channel
        try:
            frame = decode(channel, channel.line(), Expected(outputs.names, rows))
        except Mismatch as error:
            self._end("its scores had another shape")
            about, fix = diagnosis.about_rows(asked, self._spec.features)
            raise ScoreFailed(
                f"score returned {error}{about}", where=self._where, fix=fix + FIX_SCORE
            ) from None
        except (WireError, WorkerGone, TimedOut) as error:
            self._translate("score", error)
        try:
            return conform(diagnosis.as_declared(frame, outputs), outputs, self._where)
        except DataError as error:
            raise ScoreFailed(
                f"score returned something else than declared: {error.what}",
                where=self._where,
                fix=FIX_SCORE,
            ) from None

    def _packages(self, answer: Answer) -> None:
        self._info = replace(self._ready(), packages=diagnosis.packages(answer))

    # ---- failing

    @property
    def _where(self) -> str:
        return f"model {self._spec.name}" if self._spec.name else ""

    def _say(self, line: str) -> None:
        scrubbed = self._scrub.line(line)
        self._last.append(scrubbed)
        self._spec.log(scrubbed)

    def _end(self, why: str) -> None:
        self._failed = why
        self._process.kill()

    def _broken(self, verb: str, how: str) -> NoReturn:
        self._translate(verb, WireError(how))

    def _translate(self, verb: str, error: WireError | WorkerGone | TimedOut) -> NoReturn:
        """Ends the process and says what happened, with the key to change."""
        self._refuse_if_failed()  # a stream that was left when it was closed
        code = self._process.ended(5) if isinstance(error, WorkerGone) else None
        self._end("it failed before")
        if self._killed:
            raise WorkerFailed(f"the worker was ended during '{verb}': {self._killed}", where=self._where)
        over = self._process.over_memory
        failure = diagnosis.process_error(verb, error, code, self._spec, list(self._last), over_memory=over)
        raise failure from None


def start(spec: WorkerSpec) -> Worker:
    """Starts a worker and returns at once.

    Raises:
        MissingPart: The interpreter or the required sandbox is missing.
        WorkerFailed: The declared memory is too little to start this language.
    """
    return Worker(spec)
