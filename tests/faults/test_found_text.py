"""What is found in data is data: no terminal, page, event or ledger shows it; readers can ask for it."""

import json
import shutil
import sqlite3

import polars as pl
import pytest

from kronkers_batch import errors
from kronkers_batch.data import duck, source_kinds
from kronkers_batch.frames.near import near
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import conform
from tests.data_support import schema, source
from tests.faults import canaries, shown_words
from tests.faults.departments import Departments

KEPT = {
    "a_first_row_in_place_of_the_header", "a_header_with_other_columns", "a_header_that_is_not_utf8",
    "a_header_with_a_column_twice", "a_row_with_a_field_too_many", "a_quoted_row_with_a_field_too_many",
    "a_text_in_a_number", "a_level_that_is_not_declared", "an_archive_with_two_files",
    "a_file_name_that_a_pattern_finds", "levels_in_a_type",
    "fields_of_a_struct", "other_columns_in_parquet", "a_column_of_a_table", "a_text_in_a_number_of_a_table",
    "a_value_that_a_query_cannot_cast", "an_error_that_a_query_makes", "a_cast_to_levels",
}  # fmt: skip
"""The cases in which the text that was found says what is wrong, and is kept for readers."""


@pytest.fixture(scope="module")
def planted(_company):
    """A company with a source for every way to fail, after a run of all of them; and what the run printed."""
    folder = _company.with_name("planted")
    shutil.copytree(_company, folder)
    made = Departments(folder)
    words = canaries.plant(folder)
    return made, words, made.run("run", *words, code=1)


@pytest.fixture
def headerless(company):
    """A company whose visits came without their line of column names, after the run that found that."""
    path = company.folder / "data/visits.csv"
    rows = path.read_text().splitlines()[1:]
    path.write_text("\n".join(["anna.meier@example.org,1985-04-03,DE89370400440532013000", *rows]) + "\n")
    company.run("run", "buys", code=1)
    return company


# ---------------------------------------------------------------- the words of errors


def test_every_word_of_an_error_is_declared_or_a_count():
    """Of the rooms that touch data; a new word turns this red until it is in a list, with the reason."""
    found = {}
    for path in shown_words.files():
        name = str(path.relative_to(shown_words.PROGRAM))
        found[name] = set(shown_words.words(path.read_text(), name))
        assert shown_words.unknown(path.read_text(), name) == []
    everything = set().union(*found.values())
    assert everything >= shown_words.THERE, "a list names what is no longer there"
    assert {word.split(": ", 1)[1] for word in everything} >= shown_words.DECLARED


@pytest.mark.parametrize(
    "line",
    [
        'raise place.error(f"it has {names}", "Rename.")',
        'raise place.error("it has " + ", ".join(names), "Rename.")',
        'raise place.error("wrong", f"Write one of: {names[0]}")',
        'raise SourceError("wrong", where=str(error))',
        "raise DataError(str(error))",
        'what = f"it has {names}"\n    raise DataError(what)',
        'what = "a" if names else names[0]\n    raise DataError(what, where="x")',
        "raise place.at(names[0]).error('wrong', 'x')",
        "return _unfit(place, f'has {names}')",
        'raise SourceError(f"it has {[n for n in names]}")',
    ],
)
def test_a_new_leak_is_found(line):
    text = f"def f(place, names, error):\n    {line}\n"
    assert shown_words.unknown(text, "data/new.py") != []
    assert (
        shown_words.unknown('def f(n):\n    raise place.error(f"{len(n)} columns", "x", n)\n', "data/new.py")
        == []
    )


def test_what_was_found_is_no_part_of_an_errors_words():
    error = errors.SourceError("wrong", where="here", fix="do", found="SECRET" * 100_000)
    assert "SECRET" not in f"{error} {error!r} {error.args} {errors.described(error)}"
    assert len(error.found) == errors.MAX_FOUND
    moved = error.moved("there")
    assert (str(moved), moved.found, type(moved)) == (
        str(error).replace("here", "there"),
        error.found,
        type(error),
    )
    rebuilt, arguments = error.__reduce__()
    assert rebuilt(*arguments).found == error.found
    assert errors.found_in(ValueError("SECRET")) == "SECRET"
    assert "SECRET" not in errors.described(ValueError("SECRET"))


