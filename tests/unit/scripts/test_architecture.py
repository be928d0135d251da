"""The figure of the rooms, and CONTRIBUTING's table of them, are the layers that import-linter checks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def rooms(layer: str) -> list[str]:
    """``(kronkers_batch.a | kronkers_batch.b)`` to its rooms; a layer in brackets need not exist yet."""
    return [name.strip(" ()").removeprefix("kronkers_batch.") for name in layer.split("|")]


def layers() -> list[list[str]]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(
        [rooms(layer) for layer in contract["layers"]] for contract in contracts if "layers" in contract
    )


def figure(page: str) -> list[list[str]]:
    """The rooms of each line of the page's first figure, from the top down."""
    lines = page.split("```")[1].splitlines()
    return [rooms(re.split(r"\s{2,}", line.strip())[0]) for line in lines if re.match(r" \w", line)]


def test_the_figure_shows_the_layers() -> None:
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    assert figure(page) == layers()
    assert {room for layer in layers() for room in layer} >= set(re.findall(r"\*\*(\w+)\*\*", page))


def test_contributing_describes_each_room_once() -> None:
    table = re.findall(r"^\| (`.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    described = [name for cell in table for name in re.findall(r"`(\w+)(?:/|\.py)`", cell)]
    built = [
        room
        for layer in layers()
        for room in layer
        if any((ROOT / "kronkers_batch" / name).exists() for name in (room, f"{room}.py"))
    ]
    assert sorted(described) == sorted(built)
