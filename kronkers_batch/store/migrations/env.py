"""Run by Alembic; the connection, already in a write transaction, comes from :mod:`..migrate`."""

from __future__ import annotations

from alembic import context

from kronkers_batch.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
