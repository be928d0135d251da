"""Which texts the errors of the rooms that touch data put into their words, from the program's own source.

Of every error that is made there (and of every place that an error names, and of the helpers that make words
for errors) the parts that are not written out are gathered: what an f-string interpolates, what is joined,
what a name was assigned. Each must be a count, a constant, or stand in the lists here, which say why it holds
nothing that was found in data. A new one turns ``test_found_text.py`` red until somebody thought about it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from kronkers_batch import errors

PROGRAM = Path(__file__).parents[2] / "kronkers_batch"
ROOMS = (
    "data",
    "frames",
    "warehouse",
    "diagnostics/advice.py",
    "drafting",
    "pipeline/champion.py",
    "pipeline/features.py",
    "pipeline/forecasting.py",
    "pipeline/golden.py",
    "pipeline/independence.py",
    "pipeline/measuring.py",
    "pipeline/origins.py",
    "declared/artifact_file.py",
    "pipeline/own_measures.py",
    "declared/kept.py",
    "declared/measure_code.py",
    "declared/model_files.py",
    "pipeline/given_rows.py",
    "pipeline/importing.py",
    "pipeline/placing.py",
    "pipeline/parcel.py",
    "pipeline/prepare.py",
    "pipeline/row_file.py",
    "pipeline/scored_rows.py",
    "declared/sources.py",
    "pipeline/score.py",
    "pipeline/steps.py",
    "pipeline/targets.py",
    "pipeline/whole_groups.py",
    "pipeline/verify.py",
)

ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.KronkersError)
} | {"WireError", "Mismatch", "PackedError"}

MAKERS = {"error": 2, "at": 1, "moved": 1}
"""Methods that make an error or name a place, and how many of their first arguments are words."""

SAYERS = {
    "_counted", "_first", "_called", "_fix", "_said", "_why_missing", "called", "near", "said", "scrubbed",
    "shown", "type_name", "where", "words_of",
}  # fmt: skip
"""Functions whose results are words of errors: what they return is looked at as well."""

COUNTS = {"int", "len", "sum", "null_count"}

HELPERS = {"_damaged", "_refuse", "_refused", "_unfit"}
"""Functions that are handed words for the error that they make."""

DECLARED = {
    # A column, check, source, model or place as it is declared.
    "column.name", "column.type", "check.name", "feature.name", "model.name", "model.target",
    "expected.names", "source.name", "source.package", "source.path", "source.output", "snapshot.source",
    "r.origin", "result.name", "result.kind", "str(check.origin)", "str(self.checks[0].origin)",
    "str(feature.origin)", "str(model.origin)", "model.origin",
    "str(model.origins.get('resources.training_rows', model.origin))", "model.resources.training_rows",
    "str(self.model.origins.get('rows', self.model.origin))", "str(model.model.origin)", "model.model.origin",
    "data.fit.height", "model.goal.exposure", "model.goal.top", "sizes.height",
    "str(model.origins.get('group', model.origin))",
    "str(model.origins.get('target.horizons', model.origin))",
    "str(model.origins.get('target.event', model.origin))",
    "str(model.origins.get('decision.top', model.origin))", "model.goal.weights", "model.windows.holdout_by",
    "str(model.origins.get('window.holdout_by', model.origin))", "feature.reference",
    "str(model.origins.get('exposure', model.origin))", "str(model.origins.get('weights', model.origin))",
    "str(Place.of(source))", "Place.of(self.query)", "str(place)", "str(self)", "error.where",
    "self._where", "opened.version.schema.names", "url.get_backend_name()", "url.host", "url.database",
    "Path(source.path)", "sorted(models)",
    "FORMS[column.type]", "place.row(int(bad.arg_max() or 0))", "found.number", "model", "date",
    "sorted({n for n in source.schema.names if names.count(n) > 1})",
    "sorted({name for name in source.schema.names if names.count(name) > 1})",
    "sorted({n for n in source.schema.names if relation.columns.count(n) > 1})",
    "self._asked(csvlines.blank)", "problem.line", "aside",  # numbers of lines and of files
    "problem.what", "otherwise", "packed.known(start)",  # our own words about a file
    "fine.name",  # a declared column
    "error.why",  # of a refused path: the kind of place, and what is declared
    "error.what",  # of a packed file: the words of PackedError, which are looked at too
    # Our own: numbers of versions, dates of windows, limits, names of types.
    "absent[0]", "missing[0]", "version.ref", "version.model", "before.version.ref", "after.version.ref",
    "opened.version.ref", "self.ref", "self._ref", "version_id", "snapshot_id", "snapshot.window",
    "snapshot.rows", "entry.number", "group.layout.first", "line.place.model", "line.place.date",
    "place.name", "expected.rows", "seen.limit", "result.total", "result.failed",
    "_EXAMPLES.get(column.type, 'text')", "os.strerror(error.errno or 0)",
}  # fmt: skip
"""Expressions that hold nothing of a file or a database, wherever they stand."""

_THERE = {
    # Handed on: whoever calls is looked at too.
    "pipeline/champion.py:_another": "what",
    "pipeline/independence.py:_compare": "when",
    "pipeline/independence.py:_try": "how error.fix",
    "pipeline/targets.py:check_target": "refusal.what refusal.fix rows where",
    "pipeline/own_measures.py:_unfit": "what fix self.measure.name",
    # Columns and classes as they are declared.
    "pipeline/score.py:_refuse_absent": "name",
    "pipeline/row_file.py:_refuse_absent": "name str(path)",
    "pipeline/targets.py:_refuse_unseen_classes": "absent[:_MOST_NAMED] where",
    "pipeline/targets.py:_refuse_all_chosen": "max(sizes)",
    "pipeline/prepare.py:_refuse_nothing": "part",
    "pipeline/targets.py:check_event": "event part.height name last",
    "pipeline/whole_groups.py:on_one_side": "group where",
    "pipeline/whole_groups.py:refuse_without_order": "name",
    "pipeline/forecasting.py:_measured": "target",
    "pipeline/forecasting.py:scored": "name",
    "pipeline/origins.py:_ahead": "name panel.future found.height",
    "pipeline/score.py:_refuse_other_rows": "model.task task",
    "pipeline/steps.py:_refuse_changing": "name values.height",
    "pipeline/steps.py:_refuse_off_grid": "panel.time",
    "pipeline/steps.py:_refuse_twice": "panel.time rows.height",
    "pipeline/steps.py:_refuse_unknown": "panel.target rows.height refusal.what refusal.fix",
    "pipeline/steps.py:_refuse_without": "name rows.height",
    "pipeline/steps.py:_refuse_gaps": "lacking.height",
    # Words of ours alone, and counts.
    "pipeline/forecasting.py:_refuse_company": "when",
    "pipeline/forecasting.py:_refuse_below": (
        "model.task.wrong_score.what model.task.wrong_score.fix scores.height"
    ),
    # Files of the model's own folder, which its department named.
    "declared/kept.py:_bytes": "str(path) error.strerror",
    "declared/kept.py:_refused": "str(path) refused.why",
    # Of a model that was fitted elsewhere: its declared files and keys, and words of ours about them.
    "declared/artifact_file.py:_opened": "path key error.strerror refused.why",
    "declared/artifact_file.py:_refuse_size": "where",
    "declared/artifact_file.py:require": "key",
    "pipeline/given_rows.py:_names": "at refused.why",
    "pipeline/given_rows.py:_outputs": "at absent[:5]",
    "pipeline/given_rows.py:read": "imported.golden",
    "pipeline/importing.py:_load": "error.fix model.language.stores model.language.title",
    "pipeline/importing.py:_proven": "error.fix rows.height",
    "pipeline/placing.py:_declared": "what fix golden.suffix wanted.suffix model.origin.file",
    "pipeline/placing.py:_write": "error.strerror str(to)",
    "declared/kept.py:code_text": "str(path) error.strerror",
    "declared/kept.py:kept_code": "code.origin code.path.parent",
    "declared/model_files.py:_beside": "str(error.filename) error.strerror",
    "declared/model_files.py:refuse": "str(error.filename) error.strerror",
    "declared/model_files.py:_is_own_folder": "code.origin code.path.parent",
    "declared/model_files.py:_listed": "str(path.parent)",
    "declared/model_files.py:_too_much": "what more model.model.path.parent",
    "declared/model_files.py:_unkept": "what fix str(found)",
    # Counts.
    "data/sources/place.py:error": "what fix",
    "data/findings.py:judge": "where",
    "data/rowwise.py:_try": "_judge(check).misfit",  # a sentence of the kind
    "data/snapshot_chunks.py:decode": "where",
    "frames/tables.py:_convert": "where",
    "frames/tables.py:_missing": "where",
    "frames/wire.py:_refuse": "why count",
    "warehouse/opened_version.py:unfit": "what",
    "warehouse/reader.py:_damaged": "what",
    "frames/decode.py:_counts": "word",
    "data/sources/session.py:too_long": "what",
    # A key of the source's file, names of types of Python and of databases, and our own words about them.
    "data/sources/database_rows.py:_opened": "key name",
    "data/sources/objects.py:wrong_type": "found",
    "data/sources/postgres.py:_failed": "fix key known[0] state what",
    "data/sources/postgres.py:_refuse_rights": "said[0]",
    "data/sources/sqlite_file.py:_failed": "key rules.refused what",
    "data/timelimit.py:shown": "limit.total_seconds() unit",
    "pipeline/measuring.py:measured": (
        "floats.height refusal.what refusal.there refusal.fix flat.what flat.fix names _at(model)"
    ),
    "pipeline/measuring.py:_without": "floats.height _at(model)",
    # Counts.
    "data/sources/window_rows.py:_refuse_large": "held rows",
    "data/sources/casting.py:_counted": "declared found there",
    "data/sources/casting.py:_unfit": "count",
    "warehouse/catalog.py:numbered": "date model number",
    "warehouse/writer.py:put": "number",
    "warehouse/holding.py:_unfit": "what fix number",
    # Random ids, names of sources, and days.
    "data/expiring.py:_is_whole": "row.id row.source",
    "data/expiring.py:gone": "_day(at)",
    # Declared names.
    "data/reference.py:compare": "source",
    "data/sources/casting.py:missing_columns": "n",
    "data/sources/inputs.py:_as_input": "name",
    "data/sources/duckdb_query.py:_input": "name",
    "data/sources/duckdb_query.py:read": "name",
    # Words of ours alone.
    "data/sources/duckdb_query.py:_statement": "refused.what refused.fix",
    "warehouse/sql.py:_named": "refused.what refused.fix",
    "pipeline/features.py:_refuse_inexact": "name",
    "pipeline/score.py:_scored": "name",
    "declared/sources.py:read_output": "model",
    "warehouse/catalog.py:list_heads": "date model",
    "warehouse/catalog.py:open_head": "date model",
    "warehouse/sql.py:_load": "model",
    "warehouse/entity_keys.py:by_column": "columns",
    "warehouse/entity_keys.py:key_frame": "key",
    # Beginnings of the declared path.
    "data/sources/files.py:_why_missing": "path.parent parent.parent",
    # A file of a declared pattern: its path where only digits are open, else the pattern and a count.
    "data/sources/files.py:_called": "str(path) count number",
    # A file of a declared package, which is public.
    "data/source_kinds/package.py:called": "str(path)",
    # A column name that is spelt like a declared one.
    "frames/near.py:near": "best[1]",
    "frames/tables.py:type_name": "dtype.base_type().__name__",
    # What the caller wrote.
    "warehouse/reader.py:check_columns": "name",
    "warehouse/export.py:write": "str(path) path.suffix",
    "warehouse/export.py:whole_file": "str(path) path.parent",
    "drafting/asked.py:require_column": "name",
    "drafting/feature_choice.py:asked": "name",
    "drafting/from_csv.py:_key": "asked.key",
    "drafting/from_csv.py:_period": "asked.target asked.time",
    "drafting/from_csv.py:_source_name": "asked.name str(source.origin)",
    "drafting/from_csv.py:found": "str(path)",
    "drafting/from_source.py:found": (
        "asked.date asked.department asked.target source.department str(source.origin)"
    ),
    "drafting/new_model.py:_department": (
        "asked.department _first_department(services) services.config.departments"
    ),
    "drafting/new_model.py:new_model": "asked.language asked.name unsafe_name(asked.name)",
    "pipeline/row_file.py:_columns": "str(path) error.strerror refused.why",
    "pipeline/row_file.py:_frames": "self.source.path",
    "pipeline/row_file.py:checked": "self.source.path",
    "pipeline/row_file.py:opened": "str(path)",
    "drafting/csv_form.py:_names": "error.strerror refused.why",
    # The target, which the caller names; its type; and the task behind --task.
    "drafting/aims.py:_natural": "seen.column.name",
    "drafting/aims.py:_refuse_unusable": "name kind",
    "drafting/aims.py:of": "seen.column.name asked _words(seen)",
    # Handed on; counts and places of columns; files of the project.
    "drafting/aims.py:_refused": "what fix",
    "drafting/csv_form.py:_refused": "what",
    "drafting/csv_form.py:_check_names": "number folded.index(name)",
    "drafting/feature_choice.py:_refused": "what fix",
    "drafting/asked.py:refuse_empty": "where window",
    "drafting/writing_together.py:_write": "str(path)",
    "drafting/writing_together.py:refuse_existing": "str(path)",
    "warehouse/versions.py:parse_ref": "text",
    # The query's own words, and DuckDB's.
    "data/duck.py:words_of": "word[0] line[:first] line[last:] line[:300]",
}
THERE = {f"{place}: {word}" for place, found in _THERE.items() for word in found.split()} | {
    "pipeline/verify.py:_refuse_declared: one.what",
    "pipeline/verify.py:_refuse_declared: str(one.declared.origin)",
    "pipeline/own_measures.py:_unfit: str(declared_at(self.model, self.measure))",  # a line of the model file
    "pipeline/measuring.py:_without: floats.select(pl.any_horizontal(pl.all().fill_nan(None).is_null())"
    ".sum())"
    ".item()",
    "pipeline/measuring.py:measured: task.wrong_scores(floats, goal)",
    "pipeline/forecasting.py:_refuse_below: "
    "model.task.wrong_scores(scores.select(model.measured), model.goal)",
    "pipeline/origins.py:_unknown: grid.ahead(step).join(spans, on=NUMBER, how='anti')[NUMBER].n_unique()",
    "pipeline/score.py:_refuse_other_rows: str(model.origins.get('task', model.origin))",
    # Where a key is declared.
    "pipeline/steps.py:where: "
    "str(next((model.origins[key] for key in keys if key in model.origins), model.origin))",
    "pipeline/targets.py:check_exposure: _count(frame[exposure], least=0, included=False)",
    "pipeline/targets.py:check_exposure: frame.height",
    "pipeline/targets.py:check_roles: _count(found, least=0, included=True)",
    "data/duck.py:words_of: _WORD.sub(kept, line[first:last])",
    "data/duck.py:scrubbed: type(error).__name__",
    "data/check_kinds/expression.py:passes: str(error)",  # about the declared expression
    # What the caller wrote, and a name that is spelt like it.
    "drafting/asked.py:require_column: correct(name, schema.names)",
    "drafting/feature_choice.py:asked: columns[name].column.type",
    "drafting/from_csv.py:_period: periods.LEAST_DAYS",
    "drafting/from_csv.py:_source_name: str(services.config.root / f'source/{asked.name}.yaml')",
    "drafting/new_model.py:_department: suggest(asked.department, known)",
    "pipeline/row_file.py:_frames: source_of(self.services, self.model.source).name",
    "declared/artifact_file.py:_opened: _at(model, key)",
    "declared/artifact_file.py:require: _at(model, key)",
    "pipeline/given_rows.py:read: model.origins.get('golden', model.origin)",
    "pipeline/importing.py:_load: _at(model, 'artifact')",
    "pipeline/importing.py:_load: error.what.removeprefix('load failed: ')",  # scrubbed words of a worker
    "pipeline/importing.py:_proven: _at(model, 'golden')",
    "pipeline/importing.py:_proven: _why(expected, found.select(expected.columns))",
    "pipeline/placing.py:_declared: (model.language.stored or ('.FILE',))[0]",
    # Versions, and names of packages.
    "pipeline/champion.py:_another: _changed(services, model, version, worker)",
    # Names that stand in the query.
    "data/sources/duckdb_query.py:_statement: select.read_besides(tree, source.inputs)",
    "data/sources/duckdb_query.py:_statement: select.changing(tree)",
    # Names of Python's and the driver's own classes.
    "data/sources/postgres.py:_failed: type(error).__name__",
    "data/sources/sqlite_file.py:_failed: type(error).__name__",
    # The server's five letters for a kind of failure, and what this program says of it.
    "data/sources/postgres.py:_failed: str(getattr(error, 'sqlstate', None) or '')",
    "data/sources/postgres.py:_failed: known[1].format(key=key)",
    "data/sources/sqlite_file.py:_failed: fix.format(key=key)",
    "data/sources/postgres.py:_parameters: sorted(_OPTIONS)",
    "data/sources/parquet_file.py:_check: "
    "sorted({n for n in source.schema.names if found.names.count(n) > 1})",
}
"""Expressions that are in order in one function."""


def words(source: str, file: str) -> Iterator[str]:
    """``file:function: expression`` of every part of an error's words that is not written out."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        for expression in _shown(function):
            for leaf in _leaves(expression, function, frozenset()):
                yield f"{file}:{function.name}: {leaf}"


