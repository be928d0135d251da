"""A kind of database that only tests have: SQLite under another scheme."""

from kronkers_batch.store.databases.sqlite import Sqlite


class Dummy(Sqlite):
    pass


KIND = Dummy
