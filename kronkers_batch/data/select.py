"""What a text of SQL is, before DuckDB runs it: one SELECT that only reads, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import duckdb

Tree: TypeAlias = dict[str, Any]

LONGEST = 2**16
"""Characters of a query. In a text of ten times as many, subqueries in each other end the process."""

# Functions in FROM that only compute. All others are refused: many read files, some run SQL that is a text.
_COMPUTING = frozenset({"generate_series", "json_each", "json_tree", "range", "repeat", "unnest"})
_READING = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
CHANGING = frozenset(
    """
    ago current_date current_localtime current_localtimestamp current_time current_timestamp gen_random_uuid
    get_current_time get_current_timestamp localtime localtimestamp now pg_conf_load_time
    pg_postmaster_start_time random setseed today transaction_timestamp txid_current uuid uuidv4 uuidv7
    """.split()  # noqa: SIM905 - as words they fit on a page
)
"""What asks the clock or chance: of the same rows it makes others each time."""
_BARE = frozenset({"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"})
_WITHOUT_SCHEMA = ("catalog_name", "schema_name")


class NoSelect(Exception):
    """A text is not what may be run: what it is instead, and what to do, in words without a value."""

    def __init__(self, what: str, fix: str) -> None:
        self.what, self.fix = what, fix
        super().__init__(what)


def parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Tree:
    """The parsed text.

    Raises NoSelect unless it is one SELECT, and DuckDB's ParserException where it is no SQL.
    """
    import duckdb

    if len(sql) > LONGEST:
        raise NoSelect(f"the query has more than {LONGEST:,} characters", "Write a shorter one.")
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise NoSelect("the query must be a single SELECT", "Write one SELECT statement, nothing else.")
    # fetchall: a result that is not read to its end keeps the connection's tables in use.
    ((text,),) = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()
    try:
        tree: Tree = json.loads(text)
    except RecursionError:
        raise NoSelect(
            "the query is nested too deeply", "Write its parts one after the other, in WITH."
        ) from None
    if tree["error"]:
        raise NoSelect("the query is a SELECT that cannot be looked into", "Write it in another way.")
    # DuckDB calls it a SELECT, too, where its WITH inserts, or copies to a file that it may read.
    kinds = (str(node.get("type")) for node in _nodes(tree))
    if any(kind.endswith("_NODE") and kind not in _READING for kind in kinds):
        raise NoSelect("the query must be a single SELECT", "Take what writes out of its WITH.")
    return tree


def tables(tree: Tree) -> Iterator[str]:
    """Every name of a table in a parsed query, those of its own WITH among them."""
    return (node["table_name"] for node in _nodes(tree) if node.get("type") == "BASE_TABLE")


def read_besides(tree: Tree, known: Iterable[str]) -> list[str]:
    """What a query reads besides these tables and its own WITH: tables, and functions with ``()``.

    A file that a view reads may hold more than the view shows, and its name can be guessed. So it is not
    enough to lock all other files. Inputs have no schema: a name with one is not theirs, whatever WITH says.
    """
    names = {name.casefold() for name in known} | {f"{name}()" for name in _COMPUTING}
    read: set[str] = set()
    for node in _nodes(tree):
        if "cte_map" in node:
            # Plain names alone: one that is a path could stand for a file where this WITH is not seen.
            said = (entry["key"].casefold() for entry in node["cte_map"]["map"])
            names |= {name for name in said if name.isidentifier()}
        if node.get("type") in ("BASE_TABLE", "SHOW_REF") and node["table_name"]:
            read.add(".".join([*filter(None, map(node.get, _WITHOUT_SCHEMA)), node["table_name"]]))
        elif node.get("type") == "TABLE_FUNCTION":
            read.add(f"{node['function']['function_name']}()")
    return sorted(name for name in read if name.casefold() not in names)


def changing(tree: Tree) -> list[str]:
    """What a parsed query asks of the clock or of chance; each once, in order of its name."""
    found: set[str] = set()
    for node in _nodes(tree):
        if node.get("type") == "FUNCTION":
            name = str(node["function_name"]).lower()
            if name in CHANGING:
                found.add(name)
            elif name == "age" and len(node["arguments"]) == 1:
                found.add("age(...) of one time")
        elif node.get("type") == "COLUMN_REF" and len(node["column_names"]) == 1:
            found |= _BARE & {str(node["column_names"][0]).lower()}
        if (sample := node.get("sample")) and not sample["repeatable"]:
            found.add("a sample without REPEATABLE")
    return sorted(found)


def _nodes(tree: Tree) -> Iterator[Tree]:
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
