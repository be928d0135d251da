"""The first tables."""

from __future__ import annotations

from alembic import op

from kronkers_batch.store.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes every table."""
    metadata.create_all(op.get_bind())
