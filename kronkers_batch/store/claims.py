"""Claims on work and on runs.

Claims on work: of several processes that would do the same work one does it, and the others wait for its
result.

A claim ends with its process, however that ends, so nothing is left to be cleaned up. It is no defence: who
waits too long goes on without it, and what may be written only once is decided in the database, as ever.

A claim on a run is kept in the database, as a token in the run's row, and every write transaction of the run
takes it: who lost the run, to a process that took it for dead or to one with a newer lease, writes nothing
any more.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from kronkers_batch.errors import TakenOver
from kronkers_batch.store import databases
from kronkers_batch.store.tables.runs import runs

_RUNNING = "running"


@dataclass(frozen=True)
class RunClaim:
    """The right to write for a run: its id, and the fencing token that its row had when it was taken."""

    run_id: str
    token: int

    def require(self, connection: Connection) -> None:
        """Takes the claim for a write transaction, to its end. Raises TakenOver where another has the run."""
        query = select(runs.c.token, runs.c.state).where(runs.c.id == self.run_id)
        row = connection.execute(databases.of(connection).kept(query)).one_or_none()
        if row is None or (row.token, row.state) != (self.token, _RUNNING):
            raise TakenOver(
                "another process took this run over, or ended it",
                where=f"run {self.run_id}",
                fix="What this run published before stays published. Look at `kronkers runs`; if models are "
                "not done, run the command again.",
            )
