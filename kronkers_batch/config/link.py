"""References between files: departments, sources, outputs, columns; from raw files to frozen objects."""

from __future__ import annotations

from collections.abc import Mapping as MappingType
from dataclasses import fields
from pathlib import Path
from typing import Any

from kronkers_batch.config import check_specs
from kronkers_batch.config.check_kind import TIMES
from kronkers_batch.config.fields import given
from kronkers_batch.config.forecast_fields import key_columns
from kronkers_batch.config.paths import safe_path
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.raw_model import RawModel
from kronkers_batch.config.source_file import RawSource, check_columns
from kronkers_batch.config.source_kind import COLUMNS, SourceKind
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import InputRef, SourceSpec
from kronkers_batch.frames.schema import Column, ColumnType, Schema

_FIELDS = frozenset(field.name for field in fields(SourceSpec))


class Linker:
    """Follows references over all files of one conf folder.

    ``names`` has all file names of a group, also of files that could not be read, so that one broken file
    does not make every reference to it a second problem.
    """

    def __init__(
        self,
        project: Path,
        names: MappingType[str, frozenset[str]],
        sources: MappingType[str, RawSource],
        models: MappingType[str, RawModel],
        problems: Problems,
    ) -> None:
        self.project, self.names, self.problems = project, names, problems
        self.raw_sources, self.raw_models = sources, models
        self.broken: set[InputRef] = set()  # part of a cycle

        self._find_cycles()

    def sources(self) -> dict[str, SourceSpec]:
        """Every source; those with a problem are left out, and the problem reported."""
        return {n: s for n, raw in self.raw_sources.items() if (s := self._source(raw)) is not None}

    # ------------------------------------------------------------ what a reference gives

    def columns(self, ref: InputRef) -> dict[str, Column] | None:
        """The columns behind a reference; None where they are not known because of another problem."""
        if ref in self.broken:
            return None
        if ref.source:
            source = self.raw_sources.get(ref.source)
            if source is None:
                return None
            declared = source.values["columns"]
            if declared is None and source.output:
                return self.columns(InputRef(output=source.output))
            return declared
        model = self.raw_models.get(ref.output)
        if model is None or model.values["source"] is None:
            return None
        below = self.columns(model.values["source"])
        if below is None:
            return None
        keys = key_columns(self.key(model), below, model.goal.panel)
        found = {column.name: column for column in keys}
        scores = model.values["output"]["columns"]
        return found | {name: Column(name, ColumnType(kind)) for name, kind in scores.items()}

    def key(self, model: RawModel) -> tuple[str, ...]:
        """The model's key, which is its source's where it says none."""
        own = panel.key if (panel := model.goal.panel) else model.values["key"]
        return own if own is not None else self.ref_key(model.values["source"])

    def ref_key(self, ref: InputRef | None) -> tuple[str, ...]:
        """The key of a source or of an output."""
        if ref is None or ref in self.broken:
            return ()
        if ref.source:
            source = self.raw_sources.get(ref.source)
            if source is None:
                return ()
            key = source.values["key"]
            return key or (self.ref_key(InputRef(output=source.output)) if source.output else ())
        return self.key(self.raw_models[ref.output]) if ref.output in self.raw_models else ()

    def time_column(self, ref: InputRef) -> str:
        """The column that windows select on, or an empty text."""
        if ref.source and ref.source in self.raw_sources:
            return self.raw_sources[ref.source].values["time_column"]
        return ""

    def reads_output(self, ref: InputRef) -> bool:
        """Whether a source is a model's output, or reads one through its query."""
        waiting, seen = [ref], set[InputRef]()
        while waiting:
            now = waiting.pop()
            if now.output:
                return True
            if now not in seen and now.source in self.raw_sources:
                waiting += [inner for inner, _ in _refs(self.raw_sources[now.source])]
            seen.add(now)
        return False

    def department(self, name: str | None, raw: RawSource | RawModel, key: str = "department") -> None:
        """Reports a department that there is not."""
        if name is not None and name not in self.names["department"]:
            fix = suggest(name, self.names["department"])
            self.problems.add(raw.at(key).origin(key), f"there is no department '{name}'", fix)

    def reference(self, ref: InputRef, raw: RawSource | RawModel, key: str) -> bool:
        """Whether there is such a source or model, and the department may read it; reports it if not."""
        group, name = ("source", ref.source) if ref.source else ("model", ref.output)
        where = raw.at(key.split(".")[0]).origin(key)
        if name not in self.names[group]:
            self.problems.add(where, f"there is no {group} '{name}'", suggest(name, self.names[group]))
            return False
        other = (self.raw_sources if ref.source else self.raw_models).get(name)
        mine = raw.values["department"]
        if other is None or mine is None or other.values["department"] in (None, mine):
            return True
        owner = other.values["department"]
        if not {mine, owner} <= self.names["department"]:
            return True  # reported where the department is named
        if isinstance(other, RawSource) and mine in other.values["shared_with"]:
            return True
        fix = f"ask {owner} to add {mine} to shared_with in conf/source/{name}.yaml"
        if ref.output:
            fix = (
                f"ask {owner} to declare a source with kind: output, output: {name} and shared_with: [{mine}]"
            )
        self.problems.add(
            where, f"the {group} '{name}' belongs to {owner}, which does not share it with {mine}", fix
        )
        return False

    # ------------------------------------------------------------ sources

    def _source(self, raw: RawSource) -> SourceSpec | None:
        before = len(self.problems)
        values = raw.values
        self.department(values["department"], raw)
        for name in values["shared_with"]:
            self.department(name, raw, "shared_with")
        for ref, key in _refs(raw):
            self.reference(ref, raw, key)
        columns = self.columns(InputRef(source=raw.name))
        if columns is None:
            return None
        check_columns(values["key"], columns, raw.at("key"), "key", self.problems)
        self._time_column(raw, columns)
        self._output_columns(raw, columns)
        types = {name: c.type for name, c in columns.items()}
        resolved = check_specs.resolve(values["checks"], types, self.problems)
        if len(self.problems) > before or values["department"] is None or values["kind"] is None:
            return None
        return SourceSpec(
            name=raw.name,
            department=values["department"],
            description=values["description"],
            kind=values["kind"],
            schema=Schema(tuple(columns.values())),
            key=self.ref_key(InputRef(source=raw.name)),
            time_column=values["time_column"],
            checks=resolved,
            shared_with=values["shared_with"],
            origin=raw.tree.origin(""),
            origins={key: raw.at(key).origin(key) for key in ("key", *raw.tree.items)},
            **self._special(SOURCE_KINDS[values["kind"]], values),
        )

    def _special(self, kind: SourceKind, values: MappingType[str, object]) -> dict[str, Any]:
        """What the keys of a kind say, as fields of SourceSpec."""
        said = {key.name: values[key.name] for key in kind.keys if key.name != COLUMNS.name}
        found = {name: value for name, value in said.items() if name in _FIELDS and value is not None}
        if kind.has_files and found["path"]:
            found["path"] = str(safe_path(given(found, "path", str), self.project))
        return found | {"options": {name: value for name, value in said.items() if name not in _FIELDS}}

    def _time_column(self, raw: RawSource, columns: MappingType[str, Column]) -> None:
        name = raw.values["time_column"]
        where = raw.at("time_column").origin("time_column")
        if name and name not in columns:
            self.problems.add(where, f"there is no column '{name}' in the source", suggest(name, columns))
        elif name and columns[name].type not in TIMES:
            what = f"the time column '{name}' has the type {columns[name].type}"
            self.problems.add(where, what, f"allowed types: {', '.join(TIMES)}")

    def _output_columns(self, raw: RawSource, columns: MappingType[str, Column]) -> None:
        if not raw.output or raw.values["columns"] is None:
            return
        there = self.columns(InputRef(output=raw.output))
        for name in columns if there is not None else ():
            if there is not None and name not in there:
                what = f"the output of '{raw.output}' has no column '{name}'"
                self.problems.add(raw.at("columns").origin(f"columns.{name}"), what, suggest(name, there))

    # ------------------------------------------------------------ cycles

    def _find_cycles(self) -> None:
        edges: dict[InputRef, list[tuple[InputRef, str]]] = {}
        for source in self.raw_sources.values():
            edges[InputRef(source=source.name)] = _refs(source)
        for model in self.raw_models.values():
            ref = model.values["source"]
            edges[InputRef(output=model.name)] = [(ref, "source")] if ref is not None else []
        done: set[InputRef] = set()
        for start in edges:
            self._visit(start, edges, [], done)

    def _visit(
        self,
        at: InputRef,
        edges: MappingType[InputRef, list[tuple[InputRef, str]]],
        path: list[InputRef],
        done: set[InputRef],
    ) -> None:
        if at in done:
            return
        path.append(at)
        for ref, key in edges.get(at, []):
            if ref in path:
                cycle = path[path.index(ref) :]
                self.broken.update(cycle)
                chain = " > ".join(r.source or r.output for r in (*cycle, ref))
                raw = self.raw_sources[at.source] if at.source else self.raw_models[at.output]
                what = f"these sources and outputs read each other: {chain}"
                self.problems.add(
                    raw.at(key.split(".")[0]).origin(key), what, "remove one of these references"
                )
            else:
                self._visit(ref, edges, path, done)
        path.pop()
        done.add(at)


def _refs(raw: RawSource) -> list[tuple[InputRef, str]]:
    found = [(ref, f"inputs.{name}") for name, ref in (raw.values["inputs"] or {}).items()]
    if raw.output:
        found.append((InputRef(output=raw.output), "output"))
    return found
