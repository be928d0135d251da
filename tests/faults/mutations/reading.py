"""The defences between a department's files and databases and the program that reads them."""

from __future__ import annotations

from tests.faults.mutations.kind import F, _

ONLY, POSTGRES, HOSTILE = (
    f"{F}test_sources_only_read.py::",
    f"{F}test_postgres_source.py::",
    f"{F}test_hostile_files.py::",
)
LOCKS = f"{ONLY}test_each_lock_of_a_file_holds_alone"
WRITTEN = f"{POSTGRES}test_nothing_is_written_and_no_file_of_the_server_is_reached"

DATABASES = [
    _("a SQLite file is opened for writing", "data/sources/sqlite.py",
      "as_uri()}?mode=ro", "as_uri()}?mode=rw", LOCKS),
    _("a query writes a SQLite file that others may write", "data/sources/sqlite.py",
      '    "query_only = ON",\n', "", LOCKS),
    _("views of a SQLite file call what they like", "data/sources/sqlite.py",
      '    "trusted_schema = OFF",  # a view of the file calls no function that could do harm\n', "", LOCKS),
    _("SQL does what it likes in a SQLite file", "data/sources/sqlite.py",
      "    connection.set_authorizer(rules)\n", "",
      LOCKS, f"{ONLY}test_nothing_is_written_and_no_other_file_is_reached"),
    _("SQL calls any function of SQLite", "data/sources/sqlite.py",
      "case sqlite3.SQLITE_FUNCTION if second is not None and second.lower() in _FUNCTIONS:",
      "case sqlite3.SQLITE_FUNCTION if second is not None:",
      f"{ONLY}test_what_is_refused_is_named"),
    _("a SQLite file is another than the one that was judged", "data/sources/sqlite.py",
      "                if not _has_opened(file):", "                if False:",
      f"{ONLY}test_a_file_that_is_exchanged_while_it_is_opened_is_refused"),
    _("the URL of a SQLite file has options", "data/sources/sqlite.py",
      "    if url.query:\n", "    if False:\n",
      f"{ONLY}test_a_missing_file_is_not_made_and_a_strange_url_is_refused"),
    _("a warehouse is a source", "data/sources/session.py",
      "    if {name.lower() for name in tables} >= _WAREHOUSE:", "    if False:",
      f"{ONLY}test_a_warehouse_is_never_a_source", f"{POSTGRES}test_a_warehouse_is_never_a_source"),
    _("any database is a source", "config/source_file.py",
      '    if url.reveal().partition("://")[0] not in known:', "    if False:",
      f"{ONLY}test_a_database_that_cannot_be_read_only_is_a_configuration_error"),
    _("a transaction of a source writes", "data/sources/postgres.py",
      "            connection.read_only = True", "            connection.read_only = False", WRITTEN),
    _("a source runs several statements", "data/sources/postgres.py",
      "values, binary=True)", "values or None, binary=False)", WRITTEN),
    _("a source is read as an administrator", "data/sources/postgres.py",
      "    if said:\n", "    if False:\n",
      f"{POSTGRES}test_what_a_transaction_cannot_stop_is_an_account_that_is_refused"),
    _("an account may call what reaches out of the database", "data/sources/postgres.py",
      "    EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE", "    EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE false AND",
      f"{POSTGRES}test_what_a_transaction_cannot_stop_is_an_account_that_is_refused"),
    _("the URL of a server has any options", "data/sources/postgres.py",
      "    if unknown:\n", "    if False:\n",
      f"{POSTGRES}test_a_url_sets_nothing_that_the_source_sets"),
    _("the environment sets what a source sets", "data/sources/postgres.py",
      '        "options": "",  # nor those of the environment\n', "",
      f"{POSTGRES}test_a_url_sets_nothing_that_the_source_sets"),
    _("a value of a database is endless", "data/sources/database.py",
      "        if int(sizes.max() or 0) > VALUE:", "        if False:",
      f"{POSTGRES}test_a_long_value_is_refused_before_it_is_sent",
      f"{ONLY}test_a_query_of_many_values_needs_little_memory"),
]  # fmt: skip

TIME = [
    _("a stopped query does not say why", "data/timelimit.py",
      "            self._over = True\n", "            self._over = False\n",
      f"{ONLY}test_an_endless_query_is_stopped_and_the_key_is_named",
      f"{ONLY}test_an_endless_query_of_duckdb_is_stopped_and_the_key_is_named"),
    _("an error amid a result shows data", "data/duck.py",
      "    except OSError as error:\n        kind =", "    except ZeroDivisionError as error:\n        kind =",
      f"{ONLY}test_an_error_amid_a_streamed_result_is_told_without_its_value"),
]  # fmt: skip

FILES = [
    _("a page is a bomb", "data/sources/pages.py",
      "not 0 <= size <= PAGE or stored < 0", "size < 0 or stored < 0",
      f"{HOSTILE}test_a_page_that_asks_for_too_much_memory"),
    _("a footer leaves out rows", "data/sources/pages.py",
      "    if values != chunk.values or position != end:", "    if values < chunk.values:",
      f"{HOSTILE}test_a_footer_that_lies_about_where_things_are"),
    _("a text that is written once is made many times", "data/sources/parquet.py",
      "                repeating += [name] if found.dictionary else []\n", "",
      f"{HOSTILE}test_a_text_that_is_written_once_for_many_rows_takes_no_more_memory"),
    _("a text that begins as another is made many times", "data/sources/parquet.py",
      "max(longest.get(name, 0), found.delta)", "longest.get(name, 0)",
      f"{HOSTILE}test_texts_that_begin_as_the_one_before_take_no_more_memory"),
    _("rows of any size are held", "data/sources/rows.py",
      "        if size > _CHUNK:", "        if False:",
      f"{HOSTILE}test_rows_that_are_too_large_for_a_chunk_are_an_error"),
    _("a time is beyond what can be told", "data/sources/casting.py",
      "    if column.type in _SPANS:", "    if False:",
      f"{HOSTILE}test_times_beyond_the_years_of_python_are_an_error"),
    _("a column is there twice in a Parquet file", "data/sources/parquet.py",
      "    if twice:\n", "    if False:\n", f"{HOSTILE}test_strange_columns_end_in_words"),
    _("the contents of an archive are not compared", "data/sources/packed.py",
      "        if self._said not in (None, (self._given, self._checksum)):", "        if False:",
      f"{HOSTILE}test_an_archive_never_gives_fewer_rows[8]", f"{HOSTILE}test_an_archive_never_gives_fewer_rows[0]"),
    _("a packed file ends early", "data/sources/packed.py",
      "        if self._taken < self._size or (self._decoder is not None and not self._decoder.eof):", "        if False:",
      f"{HOSTILE}test_a_gz_never_gives_fewer_rows"),
    _("a packed file is a bomb", "data/sources/packed.py",
      "    if given > max(FREE, GROWTH * packed):", "    if False:",
      f"{HOSTILE}test_a_bomb_is_given_up"),
    _("an archive holds any number of files", "data/sources/packed.py",
      "    if len(found) != 1 or len(entries) > _ENTRIES:", "    if not found:",
      f"{HOSTILE}test_what_an_archive_may_not_be"),
]  # fmt: skip

MUTATIONS = [*DATABASES, *TIME, *FILES]
