"""A CSV or Parquet file that ships in an installed Python package."""

from __future__ import annotations

from kronkers_batch.config.fields import Field
from kronkers_batch.config.kinds import FILLED
from kronkers_batch.config.source_kind import COLUMNS, CSV, INSIDE, Key, SourceKind

_PACKAGE = Key(
    Field("package", FILLED, default=""), "name of the installed Python distribution", required=True
)

KIND = SourceKind("package", (_PACKAGE, INSIDE, COLUMNS, CSV))
