"""The limits that CONTRIBUTING.md names and ruff has no rule for: lines of modules and functions; circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[3]
MODULE, FUNCTION = 320, 60
WHOLE = {
    "kronkers_batch/runtimes/workers/worker.py": "a worker is one file, whatever the language",
    "kronkers_batch/store/migrations/versions/0001_first.py": "what a release has migrated stays as it is",
}


def modules() -> Iterator[tuple[str, str]]:
    """Each module's path and text."""
    for folder in ("kronkers_batch", "tasks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()


def too_long(name: str, text: str) -> list[str]:
    """The module, and its functions, that are longer than they may be."""
    found = [f"{name}: {text.count(chr(10))} lines"] if text.count("\n") > MODULE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            found += [f"{name}: {node.name}, {lines} lines"] if lines > FUNCTION else []
    return found


def test_no_module_and_no_function_is_too_long() -> None:
    found = {name: lines for name, text in modules() if (lines := too_long(name, text))}
    assert found.keys() == WHOLE.keys(), found


def test_what_is_too_long_is_found() -> None:
    body = "    pass\n" * FUNCTION
    assert too_long("m.py", f"def f():\n{body}") == [f"m.py: f, {FUNCTION + 1} lines"]
    assert too_long("m.py", "x = 1\n" * (MODULE + 1)) == [f"m.py: {MODULE + 1} lines"]
    assert not too_long("m.py", "x = 1\n" * MODULE)


def imports() -> dict[str, set[str]]:
    """What each module imports of the program, wherever in it and for whatever purpose."""
    texts = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): text for name, text in modules()
    }
    found: dict[str, set[str]] = {}
    for name, text in texts.items():
        named: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                parts = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= (parts & texts.keys()) or {node.module}
        found[name] = (named & texts.keys()) - {name}
    return found


def circles(graph: dict[str, set[str]]) -> list[tuple[str, ...]]:
    """The modules that reach themselves, together with those that they reach so."""
    reached: dict[str, set[str]] = {}
    for name in graph:
        seen, waiting = set[str](), list(graph[name])
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += graph[one]
        reached[name] = seen
    return sorted(
        {tuple(sorted(one for one in reached[name] if name in reached[one])) for name in graph} - {()}
    )


def test_no_modules_import_each_other() -> None:
    assert circles(imports()) == []


def test_a_circle_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [("b", "c")]
