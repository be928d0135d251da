"""The defences between a department's files and databases and the program that reads them."""

from __future__ import annotations

from tests.faults.mutations.changes import drop, never, returns, reword, sets, swap, without
from tests.faults.mutations.kind import F, _

ONLY, POSTGRES, HOSTILE = (
    f"{F}test_sources_only_read.py::",
    f"{F}test_postgres_source.py::",
    f"{F}test_hostile_files.py::",
)
CLOCK = "tests/unit/data/test_sources.py::test_a_query_asks_neither_the_clock_nor_chance"
UNFIT = "tests/unit/data/test_casting.py::test_values_that_do_not_fit_are_an_error_without_them"
CASTING = f"{UNFIT}[values6-float-2 of 4]"
NAN = "tests/unit/data/test_checks.py::test_what_is_compared_with_nan_has_failed"
SOURCES = "tests/unit/data/test_sources.py::"
LOCKS = f"{ONLY}test_each_lock_of_a_file_holds_alone"
WRITTEN = f"{POSTGRES}test_nothing_is_written_and_no_file_of_the_server_is_reached"

DATABASES = [
    _("a SQLite file is opened for writing", "data.sources.sqlite_file:opened",
      reword("mode=ro", "mode=rw"), LOCKS),
    _("a query writes a SQLite file that others may write", "data.sources.sqlite_file:_PRAGMAS",
      without("'query_only = ON'"), LOCKS),
    _("a misspelt name of a column is a text", "data.sources.sqlitenames:named",
      returns("sql"), f"{SOURCES}test_a_misspelt_name_in_double_quotes_is_no_text_in_sqlite"),
    _("NaN is above every bound of an expression", "data.expression_compiler:_known",
      swap("value.fill_nan(None)", "value"), NAN),
    _("nothing divided by nothing is above every bound", "data.expression_compiler:_may_be_nan",
      without("numbers"), NAN),
    _("NaN is a level of none", "data.expression_compiler:_compile",
      swap("_known(operand, schema)", "_compile(operand, schema)"), NAN),
    _("a number beyond a float is infinite", "frames.parsing:_float",
      swap("result.is_finite() | ~text.str.contains(...)", "pl.Series([True])"), CASTING),
    _("a database's sum is another one as a float", "data.sources.objects:_float",
      never("value.is_finite() and not has_fraction and abs(value) > EXACT"),
      "tests/unit/data/test_casting.py::test_a_whole_decimal_of_a_database_is_no_other_float"),
    _("a profile of numbers near a float's end ends the run", "data.profiling:Profiler._column",
      swap("std if math.isfinite(std) else None", "std"),
      "tests/unit/data/test_profile.py::test_what_is_too_large_for_a_mean_has_none"),
    _("a profile has percentiles that are none", "data.profiling:Profiler._column",
      swap("sampled if all(map(math.isfinite, sampled)) else ()", "sampled"),
      "tests/unit/data/test_profile.py::test_what_is_too_large_for_a_mean_has_none[1.7976931348623157e+308-3]"),
    _("a query asks what day it is", "data.sources.duckdb_query:_statement",
      never("asked_of := select.changing(tree)"), CLOCK),
    _("a query asks what day it is in a word of SQL", "data.select:changing",
      never("node.get('type') == 'COLUMN_REF' and len(...) == 1"), CLOCK),
    _("a query asks how long ago something was", "data.select:changing",
      never("name == 'age' and len(...) == 1"), CLOCK),
    _("a query asks for any rows", "data.select:changing",
      never("(sample := ...) and not sample['repeatable']"), CLOCK),
    _("the end of time is no time in SQLite", "data.sources.sqlite_file:SQLite.timestamp",
      swap("min(timestamp.replace(tzinfo=None), _LAST)", "time.replace(tzinfo=None)"),
      f"{SOURCES}test_the_open_ends_of_a_window_are_timestamps_to_the_functions_of_sqlite"),
    _("views of a SQLite file call what they like", "data.sources.sqlite_file:_PRAGMAS",
      without("'trusted_schema = OFF'"), LOCKS),
    _("SQL does what it likes in a SQLite file", "data.sources.sqlite_file:_lock",
      drop("connection.set_authorizer(rules)"), LOCKS,
      f"{ONLY}test_nothing_is_written_and_no_other_file_is_reached"),
    _("SQL calls any function of SQLite", "data.sources.sqlite_file:_Rules.__call__",
      without("second.lower() in _FUNCTIONS"), f"{ONLY}test_what_is_refused_is_named"),
    _("a SQLite file is another than the one that was judged", "data.sources.sqlite_file:opened",
      never("not _has_opened(file)"), f"{ONLY}test_a_file_that_is_exchanged_while_it_is_opened_is_refused"),
    _("the URL of a SQLite file has options", "data.sources.sqlite_file:path",
      never("url.query"), f"{ONLY}test_a_missing_file_is_not_made_and_a_strange_url_is_refused"),
    _("a warehouse is a source", "data.sources.session:refuse_warehouse",
      never("{name.lower() for name in tables} >= _WAREHOUSE"), f"{ONLY}test_a_warehouse_is_never_a_source",
      f"{POSTGRES}test_a_warehouse_is_never_a_source"),
    _("any database is a source", "config.source_kinds.database:_Database.check",
      never("isinstance(url, Secret) and ..."),
      f"{ONLY}test_a_database_that_cannot_be_read_only_is_a_configuration_error"),
    _("a transaction of a source writes", "data.sources.postgres:opened",
      sets("connection.read_only", "False"), WRITTEN),
    _("a source runs several statements", "data.sources.postgres:Postgres.columns",
      swap("cursor.execute(...)", "cursor.execute(_sent(probe), values or None, binary=False)"), WRITTEN),
    _("a source is read as an administrator", "data.sources.postgres:_refuse_rights",
      never("said"), f"{POSTGRES}test_what_a_transaction_cannot_stop_is_an_account_that_is_refused"),
    _("an account may call what reaches out of the database", "data.sources.postgres:_RIGHTS",
      reword("p WHERE p.proname = ANY ($2)", "p WHERE false AND p.proname = ANY ($2)"),
      f"{POSTGRES}test_what_a_transaction_cannot_stop_is_an_account_that_is_refused"),
    _("the URL of a server has any options", "data.sources.postgres:_parameters",
      never("unknown"), f"{POSTGRES}test_a_url_sets_nothing_that_the_source_sets"),
    _("the environment sets what a source sets", "data.sources.postgres:_parameters",
      without("'options'"), f"{POSTGRES}test_a_url_sets_nothing_that_the_source_sets"),
    _("a value of a database is endless", "data.sources.objects:_short",
      never("int(sizes.max() or 0) > VALUE"), f"{POSTGRES}test_a_long_value_is_refused_before_it_is_sent",
      f"{ONLY}test_a_query_of_many_values_needs_little_memory"),
]  # fmt: skip

