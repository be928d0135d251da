"""The reference of what lies in the database in clear and what is sealed, made from the tables themselves.

``python -m kronkers_batch.store.columns`` writes ``docs/reference/columns.md``.
"""

from __future__ import annotations

from pathlib import Path

from kronkers_batch.store.tables import metadata

_HEAD = """# What the database shows

*Made from the program: `python -m kronkers_batch.store.columns`.* The page lists every column of the
database. *Clear* columns can be read without a key; the page says why this is harmless. *Sealed* columns
are encrypted; the page names the key. [Formats](formats.md#which-role-holds-which-key) shows which role
holds which key.
"""


def reference() -> str:
    """The page's Markdown."""
    parts = [_HEAD]
    for table in sorted(metadata.tables.values(), key=lambda t: t.name):
        parts.append(f"\n## {table.name}\n\n| column | |\n|---|---|\n")
        for column in table.columns:
            kind = "clear" if "clear" in column.info else "sealed"
            said = (
                f"clear: {column.info.get('clear')}"
                if kind == "clear"
                else (f"**sealed** under {column.info.get('sealed')}")
            )
            parts.append(f"| {column.name} | {said} |\n")
    return "".join(parts)


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "reference" / "columns.md"
    page.write_text(reference(), encoding="utf-8")