@pytest.mark.parametrize(
    ("declared", "found", "told"),
    [
        ("promo", ["promos", "price"], "promos"),
        ("x", ["xx"], "xx"),
        ("distance", ["distanse"], "distanse"),
        ("customer_id", ["CustomerID", "other"], "CustomerID"),
        ("unit price", ["unit_price"], "unit_price"),
        ("x", ["M"], ""),  # any letter is one edit away from a name of one
        ("id", ["ad"], ""),
        ("name", ["Anne"], ""),
        ("iban", ["DE89370400440532013000"], ""),
        ("mail", ["mail\x1b[31m"], ""),
        ("email", ["e\u043cail"], ""),  # a letter of another script
        (
            "AAAAAAAAAAAAAAAAAAAAAAAA",
            ["AAAAAAAAAAAAAAAAAAAASECR"],
            "",
        ),  # a guess is told wrong, not corrected
        ("distance", [], ""),
    ],
)
def test_of_found_names_only_those_close_to_a_declared_one(declared, found, told):
    assert near(declared, found) == told


def test_types_are_named_without_their_levels():
    wanted = Schema((Column("a", ColumnType.FLOAT),))
    for series in (pl.Series("a", ["SECRET"], dtype=pl.Enum(["SECRET"])), pl.Series("a", [{"SECRET": 1}])):
        with pytest.raises(errors.SourceError) as caught:
            conform(series.to_frame(), wanted, "here")
        assert "SECRET" not in str(caught.value)
        assert "SECRET" in caught.value.found
    with pytest.raises(errors.SourceError, match="the nearest name there is 'A'") as caught:
        conform(pl.DataFrame({"A": [1.0], "SECRET": 1}), wanted, "here")
    assert "SECRET" not in str(caught.value)


def test_a_query_is_told_its_own_names_and_no_others():
    import duckdb

    connection = duckdb.connect()
    connection.execute("create table t as select 1 as id, unnest(['SECRET wine', 'x']) as colour")
    told = {}
    for query in (
        "select idd from t",
        "selec id from t",
        "select sum(colour) from t",
        'select p."SECRE" from (pivot t on colour using count(*)) p',
        "select columns('zz') from (pivot t on colour using count(*))",
        'select "SECRET vine" from (pivot t on colour using count(*))',
        "select id from nothing",
    ):
        with pytest.raises(duckdb.Error) as caught:
            connection.sql(query).fetchall()
        told[query] = duck.scrubbed(caught.value, query)
        assert "SECRET wine" not in told[query]
    assert 'column "idd" not found' in told["select idd from t"]
    assert 'syntax error at or near "selec"' in told["selec id from t"]
    assert "'sum(VARCHAR)'" in told["select sum(colour) from t"]
    assert "nothing" in told["select id from nothing"]
    assert duck.words_of('x "a" SECRET "b" y', "select a, b") == 'x "a" … "b" y'


@pytest.mark.parametrize(
    ("pattern", "name", "shown"),
    [
        ("visits-*.csv", "visits-2024-01-03.csv", True),
        ("visits-*.csv", "visits-20240103T02.csv", True),
        ("visits-??.csv", "visits-07.csv", True),
        ("part-[0-9].csv", "part-7.csv", True),
        ("**/visits.csv", "2024/01/visits.csv", True),
        ("visits-*.csv", "visits-anna-meier.csv", False),
        ("*.csv", "DE89370400440532013000.csv", False),
        ("**/visits-*.csv", "anna/visits-1.csv", False),
        ("*", "visits-\x1b[31m.csv", False),
    ],
)
def test_a_file_that_a_pattern_found_is_named_where_only_digits_are_open(tmp_path, pattern, name, shown):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("nothing\n")
    spec = source("csv", schema(id="integer"), path=tmp_path / pattern)
    ((found, place),) = source_kinds.of("csv").located(spec)
    assert found == path
    error = place.error("wrong", "do", "more")
    if shown:
        assert str(path) in str(error)
        assert error.found == "more"
    else:
        assert f"{tmp_path}/{pattern}, file 1 of 1" in str(error)
        assert path.name not in str(error)
        assert error.found == f"{path}\nmore"


