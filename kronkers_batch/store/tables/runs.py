"""Runs of the graph, what happened in them and outside them, and who received it."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Table, UniqueConstraint

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

runs = Table(
    "runs",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column("logical_date", String(10), nullable=False, info=clear("a calendar day, YYYY-MM-DD")),
    Column("started", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("finished", BigInteger, info=clear("a timestamp; null while it runs")),
    Column("state", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("exit_code", Integer, info=clear("one of the documented exit codes")),
    Column("trigger", String(32), nullable=False, info=clear("one word: command, schedule, retry")),
    Column(
        "token",
        BigInteger,
        nullable=False,
        server_default="0",
        info=clear("a count of the processes that took over the run: the newest may write"),
    ),
    Column("commit_id", String(64), info=clear("id of a commit of the definitions; null without one")),
    Column("commit_author", String(128), info=clear("the name of the commit's author")),
    Column(
        "commit_clean",
        Integer,
        info=clear("1 if the definitions are as committed, otherwise 0; null if unknown"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False, info=clear("a count from 1")),
    Column("run_id", String(26), ForeignKey("runs.id"), info=clear("random id; null outside a run")),
    Column("seq", Integer, info=clear("a count from 1 within its run; null outside one")),
    Column("at", BigInteger, nullable=False, info=clear("a timestamp")),
    Column("kind", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("principal", String(128), nullable=False, info=clear("the principal; the ledger records it too")),
    Column("model", String(128), nullable=False, info=clear("names of models are addresses, not secrets")),
    Column("department", String(128), nullable=False, info=clear("names are addresses, not secrets")),
    Column("task", String(64), nullable=False, info=clear("the task's kind, one word of a fixed list")),
    Column("state", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("subject", String(256), nullable=False, info=clear("an address such as NAME@3, not a secret")),
    Column("logical_date", String(10), nullable=False, info=clear("a calendar day, or empty")),
    Column("seconds", Float, info=clear("the duration in seconds")),
    Column("message", LargeBinary, info=sealed("the department's key: messages name columns and checks")),
    Column("reason", LargeBinary, info=sealed("the department's key: reasons name features and metrics")),
    Column(
        "found",
        LargeBinary,
        info=sealed("a data key that readers open: what an error found in the data, what a model printed"),
    ),
    UniqueConstraint("run_id", "seq"),
    Index(None, "model", "task", "position"),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("name", String(32), primary_key=True, info=clear("one word: pages, log")),
    Column("place", String(32), primary_key=True, info=clear("a digest of a machine and a folder")),
    Column(
        "position",
        BigInteger,
        nullable=False,
        info=clear("the number of the last event that the subscriber processed"),
    ),
    Column("at", BigInteger, nullable=False, info=clear("a timestamp")),
)

pending = Table(
    "pending",
    metadata,
    Column("what", String(16), primary_key=True, info=clear("one word: scrub, checkpoint")),
    Column("who", String(128), primary_key=True, info=clear("a principal, or empty")),
    Column("since", BigInteger, nullable=False, info=clear("a timestamp")),
)
