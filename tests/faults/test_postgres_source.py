"""PostgreSQL as a source, on a real server: what it gives, and what nobody gets out of it."""

from __future__ import annotations

import datetime as dt
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.errors import MissingPart, SourceError
from kronkers_batch.store.engine import Database
from tests.data_support import ALL, MARKER, PLACES, day, rows, schema, source, watermark
from tests.faults.departments import Departments
from tests.postgres import OWNER, Server

SECOND = dt.timedelta(seconds=1)
ID = schema(id="integer")
TABLES = (
    "create table t (id bigint, name text)",
    f"insert into t select i, '{MARKER}' || i from generate_series(1, 100) i",
    "create sequence s",
    "create function boom() returns int language plpgsql as "
    f"$$ begin raise exception '{MARKER}' using detail = '{MARKER}', hint = '{MARKER}'; end $$",
    "create function noisy() returns int language plpgsql as "
    f"$$ begin raise warning '{MARKER}'; return 1; end $$",
    "create function writes() returns int language plpgsql as $$ begin delete from t; return 1; end $$",
    "create function commits() returns int language plpgsql as $$ begin commit; return 1; end $$",
    "create function ready() returns int language plpgsql as "
    "$$ begin set transaction read write; delete from t; return 1; end $$",
)


class Asked:
    """A database with tables, and an account that may only read them."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        server.execute(name, *TABLES)
        self.user, self.password = server.account(
            name, "USAGE, UPDATE ON SEQUENCE s", "DELETE, INSERT, UPDATE ON t"
        )

    def source(self, query: str, columns: Any = ID, **more: Any) -> SourceSpec:
        url = more.pop("url", self.server.url(self.name, self.user, self.password))
        return source("database", columns, url=Secret(url), query=query, **more)

    def refused(self, query: str, columns: Any = ID, **more: Any) -> str:
        with pytest.raises(SourceError) as caught:
            rows(self.source(query, columns, **more))
        text = str(caught.value)
        for secret in (MARKER, self.password, self.server.password):
            assert secret not in text, text
        assert "->" in text
        assert caught.value.__cause__ is None
        return text

    def untouched(self) -> bool:
        counts = "select (select count(*) from t), (select last_value from s), (select is_called from s)"
        others = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
        return self.server.execute(self.name, counts) == [(100, 1, False)] and self.server.execute(
            self.name, others
        ) == [(2,)]


@pytest.fixture
def asked(postgres: Server) -> Iterator[Asked]:
    with postgres.database() as name:
        yield Asked(postgres, name)


# ---------------------------------------------------------------- what honest sources get


def test_every_type_keeps_its_values(asked: Asked) -> None:
    asked.server.execute(
        asked.name,
        "create domain colour as text",
        "create type mood as enum ('good', 'bad')",
        "create table all_types (i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision,"
        " n numeric, b boolean, c text, v varchar(20), p char(4), e mood, d colour, raw bytea,"
        " day date, naive timestamp, zoned timestamptz, x xml, cidr_text text)",
        "insert into all_types values (-32768, 2147483647, 9007199254740993, 0.5, 0.1, 12345.25, true,"
        " 'é''\"%s $1', ' v ', 'p', 'good', 'red', 'raw', '2024-02-29', '2024-01-01 10:00:00.123456',"
        " '2024-01-01 10:00:00+02', '<a/>', '10.0.0.0/8'),"
        " (null, null, -9223372036854775808, 'nan', '-infinity', 'nan', null, '', null, null,"
        " null, null, null, null, null, null, null, null)",
        f"grant select on all_types to {asked.user}",
    )
    columns = schema(
        i2="int32", i4="int32", i8="integer", f4="float32", f8="float", n="float", b="boolean", c="string",
        v="category", p="string", e="category", d="string", raw="string", day="date", naive="timestamp",
        zoned="timestamp", x="string", cidr_text="string",
    )  # fmt: skip
    first, second = rows(asked.source("all_types", columns))
    assert first == (
        *(-32768, 2147483647, 9007199254740993, 0.5, 0.1, 12345.25, True, "é'\"%s $1", " v ", "p   "),
        *("good", "red", "raw", dt.date(2024, 2, 29)),
        dt.datetime(2024, 1, 1, 10, 0, 0, 123456, tzinfo=dt.UTC),
        *(dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC), "<a/>", "10.0.0.0/8"),
    )
    assert second[2] == -9223372036854775808
    assert second[3] != second[3]
    assert second[4] == float("-inf")
    assert second[5] != second[5]
    assert second[7] == ""
    assert [value for value in second if value is None] == [None] * 13


def test_what_no_column_can_hold_is_said_before_it_is_read(asked: Asked) -> None:
    for value, said in {
        "'{}'::json": "is json",
        "'{}'::jsonb": "is jsonb",
        "array[1, 2]": "is an array of int4",
        "'1h'::interval": "is interval",
        "'10:00'::time": "is time",
        "gen_random_uuid()": "is uuid",
        "'10.0.0.1'::inet": "is inet",
        "int4range(1, 2)": "is int4range",
    }.items():
        text = asked.refused(f"select {value} as id", schema(id="string"))
        assert said in text
        assert "Cast it" in text
    for value in ("'0044-03-15 BC'::date", "'infinity'::timestamptz", "'10000-01-01'::date"):
        assert "cannot read a value" in asked.refused(f"select {value} as id", schema(id="timestamp"))


def test_windows_and_parameters_are_bound(asked: Asked) -> None:
    asked.server.execute(
        asked.name,
        "create schema shop",
        'create table shop."Käufe" (id bigint, at timestamptz)',
        "insert into shop.\"Käufe\" select i, timestamptz '2024-01-01 00:00+00' + i * interval '6h'"
        " from generate_series(0, 11) i",
        f"grant usage on schema shop to {asked.user}",
        f"grant select on all tables in schema shop to {asked.user}",
    )
    columns, window = schema(id="integer", at="timestamp"), day("2024-01-02")
    for query in (
        "shop.Käufe",
        'select * from shop."Käufe";',
        "select * from shop.\"Käufe\" where at >= :from and at < $to -- :x ':to' %(x)s $1",
        "select * from shop.\"Käufe\" where at::date = :date and :date <= :to and ':from' <> '$to'",
    ):
        spec = asked.source(query, columns, time_column="at")
        assert [row[0] for row in rows(spec, window)] == [4, 5, 6, 7], query
    naive = asked.source('select id, at::timestamp as at from shop."Käufe"', columns, time_column="at")
    assert [row[0] for row in rows(naive, window)] == [4, 5, 6, 7]
    assert len(rows(asked.source("shop.Käufe", columns))) == 12
    mark = asked.source("t", watermark='select max(at) from shop."Käufe" where at < :to')
    assert "2024, 1, 2, 18, 0" in watermark(mark, window)


def test_many_rows_are_streamed(asked: Asked) -> None:
    got = sources.read(
        asked.source("select i as id from generate_series(1, 50000) i"),
        ALL,
        sources={},
        places=PLACES,
        chunk_rows=1000,
    )
    assert [frame.height for frame in got] == [1000] * 50
    assert rows(asked.source("select id from t where false")) == []


# ---------------------------------------------------------------- what a query may not do

ATTACKS = {
    "copy t to program 'touch {folder}/stolen'": "not a single SELECT",
    "copy t to '{folder}/stolen'": "not a single SELECT",
    "select id from t) as a; delete from t; select * from (select id from t": "not a single SELECT",
    "select 1 as id; commit; delete from t": "not a single SELECT",
    "select id from t) as a; commit; delete from t; select * from (select id from t": "not a single SELECT",
    "select 1 as id /* ": "not a single SELECT",
    "select id into stolen from t": "not a single SELECT",
    "with d as (delete from t returning id) select id from d": "not a single SELECT",
    "delete from t returning id": "not a single SELECT",
    "do $$ begin delete from t; end $$": "not a single SELECT",
    "call nothing()": "not a single SELECT",
    "set transaction read write": "not a single SELECT",
    "select nextval('s') as id": "it would write",
    "select setval('s', 9) as id": "it would write",
    "select set_config('transaction_read_only', 'off', false)::text::int as id": "it would write",
    "select id from t for update": "it would write",
    "select writes() as id": "it would write",
    "select ready() as id": "it would write",
    "select commits() as id": "it would end the transaction",
    "select length(query_to_xml('delete from t', true, true, '')::text) as id": "not a single SELECT",
    "select length(query_to_xml('select nextval(''s'')', true, true, '')::text) as id": "it would write",
    "select length(pg_read_file('PG_VERSION')) as id": "may not read",
    "select length(pg_read_binary_file('{folder}/x')) as id": "may not read",
    "select count(*) as id from pg_ls_dir('.')": "may not read",
    "select lo_import('{folder}/x')::bigint as id": "may not read",
    "select lo_export(1, '{folder}/stolen') as id": "may not read",
    "select length(rolpassword) as id from pg_authid": "may not read",
    "select dblink_exec('dbname=x', 'delete from t')::int as id": "does not exist",
    "select boom() as id": "a function of the database raised an error",
    "select name::int as id from t": "could not be converted",
    "select 1 / (id - id) as id from t": "could not be converted",
    "select id from nowhere": "does not exist",
    "select pg_terminate_backend(pg_backend_pid())::int as id": "the server ended the connection",
}  # fmt: skip


def test_nothing_is_written_and_no_file_of_the_server_is_reached(asked: Asked, tmp_path: Path) -> None:
    """The account may write to the table: the transaction is what stops it."""
    for attack, said in ATTACKS.items():
        text = attack.replace("{folder}", str(tmp_path))
        assert said in asked.refused(text), attack
        with pytest.raises(SourceError, match="the watermark query") as caught:
            watermark(asked.source("t", watermark=text), ALL)
        assert MARKER not in str(caught.value)
        assert asked.untouched(), attack
        assert list(tmp_path.iterdir()) == []


def test_what_a_server_says_reaches_no_terminal(asked: Asked, capfd: pytest.CaptureFixture[str]) -> None:
    assert rows(asked.source("select noisy() as id")) == [(1,)]
    asked.refused("select boom() as id")
    out, err = capfd.readouterr()
    assert MARKER not in out + err
    assert MARKER in asked.server.log.read_text()  # the server did say it


def test_what_a_transaction_cannot_stop_is_an_account_that_is_refused(asked: Asked) -> None:
    """Files of the server, its settings, and other sessions are out of a transaction's reach."""
    server, name = asked.server, asked.name
    assert "is a superuser" in asked.refused("t", url=server.url(name))
    for number, (grant, said) in enumerate(
        {
            "alter role {} replication": "a replication account",
            "grant pg_execute_server_program to {}": "a member of one of pg_execute_server_program",
            "grant pg_read_server_files to {}": "a member of one of",
            "grant pg_signal_backend to {}": "a member of one of",
            f"grant {OWNER} to {{}}": "is a superuser",
            "grant execute on function pg_read_file(text) to {}": "functions for administrators",
            "grant execute on function lo_export(oid, text) to {}": "functions for administrators",
        }.items()
    ):
        user, password = server.account(name)
        server.execute(name, grant.format(user))
        text = asked.refused("t", url=server.url(name, user, password))
        assert said in text, (number, grant)
        assert "CREATE ROLE reader" in text
        with pytest.raises(SourceError, match="it may do more than read"):
            watermark(asked.source("t", watermark="select 1", url=server.url(name, user, password)), ALL)
        server.execute(name, f"drop owned by {user}", f"drop role {user}")


