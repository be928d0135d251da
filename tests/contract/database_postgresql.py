"""Databases of PostgreSQL, for the suite that every kind of database passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.store.engine import Database
from tests.postgres import Server


@contextmanager
def address(request: pytest.FixtureRequest, _folder: Path) -> Iterator[str]:
    server = request.getfixturevalue("postgres")
    with server.database() as name:
        yield server.url(name)


@contextmanager
def migrated(request: pytest.FixtureRequest, _folder: Path) -> Iterator[str]:
    """A copy: making the tables takes a second."""
    server = request.getfixturevalue("postgres")
    with server.database() as name:
        fill(server, name)
        yield server.url(name)


def fill(server: Server, name: str) -> None:
    """Makes the database anew, with the tables."""
    template = "migrated"
    if not server.execute("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{template}'"):
        server.execute("postgres", f"CREATE DATABASE {template}")
        made = Database(Secret(server.url(template)))
        made.migrate()
        made.close()
    server.execute("postgres", f"DROP DATABASE {name}", f"CREATE DATABASE {name} TEMPLATE {template}")


def execute(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        for statement in statements:
            other.execute(statement.encode())


CHANGES: dict[str, list[str]] = {
    "trigger t of revocations": [
        "CREATE SCHEMA other",
        "CREATE FUNCTION other.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER t BEFORE INSERT ON revocations FOR EACH ROW EXECUTE FUNCTION other.f()",
    ],
    "rule r of revocations": ["CREATE RULE r AS ON INSERT TO revocations DO INSTEAD NOTHING"],
    "policy p of grants": ["CREATE POLICY p ON grants USING (false)"],
    "table grants is another": ["ALTER TABLE grants ENABLE ROW LEVEL SECURITY"],
    "table v": ["CREATE VIEW v AS SELECT 1"],
    "table m": ["CREATE MATERIALIZED VIEW m AS SELECT 1"],
    "table s": ["CREATE SEQUENCE s"],
    "table extra": ["CREATE TABLE extra (a int)"],
    "child of revocations": ["CREATE TABLE public.x () INHERITS (revocations)"],
    "function f": ["CREATE FUNCTION f(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'"],
    "function same": [
        "CREATE FUNCTION same(varchar, varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = same)",
    ],
    "type d": ["CREATE DOMAIN d AS text"],
    "collation c": ["CREATE COLLATION c FROM \"C\""],
    "column runs.state is another": ["ALTER TABLE runs ALTER state SET DEFAULT 'done'"],
    "column principals.name": ["ALTER TABLE principals ALTER name TYPE text"],
    "column grants.role is another": ["ALTER TABLE grants ALTER role TYPE varchar(16) COLLATE \"POSIX\""],
    "column ledger.at": ["ALTER TABLE ledger ALTER at DROP NOT NULL"],
    "column warehouse.extra": ["ALTER TABLE warehouse ADD extra int GENERATED ALWAYS AS (1) STORED"],
    "constraint k of runs": ["ALTER TABLE runs ADD CONSTRAINT k CHECK (started > 0)"],
    "constraint pk_revocations of revocations is missing": [
        "ALTER TABLE revocations DROP CONSTRAINT pk_revocations"
    ],
    "index ix_grants_principal_id is another": [
        "DROP INDEX ix_grants_principal_id",
        "CREATE INDEX ix_grants_principal_id ON grants (principal_id) WHERE role = 'viewer'",
    ],
    "index i": ["CREATE INDEX i ON grants (lower(role))"],
    "disabled trigger of": ["ALTER TABLE data_keys DISABLE TRIGGER ALL"],
    "cast": ["CREATE CAST (varchar AS boolean) WITH INOUT AS IMPLICIT"],
    "event trigger e": [
        "CREATE SCHEMA other",
        "CREATE FUNCTION other.f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION other.f()",
    ],
}  # fmt: skip
