"""Snapshots know when they were last used, and model versions which snapshot they were trained on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds the columns; which snapshot an older version was trained on is sealed, and learnt later."""
    op.add_column("snapshots", sa.Column("used", sa.BigInteger(), server_default="0", nullable=False))
    op.execute("UPDATE snapshots SET used = created")
    op.create_index(op.f("ix_snapshots_state_used"), "snapshots", ["state", "used"])
    op.add_column("model_versions", sa.Column("snapshot_id", sa.String(length=26), nullable=True))
    op.create_index(op.f("ix_model_versions_snapshot_id"), "model_versions", ["snapshot_id"])
