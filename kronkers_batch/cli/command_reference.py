"""The reference page of all commands, made from the parser.

Run it as ``python -m kronkers_batch.cli.command_reference``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from kronkers_batch.cli.main import EPILOG, parser

_SHARED = ("conf", "verbose")
PAGE = Path(__file__).parents[2] / "docs/reference/commands.md"


def page() -> str:
    """The page as Markdown. A test holds the committed file against it."""
    lines = [
        "# Commands",
        "",
        "*Made from the program: `python -m kronkers_batch.cli.command_reference`.*",
        "",
        "`make nightly`, `make plan`, `make check` and `make retrain MODEL=...` wrap the common ones.",
        "",
        "```",
        EPILOG,
        "```",
        "",
        *_shared(),
    ]
    for name, command in _commands().items():
        lines += ["", f"## {name}", "", f"{command.description}", "", f"`{command.usage}`"]
        options = list(_options(command))
        if options:
            lines += ["", "| option | |", "|---|---|", *options]
    return "\n".join(lines) + "\n"


def _shared() -> Iterator[str]:
    """The options that every command has."""
    first = next(iter(_commands().values()))
    yield "Options of every command:"
    yield ""
    for action in first._actions:
        if action.dest in _SHARED:
            names = ", ".join(
                f"`{name} {action.metavar or ''}".rstrip() + "`" for name in action.option_strings
            )
            yield f"- {names}: {action.help}"


def _commands() -> dict[str, argparse.ArgumentParser]:
    for action in parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise LookupError("the parser has no commands")


def every_command() -> list[str]:
    """Every command of the parser; one with verbs is one a verb, such as ``access grant``."""
    return [
        f"{name} {verb}".rstrip()
        for name, command in _commands().items()
        for verb in command.get_default("verbs") or ("",)
    ]


def has_json(command: str) -> bool:
    """Whether a command of :func:`every_command` has ``--json``."""
    options = _commands()[command.split()[0]]._actions
    return any("--json" in action.option_strings for action in options)


def _options(command: argparse.ArgumentParser) -> Iterator[str]:
    for action in command._actions:
        if action.option_strings and action.dest not in ("help", *_SHARED):
            metavar = f" {action.metavar}" if action.metavar else ""
            required = ", required" if action.required else ""
            yield f"| `{action.option_strings[-1]}{metavar}` | {action.help}{required} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
