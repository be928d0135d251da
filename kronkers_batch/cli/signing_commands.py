"""``sign``: an operator agrees to what the warehouse's keys are used for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kronkers_batch import texts
from kronkers_batch.cli.options import command, opened
from kronkers_batch.cli.printing import print_json, say, timestamp
from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    from kronkers_batch.access.definition_signing import State
    from kronkers_batch.session.services import Services

_MODES = ("all", "root", "require", "no_require")


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(commands, "sign", sign, "Sign definitions as they are now", names="MODEL|source.NAME")
    parser.add_argument("--all", action="store_true", help="every model and shared source that you may sign")
    parser.add_argument(
        "--root", action="store_true", help="the root configuration: addresses, sandbox, alerts"
    )
    parser.add_argument(
        "--require", action="store_true", help="from now on the warehouse runs only signed definitions"
    )
    parser.add_argument("--no-require", action="store_true", help="undo --require")
    parser.add_argument("--why", metavar="T", default="", help="the reason, kept with the signature")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def sign(args: argparse.Namespace) -> int:
    """Show what changed since the last signature, ask, and sign."""
    from kronkers_batch.access import definition_signing

    modes = [mode for mode in _MODES if getattr(args, mode)]
    definition_signing.check_words(args.names, modes)
    with opened(args) as services:
        if args.names:
            wanted = definition_signing.named(services, args.names)
        elif args.all:
            wanted = definition_signing.every(services)
        elif args.root:
            wanted = definition_signing.root(services)
        else:
            wanted = definition_signing.requirement(services, args.require)
        states = [definition_signing.state(services, one) for one in wanted]
        # What is named is signed again if need be: a machine that is new may ask for it (see the how-to).
        due = [state for state in states if state.state != "signed" or not args.all]
        if not args.json:
            show(states)
        definition_signing.require_rights(services, [state.wanted for state in due])
        if due and not args.yes:
            _ask(args, len(due))
        signed = definition_signing.sign(services, [state.wanted for state in due], args.why) if due else []
    numbers = [{"name": s.name, "signature": n.number} for s, n in zip(due, signed, strict=True)]
    if args.json:
        print_json({"signed": numbers, "states": [described(state) for state in states]})
    else:
        say(f"signed: {', '.join(state.name for state in due)}" if due else "nothing changed")
    return 0


def _ask(args: argparse.Namespace, count: int) -> None:
    if args.json or not sys.stdin.isatty():
        raise UsageError(
            "nothing was signed: there is no terminal on which to confirm",
            fix="Read what changed with `kronkers plan`, then add --yes.",
        )
    say(f"Sign {'these ' + str(count) if count > 1 else 'this'}? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("nothing was signed", fix="Run the command again and answer y, or add --yes.")


def described(state: State) -> dict[str, Any]:
    """A state as JSON values."""
    definition = state.wanted.definition
    return {
        "definition": state.name,
        "kind": str(definition.kind),
        "department": definition.department,
        "state": state.state,
        "by": state.signer or None,
        "at": timestamp(state.created or None) or None,
        "why": state.why,
        "changed": list(state.changed),
    }


def show(states: Sequence[State]) -> None:
    """Print states, each with what changed below it."""
    width = max((len(state.name) for state in states), default=0)
    for state in states:
        by = f" by {state.signer} at {timestamp(state.created)}" if state.signer else ""
        words = {"signed": f"signed{by}", "changed": f"changed since it was signed{by}"}
        say(f"{state.name.ljust(width)}  {words.get(state.state, state.why or 'not signed')}")
        for line in state.changed:
            say(f"{' ' * width}    {texts.one_line(line)}")


def for_plan(services: Services, names: Sequence[str]) -> list[State]:
    """The states of what these models need, with the root configuration where signatures are required.

    Nothing where they are not, and nobody has signed anything of it.
    """
    from kronkers_batch.access import authorisation, definition_signing

    if not authorisation.required(services) and not definition_signing.in_use(services):
        return []
    states = [definition_signing.state(services, one) for one in definition_signing.needed(services, names)]
    if authorisation.required(services):
        return [definition_signing.state(services, one) for one in definition_signing.root(services)] + states
    return [state for state in states if state.state != "unsigned"]
