"""What is no error in how a source is declared, and yet is to be known: said by ``check``."""

from __future__ import annotations

import glob
from collections.abc import Mapping

from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import SourceSpec


def remarks(sources: Mapping[str, SourceSpec]) -> list[str]:
    """One sentence each, with the place and what to do, in the order of the sources' names; opens no file."""
    found = []
    for name, source in sorted(sources.items()):
        where = f"{source.origin.file}:{source.origin.line}: source {name}"
        kind = SOURCE_KINDS[source.kind]
        found += [f"{where} {remark}" for remark in kind.remarks(source)]
        if left_out := _left_out(source):
            noun = (
                "1 file that fits `path:` is" if left_out == 1 else f"{left_out} files that fit `path:` are"
            )
            found.append(
                f"{where}: {noun} left out, since '_' or '.' begins a name in its path\n"
                "  -> Such files are taken for unfinished. To read them, begin that part of the pattern so."
            )
    return found


def _left_out(source: SourceSpec) -> int:
    if not SOURCE_KINDS[source.kind].has_files or not glob.has_magic(source.path):
        return 0
    from kronkers_batch.data.sources import files  # and with it Polars, for who declares a pattern

    return files.left_out(source)
