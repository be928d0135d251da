"""Files with a JSON object in each line."""

from __future__ import annotations

from kronkers_batch.config.fields import Field
from kronkers_batch.config.kinds import integer
from kronkers_batch.config.source_kind import COLUMNS, FILES, Key, SourceKind

_SKIP = Key(Field("skip", integer(0), default=0, shown="0"), "how many lines stand before the first object")

KIND = SourceKind("lines", (FILES, COLUMNS, _SKIP))
