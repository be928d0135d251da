"""The conversation with one worker: it is started and greeted, asked and answered, and ended."""

from __future__ import annotations

import contextlib
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import NoReturn, Self

import polars as pl

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import (
    ConfigError,
    KronkersError,
    MissingPart,
    WorkerFailed,
)
from kronkers_batch.frames.wire import Buffer, WireError
from kronkers_batch.runtimes import diagnosis, protocol
from kronkers_batch.runtimes.bubblewrap import check_shown
from kronkers_batch.runtimes.given import Given
from kronkers_batch.runtimes.languages import command_of
from kronkers_batch.runtimes.launch import Launch
from kronkers_batch.runtimes.process import Process
from kronkers_batch.runtimes.protocol import Answer, TimedOut, WorkerGone
from kronkers_batch.runtimes.sandbox import launch
from kronkers_batch.runtimes.worker_spec import KeptCode, WorkerInfo, WorkerSpec
from kronkers_batch.stopping import Interrupted

CLOSE_SECONDS = 2.0


class Conversation:
    """A started process that speaks the worker protocol. What it is asked is :class:`.worker.Worker`'s.

    Args:
        spec: What it runs, how, and where.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        self._spec = spec
        self._limit = spec.resources.time_limit.total_seconds()
        self._given = Given(spec.features, spec.parts)
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
            self._end("it did not get its model")
            raise

    # ---- life

    def __enter__(self) -> Self:
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
            with contextlib.suppress(WorkerGone, TimedOut, Interrupted):  # it is ended below in any case
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
                "somebody replaced a folder of the worker while it started",
                where=place,
                fix="let only its owner write to this folder and to those above (chmod go-w), then run the "
                "command again",
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
            raise WorkerFailed(f"the worker has ended: {self._failed}", where=self._where)

    def _send(self, verb: str, buffers: list[Buffer]) -> None:
        try:
            self._process.channel.send(buffers, self._limit)
        except (WorkerGone, TimedOut) as error:
            self._translate(verb, error)

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
            about = ("", "") if asked is None else diagnosis.about_rows(asked, self._spec.scored)
            raise diagnosis.model_error(verb, answer.arguments, self._spec, self._scrub, about)
        if answer.verb != expected:
            self._broken(verb, f"it did not answer with '{expected}'")
        return answer

    def _packages(self, answer: Answer) -> None:
        self._info = replace(self._ready(), packages=diagnosis.packages(answer))

    # ---- failing

    @property
    def _where(self) -> str:
        return f"model {self._spec.name}" if self._spec.name else ""

    def _say(self, line: str) -> None:
        self._spec.heard(line)
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
