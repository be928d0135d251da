"""Files with a JSON object in each line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from kronkers_batch.config.opening import Opened
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.files import FileReader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.window_rows import typed
from kronkers_batch.data.window import Window


class _Lines(FileReader):
    def typed(
        self, file: Opened, source: SourceSpec, window: Window, rows: int, place: Place
    ) -> Iterator[pl.DataFrame]:
        skip = source.options["skip"]
        lines = Path(file.reading).read_text(encoding="utf-8").splitlines()[skip:]
        found = [json.loads(line) for line in lines]
        if found:
            casting.missing_columns(source.schema, found[0], place)
        for start in range(0, len(found), rows):
            part = found[start : start + rows]
            raw = pl.DataFrame(
                {c.name: [_text(one[c.name]) for one in part] for c in source.schema},
                schema={c.name: pl.String() for c in source.schema},
            )
            at = place.at_rows(lambda number, first=start: f"line {skip + first + number + 1}")
            yield typed(raw, source, window, at)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


READER = _Lines()
