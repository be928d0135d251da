"""The committed description of the schema is what the migrations make."""

from kronkers_batch.store import exact, migrate


def test_the_committed_description_is_what_the_migrations_make():
    kind, made = migrate.made_by_migrations("")
    assert kind == "sqlite"
    assert set(made) == set(migrate.REVISIONS)
    committed = (exact._FOLDER / "sqlite.json").read_text(encoding="utf-8")
    assert exact.page(made) == committed, "write it anew: python -m kronkers_batch.store.exact"


def test_a_difference_names_what_somebody_made_before_what_sqlite_made_of_it():
    assert exact.compare({"table a": "1"}, {"table a": "1"}) == ""
    assert exact.compare({"table a": "2"}, {"table a": "1"}) == "table a is another one"
    assert exact.compare({}, {"index sqlite_autoindex_a_1": "", "table a": "1"}) == "table a is missing"
    assert exact.compare({"index sqlite_autoindex_b_1": "", "view c": ""}, {}) == "there is also view c"
