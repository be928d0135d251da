"""Events get numbers over all runs, in a table that also holds those outside a run; runs get claims."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

# In the order in which the runs began, since two events of one run may tell the same moment.
_MOVE = """\
INSERT INTO events (position, run_id, seq, at, kind, principal, model, department, task, state, subject,
  logical_date, seconds, message, reason, found)
SELECT row_number() OVER (ORDER BY r.started, r.id, e.seq), e.run_id, e.seq, e.at,
  CASE WHEN e.task = 'asked' THEN 'asked' WHEN e.task IN ('scores', 'training') THEN 'concluded'
    WHEN e.state IN ('held', 'failed', 'refused', 'warned') THEN e.state ELSE 'done' END,
  '', e.model, e.department, e.task, e.state, '', r.logical_date, e.seconds, e.message, e.reason, e.found
FROM run_events e JOIN runs r ON r.id = e.run_id
"""


def upgrade() -> None:
    """Moves the events of earlier runs; who recorded them is not known any more."""
    _events()
    op.execute(_MOVE)
    op.drop_table("run_events")
    op.create_table(
        "subscribers",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "place", name=op.f("pk_subscribers")),
    )
    op.create_table(
        "pending",
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("what", "who", name=op.f("pk_pending")),
    )
    op.add_column("runs", sa.Column("token", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("runs", sa.Column("commit_id", sa.String(length=64), nullable=True))
    op.add_column("runs", sa.Column("commit_author", sa.String(length=128), nullable=True))
    op.add_column("runs", sa.Column("commit_clean", sa.Integer(), nullable=True))


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", sa.String(length=26), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("principal", sa.String(length=128), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("logical_date", sa.String(length=10), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("found", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_events_run_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_events")),
        sa.UniqueConstraint("run_id", "seq", name=op.f("uq_events_run_id_seq")),
    )
    op.create_index(op.f("ix_events_model_task_position"), "events", ["model", "task", "position"])