TIME = [
    _("a stopped query does not say why", "data.timelimit:TimeLimit._watch",
      sets("self._over", "False"), f"{ONLY}test_an_endless_query_is_stopped_and_the_key_is_named",
      f"{ONLY}test_an_endless_query_of_duckdb_is_stopped_and_the_key_is_named"),
    _("an error amid a result shows data", "data.duck:streamed",
      swap("OSError", "ZeroDivisionError"),
      f"{ONLY}test_an_error_amid_a_streamed_result_is_told_without_its_value"),
]  # fmt: skip

FILES = [
    _("a page is a bomb", "data.sources.pages:walk",
      swap("not 0 <= size <= PAGE", "size < 0"), f"{HOSTILE}test_a_page_that_asks_for_too_much_memory"),
    _("a footer leaves out rows", "data.sources.pages:walk",
      swap("values != chunk.values or position != end", "values < chunk.values"),
      f"{HOSTILE}test_a_footer_that_lies_about_where_things_are"),
    _("a text that is written once is made many times", "data.sources.parquet_file:_fitting",
      never("found.dictionary"),
      f"{HOSTILE}test_a_text_that_is_written_once_for_many_rows_takes_no_more_memory"),
    _("bytes that are no text are read as one", "data.sources.parquet_file:_series",
      sets("full", "False"), f"{HOSTILE}test_text_that_is_no_utf8_is_an_error_in_each_encoding"),
    _("a text that begins as another is made many times", "data.sources.parquet_file:_fitting",
      swap("max(longest.get(name, 0), found.delta)", "longest.get(name, 0)"),
      f"{HOSTILE}test_texts_that_begin_as_the_one_before_take_no_more_memory"),
    _("all chunks are read before the first is waited for", "ahead:ahead",
      never("len(waiting) > most"),
      "tests/unit/test_ahead.py::test_so_many_are_begun_beyond_the_one_that_is_waited_for"),
    _("rows of any size are held", "data.sources.window_rows:_refuse_large",
      never("size > _CHUNK"), f"{HOSTILE}test_rows_that_are_too_large_for_a_chunk_are_an_error"),
    _("a time is beyond what can be told", "data.sources.casting:cast",
      never("column.type in SPANS"), f"{HOSTILE}test_times_beyond_the_years_of_python_are_an_error"),
    _("a column is there twice in a Parquet file", "data.sources.parquet_file:_check",
      never("twice"), f"{HOSTILE}test_strange_columns_end_in_words"),
    _("the contents of an archive are not compared", "data.sources.packed:_Inflated._end",
      never("self._said not in (None, (self._given, self._checksum))"),
      f"{HOSTILE}test_an_archive_never_gives_fewer_rows[8]",
      f"{HOSTILE}test_an_archive_never_gives_fewer_rows[0]"),
    _("a packed file ends early", "data.sources.packed:_Inflated._end",
      never("self._taken < self._size or ..."), f"{HOSTILE}test_a_gz_never_gives_fewer_rows"),
    _("a packed file is a bomb", "data.sources.packed:_grown",
      never("given > max(FREE, GROWTH * packed)"), f"{HOSTILE}test_a_bomb_is_given_up"),
    _("an archive holds any number of files", "data.sources.packed:_only",
      swap("len(found) != 1 or len(entries) > _ENTRIES", "not found"),
      f"{HOSTILE}test_what_an_archive_may_not_be"),
]  # fmt: skip

MUTATIONS = [*DATABASES, *TIME, *FILES]