def test_a_close_name_is_still_told_on_the_command_line(company):
    company.edit("conf/source/visits.yaml", "colour: category", "color: category")
    for name in ("conf/model/buys.yaml",):
        company.edit(name, "colour: category", "color: category")
    done = company.run("run", "buys", code=1)
    assert "1 declared column is not there: color (did you mean colour?)" in done.stdout
    assert "It has 5 columns, among them 4 of the 5 declared ones." in done.stdout


# ---------------------------------------------------------------- every way to fail


def test_no_way_to_fail_shows_what_was_found(planted):
    """Nor does a terminal, page, event, the ledger or any file show a word that stands in the data alone."""
    made, words, done = planted
    again = made.run("run", *words, "--json", code=1)
    states = {m["model"]: m["state"] for m in json.loads(again.stdout)["models"]}
    assert states == dict.fromkeys(words, "blocked"), "a source that should fail did not"
    vic, ann = made.by("vic"), made.by("ann")
    told = [done.stdout, done.stderr, again.stdout, again.stderr]
    for who, *command in (
        (vic, "report"), (vic, "report", "--json"), (vic, "plan"), (vic, "log"), (vic, "check"),
        (made.by("admin"), "ledger", "show"), (made.by("admin"), "ledger", "verify"),
    ):  # fmt: skip
        more = who.run(*command, code=None)
        told += [more.stdout, more.stderr]
    told.append((made.folder / "var/reports/2024-01-20.html").read_text())
    log = ann.run("log").stdout
    clear = [path.read_bytes() for path in (made.folder / "var").rglob("*") if path.is_file()]
    for name, word in words.items():
        assert not [text for text in told if word.casefold() in text.casefold()], name
        assert not [raw for raw in clear if word.encode() in raw], name
        assert word in log or name not in KEPT, name


def test_a_message_says_that_there_is_more_and_how_to_see_it(planted):
    _made, _words, done = planted
    blocks = dict(block.split(" blocked: ", 1) for block in done.stdout.split("\n\n")[1:])
    for name in KEPT:
        last = blocks[name].splitlines()[-1 if "report:" not in blocks[name] else -2]
        assert (
            last == "  -> readers of sales see the values found in the data: kronkers log --date 2024-01-20"
        )
    assert "kronkers log" not in blocks["a_nul_byte"]  # nothing was left out there


# ---------------------------------------------------------------- who may read it


def test_readers_of_the_department_see_it_and_nobody_else(headerless):
    admin, ann, vic, bob = (headerless.by(who) for who in ("admin", "ann", "vic", "bob"))
    assert "DE89370400440532013000" in ann.run("log").stdout
    assert "DE89370400440532013000" in ann.run("log", "buys", "--date", "2024-01-20").stdout
    (event,) = {e["found"] for e in ann.json("log", "buys")["events"] if e["task"] == "ingest"}
    assert event.startswith("its columns:\nanna.meier@example.org\n1985-04-03\n")

    refused = vic.run("log", code=3)
    assert refused.stdout == ""
    events = vic.json("report", "--run", vic.json("runs")[0]["id"])["events"]
    assert {e["found"] for e in events if e["task"] == "ingest"} == {
        "sales"
    }  # that there is more, and for whom
    assert "readers of sales see the values found in the data" in vic.run("report").stdout
    assert bob.json("log")["events"] == []
    assert bob.run("log", "buys", code=3).stdout == ""

    admin.run(
        "access", "grant", "vic", "reader", "sales/buys"
    )  # of one model: not of the department's source
    assert "anna.meier" not in vic.run("log").stdout
    assert {e["found"] for e in vic.json("log")["events"]} == {None}
    admin.run("access", "grant", "vic", "reader", "sales")
    assert "anna.meier" in vic.run("log").stdout
    admin.run("access", "revoke", "vic", "sales")
    assert "anna.meier" not in vic.run("log", code=None).stdout


