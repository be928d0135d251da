"""Events keep the text that an error found in the data, for who may read the data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the column; the events of earlier runs have no such text."""
    op.add_column("run_events", sa.Column("found", sa.LargeBinary(), nullable=True))
