"""Runs of the graph and what happened in them."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Table

from kronkers_batch.store.tables.base import BigInteger, Integer, LargeBinary, String, clear, metadata, sealed

runs = Table(
    "runs",
    metadata,
    Column("id", String(26), primary_key=True, info=clear("random id")),
    Column("logical_date", String(10), nullable=False, info=clear("a calendar day, YYYY-MM-DD")),
    Column("started", BigInteger, nullable=False, info=clear("a moment")),
    Column("finished", BigInteger, info=clear("a moment; null while it runs")),
    Column("state", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("exit_code", Integer, info=clear("one of the documented exit codes")),
    Column("trigger", String(32), nullable=False, info=clear("one word: command, schedule, retry")),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", String(26), ForeignKey("runs.id"), primary_key=True, info=clear("random id")),
    Column("seq", Integer, primary_key=True, autoincrement=False, info=clear("a count from 1")),
    Column("at", BigInteger, nullable=False, info=clear("a moment")),
    Column("model", String(128), nullable=False, info=clear("names of models are addresses, not secrets")),
    Column("department", String(128), nullable=False, info=clear("names are addresses, not secrets")),
    Column("task", String(64), nullable=False, info=clear("the task's kind, one word of a fixed list")),
    Column("state", String(16), nullable=False, info=clear("one word of a fixed list")),
    Column("seconds", Float, info=clear("how long it took")),
    Column("message", LargeBinary, info=sealed("the department's key: errors name columns and checks")),
    Column("reason", LargeBinary, info=sealed("the department's key: reasons name features and metrics")),
    Column(
        "found", LargeBinary, info=sealed("a data key that readers open: what an error found in the data")
    ),
)