def test_reading_it_leaves_a_line_in_the_ledger(headerless):
    ann = headerless.by("ann")
    ann.run("log")
    (line,) = [e for e in ann.json("ledger", "show") if e["action"] == "log"]
    assert (line["principal"], line["on"], line["details"]["texts"]) == ("ann", "sales", 1)
    assert "ann read what the errors of run" in line["sentence"]
    assert "anna.meier" not in json.dumps(ann.json("ledger", "show"))
    headerless.by("admin").run("ledger", "verify")


def test_what_cannot_be_recorded_is_not_read(headerless, monkeypatch):
    from kronkers_batch.queries import found

    opened = []
    monkeypatch.setattr(found.runlog, "opened_found", lambda *args: opened.append(args))

    def refused(*_args, **_more):
        raise errors.StoreError("the database is locked")

    monkeypatch.setattr(found, "add_entry", refused)
    done = headerless.by("ann").run("log", code=1)
    assert "locked" in done.stderr
    assert done.stdout == ""
    assert opened == []


def test_it_lies_in_the_database_sealed_under_a_key_of_readers(headerless):
    database = sqlite3.connect(headerless.database)
    ((blob,),) = database.execute("select found from events where found is not null").fetchall()
    key = "select kind, department, model from data_keys where id = ?"
    assert database.execute(key, [blob[:26].decode()]).fetchall() == [("found", "sales", "")]
    database.close()
    assert b"anna" not in blob
    assert b"columns" not in blob


def test_another_events_text_does_not_open_in_its_place(headerless):
    headerless.run("run", "buys", code=1)
    database = sqlite3.connect(headerless.database)
    events = database.execute("select rowid, found from events where found is not null order by at")
    (_, first), (newest, _) = events.fetchall()
    database.execute("update events set found = ? where rowid = ?", (first, newest))
    database.commit()
    database.close()
    done = headerless.by("ann").run("log", code=4)
    assert "anna.meier" not in done.stdout + done.stderr


def test_the_text_of_an_unforeseen_error_is_kept_too(company, monkeypatch):
    from kronkers_batch.data.sources import csvfile

    def broken(*_args):
        raise ValueError("row 7: anna.meier \ud800")

    monkeypatch.setattr(csvfile.csvhead, "read", broken)
    with (company.folder / "data/visits.csv").open("a") as file:
        file.write("\n")
    done = company.run("run", "buys", code=1)
    assert "unexpected ValueError at" in done.stdout
    assert "anna.meier" not in done.stdout + done.stderr
    assert r"row 7: anna.meier \ud800" in company.by("ann").run("log").stdout


def test_a_model_of_its_own_keeps_its_texts_under_its_own_key(company):
    """An operator of one model alone: its source fails under a key that the operator does not hold."""
    admin, vic = company.by("admin"), company.by("vic")
    admin.run("access", "revoke", "vic", "sales")
    admin.run("access", "grant", "vic", "operator", "sales/buys")
    path = company.folder / "data/visits.csv"
    path.write_text("anna.meier,b\n1,2\n")
    done = vic.run("run", "buys", code=1)
    assert "anna.meier" not in done.stdout + done.stderr
    assert "5 declared columns are not there" in done.stdout


def test_an_error_outside_of_a_run_says_what_keeps_the_text(monkeypatch, capsys):
    from kronkers_batch.cli import handing_out, machine, main

    def broken(_args):
        raise errors.SourceError("wrong", fix="do", found="anna.meier")

    monkeypatch.setattr(machine, "doctor", broken)
    monkeypatch.setattr(handing_out, "predict", broken)
    for words, said in (
        (["doctor"], "After a run, readers see them: kronkers log MODEL\n"),
        (["predict", "m", "--input", "rows.csv"], "Look at the line in your file.\n"),
    ):
        assert main.main(words) == 1
        told = capsys.readouterr().err
        assert told.endswith(said)
        assert "anna.meier" not in told