def test_a_url_sets_nothing_that_the_source_sets(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    url = asked.server.url(asked.name, asked.user, asked.password)
    for option in (
        "options=-cdefault_transaction_read_only%3Doff",
        "application_name=x",
        "passfile=/x",
        "connect_timeout=9",
        "service=x",
    ):
        assert "options that a source may not set" in asked.refused("t", url=f"{url}?{option}")
    assert len(rows(asked.source("t", url=f"{url}?sslmode=prefer&keepalives=1"))) == 100
    assert len(rows(asked.source("t", url=url.replace("+psycopg", "")))) == 100
    assert "cannot be opened for reading only" in asked.refused("t", url=url.replace("+psycopg", "+psycopg2"))
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1 -c search_path=nowhere")
    assert len(rows(asked.source("t"))) == 100


def test_a_warehouse_is_never_a_source(asked: Asked) -> None:
    with asked.server.database() as name:
        warehouse = Database(Secret(asked.server.url(name)))
        warehouse.migrate()
        warehouse.close()
        url = asked.server.url(name, *asked.server.account(name))
        for query in ("ledger", "select 1 as id"):
            assert "is a warehouse of kronkers" in asked.refused(query, url=url)
            with pytest.raises(SourceError, match="is a warehouse of kronkers"):
                watermark(asked.source(query, watermark="select 1", url=url), ALL)


# ---------------------------------------------------------------- time, memory, and servers that misbehave


def test_an_endless_query_is_stopped_and_the_key_is_named(asked: Asked) -> None:
    for query in (
        "select generate_series(1, 1000000000000) as id",
        "with recursive r(id) as (select 1 union all select 1 - id from r) select max(id) as id from r",
        "select count(*) as id from t a, t b, t c, t d, t e, t f, t g",
        "select count(pg_sleep(100)) as id",
        "select length(query_to_xml('select pg_sleep(100)', true, true, '')::text) as id",
        "select length(set_config('statement_timeout', '0', false)) + count(pg_sleep(100)) as id",
    ):
        text = asked.refused(query, time_limit=SECOND / 2)
        assert "the query took longer than 0.5s" in text, query
        assert "or raise `time_limit:`" in text
    with pytest.raises(SourceError, match=r"the query took longer than 0\.5s\n.*`watermark:`"):
        watermark(asked.source("t", watermark="select pg_sleep(100)::text", time_limit=SECOND / 2), ALL)
    assert asked.server.execute(
        asked.name, f"select count(*) from pg_stat_activity where usename = '{asked.user}'"
    ) == [(0,)]


def test_a_table_that_somebody_holds_locked_is_an_error_in_time(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kronkers_batch.data.sources.postgres._LOCKED", SECOND / 5)
    with asked.server.connect(asked.name) as other, other.transaction():
        other.execute("lock table t in access exclusive mode")
        assert "holds the tables locked" in asked.refused("t")


def test_a_long_value_is_refused_before_it_is_sent(asked: Asked) -> None:
    for value in (
        "repeat('x', 20000000)",
        "repeat('x', 20000000)::varchar",
        "('<a>' || repeat('x', 20000000) || '</a>')::xml",
        "convert_to(repeat('x', 20000000), 'UTF8')",
        "repeat('x', 1048577)",
        "repeat('é', 600000)",
    ):
        text = asked.refused(f"select {value} as id", schema(id="string"))
        assert "a value of column id is longer than 1 MB" in text, value
    whole = rows(asked.source("select repeat('é', 500000) as id", schema(id="string")))
    assert whole == [("é" * 500_000,)]


def test_a_reader_who_stops_early_ends_the_query(asked: Asked) -> None:
    before = threading.active_count()
    spec = asked.source("select generate_series(1, 1000000000000) as id")
    found = sources.read(spec, ALL, sources={}, places=PLACES, chunk_rows=10)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert asked.server.execute(
        asked.name,
        f"select count(*) from pg_stat_activity where usename = '{asked.user}' and state = 'active'",
    ) == [(0,)]


def test_a_wrong_password_is_not_shown(asked: Asked) -> None:
    server, name = asked.server, asked.name
    for url, said in {
        server.url(
            name, asked.user, f"{MARKER}@/:?#".replace("@/:?#", "")
        ): "refused the account or its password",
        server.url(name, f"{MARKER}", "x"): "refused the account or its password",
        server.url(f"{MARKER}", asked.user, asked.password): "no such database",
        f"postgresql://{asked.user}@127.0.0.1:{server.port}/{name}": "refused the account or its password",
        f"postgresql://{asked.user}:{MARKER}@127.0.0.1:1/{name}": "no server answers",
        f"postgresql://{asked.user}:{MARKER}@nowhere.invalid/{name}": "no server of this name",
    }.items():
        with pytest.raises(SourceError, match=said) as caught:
            rows(asked.source("t", url=url))
        text = str(caught.value).replace(f"/{MARKER}:", "/:")  # the database's name is declared
        assert MARKER not in text
        assert caught.value.__cause__ is None


def test_a_server_that_goes_away_is_an_error(asked: Asked) -> None:
    found = sources.read(
        asked.source("select generate_series(1, 1000000) as id"),
        ALL,
        sources={},
        places=PLACES,
        chunk_rows=10,
    )
    next(found)
    asked.server.execute(
        asked.name, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{asked.user}'"
    )
    with pytest.raises(SourceError, match="the server ended the connection"):
        list(found)


def test_a_server_that_says_nothing_is_hung_up_on(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit does not depend on the server's keeping it."""
    monkeypatch.setattr("kronkers_batch.data.sources.postgres._GRACE", SECOND / 10)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = Relay(listener, asked.server.port)
        url = asked.server.url(asked.name, asked.user, asked.password)
        url = url.replace(f":{asked.server.port}/", f":{listener.getsockname()[1]}/")
        found = sources.read(
            asked.source("select generate_series(1, 1000000) as id", url=url, time_limit=SECOND),
            ALL,
            sources={},
            places=PLACES,
            chunk_rows=10,
        )
        next(found)
        silent.stop.set()
        with pytest.raises(SourceError, match="the query took longer than 1s"):
            list(found)
        silent.close()


class Relay:
    """Hands on what a client and a server say, until it is told to fall silent."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.stop = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        client, _ = listener.accept()
        server = socket.create_connection(("127.0.0.1", port))
        self._sockets += [client, server]
        for one, other in ((client, server), (server, client)):
            threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(4096):
                if self.stop.is_set():
                    return
                other.sendall(data)
        except OSError:
            return

    def close(self) -> None:
        for each in self._sockets:
            each.close()


def test_names_and_values_with_control_characters_stay_where_they_are(asked: Asked) -> None:
    asked.server.execute(
        asked.name,
        'create table "evil" ("a\x1b[31mb\x07" text, id bigint)',
        "insert into evil values (E'\\x1b]0;title\\x07', 1)",
        f"grant select on evil to {asked.user}",
    )
    columns = schema(**{"a\x1b[31mb\x07": "string", "id": "integer"})
    assert rows(asked.source("evil", columns)) == [("\x1b]0;title\x07", 1)]


def test_bytes_that_are_not_utf8_are_an_error(postgres: Server) -> None:
    postgres.execute("template1", "create database old encoding 'SQL_ASCII' locale 'C' template template0")
    try:
        postgres.execute(
            "old", "create table t (id text)", "insert into t values (E'\\\\377')".replace("\\\\", "\\")
        )
        user, password = postgres.account("old")
        spec = source(
            "database", schema(id="string"), url=Secret(postgres.url("old", user, password)), query="t"
        )
        with pytest.raises(SourceError, match="not UTF-8"):
            rows(spec)
    finally:
        postgres.execute("template1", "drop database old with (force)")


def test_without_the_driver_it_is_said_how_to_install_it(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingPart, match=r"psycopg\[binary\]"):
        rows(asked.source("t"))


# ---------------------------------------------------------------- and a whole night of it


def test_a_night_reads_from_postgresql(asked: Asked, company: Departments) -> None:
    asked.server.execute(
        asked.name,
        "create table visits as select i as id, timestamp '2024-01-01' + i * interval '30 min' as at,"
        " i % 7 / 3.0 as x, case when i % 2 = 0 then 'red' else 'green' end as colour, i % 2 = 0 as y"
        " from generate_series(0, 959) i",
        f"grant select on visits to {asked.user}",
    )
    url = asked.server.url(asked.name, asked.user, asked.password)
    company.write(
        "conf/source/visits.yaml",
        "department: sales\nkind: database\nquery: visits\nurl: ${oc.env:VISITS_URL}\n"
        f"watermark: {json.dumps('select max(id) from visits')}\ntime_limit: 1m\n"
        "columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}\n"
        "key: [id]\ntime_column: at\n",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISITS_URL", url)
        done = company.run("run", "buys")
    assert "published" in done.stdout
    assert asked.password not in done.stdout + done.stderr