def unknown(source: str, file: str) -> list[str]:
    """Those that nobody has said to be declared."""
    found = words(source, file)
    return sorted({w for w in found if w not in THERE and w.split(": ", 1)[1] not in DECLARED})


def files() -> Iterator[Path]:
    """Every module of the rooms."""
    for room in ROOMS:
        path = PROGRAM / room
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def _shown(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function shows: arguments of errors and places, and what it returns where it makes words."""
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None and function.name in SAYERS:
            yield node.value
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in ERRORS:
            yield from node.args
        elif isinstance(node.func, ast.Attribute) and node.func.attr in MAKERS:
            yield from node.args[: MAKERS[node.func.attr]]
        elif isinstance(node.func, ast.Name) and node.func.id in HELPERS:
            yield from (argument for argument in node.args if isinstance(argument, ast.JoinedStr))
        else:
            continue
        yield from (
            keyword.value for keyword in node.keywords if keyword.arg in ("what", "where", "fix", "part")
        )


def _leaves(node: ast.expr, function: ast.FunctionDef, seen: frozenset[str]) -> Iterator[str]:
    match node:
        case ast.Constant():
            return
        case ast.JoinedStr(values=inner):
            parts = [part.value for part in inner if isinstance(part, ast.FormattedValue)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [left, right]
        case ast.BinOp(left=left, right=right):  # arithmetic gives a number
            return
        case ast.IfExp(body=body, orelse=other):
            parts = [body, other]
        case ast.BoolOp(values=parts):
            pass
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            parts = [element]
        case ast.Subscript(value=inner, slice=ast.Slice()) if not isinstance(inner, ast.Name):
            parts = [inner]
        case ast.Call(func=ast.Attribute(attr="join"), args=[joined]):
            parts = [joined]
        case ast.Call(func=ast.Attribute(attr="replace", value=inner)):
            parts = [inner]
        case ast.Call(func=ast.Name(id=called)) if called in COUNTS | SAYERS:
            return
        case ast.Call(func=ast.Attribute(attr=called)) if called in COUNTS | SAYERS:
            return
        case ast.Name(id=name) if name.lstrip("_").isupper():
            return
        case ast.Name(id=name):
            assigned = [] if name in seen else list(_assigned(name, function))
            if not assigned:
                yield name
                return
            for value in assigned:
                yield from _leaves(value, function, seen | {name})
            return
        case _:
            yield ast.unparse(node)
            return
    for part in parts:
        yield from _leaves(part, function, seen)


def _assigned(name: str, function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == name for t in node.targets
        ):
            yield node.value
        if isinstance(node, ast.NamedExpr) and node.target.id == name:
            yield node.value
