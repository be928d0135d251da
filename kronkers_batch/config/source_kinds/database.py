"""A table or query of a database; ``DATABASES`` are those that can be opened for reading only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kronkers_batch.config import source_fields as fields
from kronkers_batch.config.fields import Counts, Field
from kronkers_batch.config.kinds import FILLED
from kronkers_batch.config.nodes import Mapping as Tree
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.secret import Secret
from kronkers_batch.config.source_kind import COLUMNS, TIME_LIMIT, URL, Key, SourceKind
from kronkers_batch.config.spec import DATABASES, SourceSpec

_QUERY = Key(fields.QUERY, "SELECT or table", required=True)
_WATERMARK = Key(
    Field("watermark", FILLED, default="", counts=Counts.NEVER),
    "a cheap query whose one value changes when the data does",
)
_UNASKED = (
    "has no `watermark:`, so the program cannot see whether the rows changed: it reads each window once, "
    "and misses rows that are corrected or added later\n"
    "  -> Declare a cheap query whose value changes with the rows, such as the newest `updated_at`."
)


class _Database(SourceKind):
    def check(self, values: Mapping[str, object], tree: Tree, problems: Problems) -> None:
        """Adds a kind of database that cannot be opened for reading only; the URL may be a secret."""
        known = [name for names in DATABASES.values() for name in names]
        url = values["url"]
        if isinstance(url, Secret) and url.reveal().partition("://")[0] not in known:
            what = "the URL is of a kind of database that cannot be opened for reading only"
            problems.add(
                tree.items["url"].origin("url"), what, f"a URL begins with one of: {', '.join(known)}"
            )

    def remarks(self, source: SourceSpec) -> Iterator[str]:
        """A database that nobody asks whether its rows changed."""
        if not source.watermark:
            yield _UNASKED


KIND = _Database("database", (URL, _QUERY, COLUMNS, _WATERMARK, TIME_LIMIT))
