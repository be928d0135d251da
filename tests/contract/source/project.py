"""A project with one source ``things`` of some kind, as a maker of ``makers/`` declares and writes it."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from kronkers_batch.config.load import load
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import sources
from kronkers_batch.data.source_identity import stated
from kronkers_batch.data.window import Window
from tests.config_project import FILES
from tests.contract.source import makers
from tests.data_support import ALL

COLUMNS = {"id": "integer", "at": "timestamp", "x": "float", "name": "string", "ok": "boolean"}
TYPES = {
    "id": pl.Int64(),
    "at": pl.Datetime("us", "UTC"),
    "x": pl.Float64(),
    "name": pl.String(),
    "ok": pl.Boolean(),
}
DECLARED = ", ".join(f"{name}: {kind}" for name, kind in COLUMNS.items())
ROOT = ("config", "warehouse/sqlite", "executor/local", "alerts/none", "department/operations")
MORE = ("department/planning", "template/regressor")

Row = tuple[int, str, float | None, str | None, bool | None]
ROWS: list[Row] = [
    (0, "2013-05-31T23:59:59Z", 0.5, "a", True),
    (1, "2013-06-01T00:00:00Z", None, "b\x1b[31m \u202e", False),
    (2, "2013-06-01T23:59:59.999999Z", 2.5, None, None),
    (3, "2013-06-02T00:00:00Z", -3.0, "d", True),
]


def makers_of() -> dict[str, ModuleType]:
    """The makers by the name of their module."""
    found = (one.name for one in pkgutil.iter_modules(makers.__path__))
    return {name: importlib.import_module(f"{makers.__name__}.{name}") for name in found}


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows as a maker writes them: in other order, and with a column that nobody declares."""
    typed = [(n, dt.datetime.fromisoformat(at), *rest) for n, at, *rest in rows]
    made = pl.DataFrame(typed, schema=TYPES, orient="row").with_columns(more=pl.lit("more"))
    return made.select("more", *reversed(list(COLUMNS)))


def spoiled(value: str) -> pl.DataFrame:
    """Three rows, of which the second has a text where a number is declared."""
    rows = frame([(n, at, x, "a", ok) for n, at, x, _, ok in ROWS[:3]])
    return rows.with_columns(x=pl.Series(["1.0", value, "3.0"]))


class Project:
    """Its folder, its configuration and its one source."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind = folder, kind
        self.maker = makers_of()[kind]
        self.keys = folder.parent / "keys"
        self.keys.mkdir(mode=stat.S_IRWXU)
        (self.keys / "me.key").write_text("{}")
        self.path = folder / getattr(self.maker, "PATH", "")
        (folder / "data").mkdir(parents=True)
        for name in ROOT + MORE:
            self.put(f"{name}.yaml", FILES[f"{name}.yaml"])
        for name, text in getattr(self.maker, "BESIDE", {}).items():
            self.put(name, text.format(columns=DECLARED, folder=folder))
        self.declare()

    def put(self, name: str, text: str) -> None:
        """Writes a file of conf."""
        path = self.folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def declare(
        self,
        *,
        path: object = None,
        key: str = "[id]",
        ids: str = "integer",
        more: str = "",
        without: str = "",
        name: str = "things",
    ) -> None:
        """Writes the source's file: its kind's own keys, then those of every source."""
        own = self.maker.DECLARED.format(path=path or self.path)
        lines = ["department: operations", f"kind: {self.kind}", *own.splitlines()]
        lines += [
            f"columns: {{{DECLARED.replace('integer', ids)}}}",
            f"key: {key}",
            "time_column: at",
            *more.splitlines(),
        ]
        kept = [line for line in lines if not without or not line.startswith(f"{without}:")]
        self.put(f"source/{name}.yaml", "\n".join(kept) + "\n")

    def line(self, key: str) -> int:
        """The line of a key in the source's file."""
        text = (self.folder / "conf/source/things.yaml").read_text()
        return next(n for n, line in enumerate(text.splitlines(), 1) if line.startswith(f"{key}:"))

    def write(self, rows: Sequence[Row] = tuple(ROWS)) -> None:
        """Puts rows where the source finds them."""
        self.maker.write(self.folder, frame(rows))

    @property
    def environ(self) -> dict[str, str]:
        """The environment of whoever runs it."""
        return {"KRONKERS_KEY_FILE": str(self.keys / "me.key"), "HOME": str(self.folder.parent / "nobody")}

    def config(self) -> Config:
        """The configuration, loaded anew. Raises ConfigErrors."""
        return load(self.folder / "conf", (), self.environ)

    def spec(self) -> SourceSpec:
        """The source as it is declared."""
        return self.config().sources["things"]

    def frames(
        self,
        window: Window = ALL,
        *,
        config: Config | None = None,
        places: Places | None = None,
        chunk_rows: int = 1000,
    ) -> Iterator[pl.DataFrame]:
        """What is read of it."""
        config = config or self.config()
        return sources.read(
            config.sources["things"],
            window,
            self.maker.outputs(self.folder) if hasattr(self.maker, "outputs") else None,
            sources=config.sources,
            places=places or Places.of(config, self.environ),
            chunk_rows=chunk_rows,
        )

    def rows(self, window: Window = ALL, **more: Any) -> list[tuple[Any, ...]]:
        """The rows, unchecked."""
        return [row for one in self.frames(window, **more) for row in one.rows()]

    def identity(self, window: Window = ALL) -> str:
        """What tells cheaply whether the rows changed."""
        config = self.config()
        given: Mapping[str, Any] = {"sources": config.sources, "places": Places.of(config, self.environ)}
        heads = getattr(self.maker, "heads", lambda _folder: [])
        return stated(config.sources["things"], window, **given).digest(lambda _hole: heads(self.folder))


KINDS = list(SOURCE_KINDS)
OF_FILES = [name for name, kind in SOURCE_KINDS.items() if kind.has_files]
WITH_PLACE = [name for name, kind in SOURCE_KINDS.items() if kind.place_key]
