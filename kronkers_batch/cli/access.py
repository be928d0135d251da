"""``access`` and ``keys``: who you are, who may what, and the keys that make it so."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from kronkers_batch.cli.options import command, load_config, opened, verb_of
from kronkers_batch.cli.printing import fields, print_json, say, table, timestamp, warn
from kronkers_batch.errors import UsageError

ACCESS = ("whoami", "list", "add", "grant", "revoke")
KEYS = ("list", "rotate", "shred")


def add(commands: Any) -> None:
    """Add this group's commands."""
    parser = command(
        commands,
        "access",
        access,
        "Show who you are and who may do what; add principals, grant and revoke roles",
        names="[whoami | list | add LINE or FILE | grant NAME ROLE SCOPE | revoke NAME [SCOPE]]",
        verbs=ACCESS,
    )
    parser.add_argument("--new", action="store_true", help="whoami: make your key file on this machine")
    parser.add_argument("--name", metavar="N", help="whoami --new: your name (default: your login name)")
    parser.add_argument(
        "--passphrase", action="store_true", help="whoami --new: seal the key file; the terminal asks for it"
    )
    parser.add_argument("--public", action="store_true", help="whoami: print your public line, nothing else")
    parser.add_argument(
        "--why",
        metavar="T",
        default="",
        help="for grant, and for revoke with a scope: the reason, kept in the ledger",
    )
    parser.add_argument(
        "--service", action="store_true", help="add: the principal is a service, not a person"
    )
    parser.add_argument(
        "--administrator",
        action="store_true",
        help="add: the principal may add others, and is admin of every department",
    )
    parser = command(
        commands,
        "keys",
        keys,
        "List keys; rotate them without rewriting data; shred a version for good",
        names="[list | rotate [SCOPE] | shred REF]",
        verbs=KEYS,
    )
    parser.add_argument(
        "--why", metavar="T", default="", help="for shred, required: the reason, kept in the ledger"
    )


def access(args: argparse.Namespace) -> int:
    """Dispatch on the verb."""
    verb, words = verb_of(args, ACCESS, default="whoami")
    if verb == "whoami":
        return _whoami(args, words)
    from kronkers_batch.access import people

    if verb == "list":
        _count(args, words, 0, 0, "")
        with opened(args, first_run=True) as services:
            found = people.grants(services)
        return _rows(args, found, ("principal", "kind", "role", "on"))
    if verb == "add":
        _count(args, words, 1, 99, "LINE|FILE [--service]")
        with opened(args, first_run=True) as services:
            line = people.read_line(words, services.places)
            done = people.add(
                services, line, kind="service" if args.service else "person", administrator=args.administrator
            )
        return _done(
            args,
            done,
            f"{done['principal']} is known; next: kronkers access grant "
            f"{done['principal']} ROLE DEPARTMENT[/MODEL]",
        )
    if verb == "grant":
        _count(args, words, 3, 3, "NAME ROLE SCOPE")
        with opened(args, first_run=True) as services:
            done = people.grant(services, words[0], words[1], words[2], why=args.why)
        what = "is" if done["changed"] else "was already"
        return _done(args, done, f"{done['principal']} {what} {done['role']} on {done['on']}")
    _count(args, words, 1, 2, "NAME [SCOPE]")
    with opened(args) as services:
        done = people.revoke(services, words[0], words[1] if len(words) > 1 else None, why=args.why)
    lost = f"{done['revoked']} grant(s) on {done['on']}"
    return _done(args, done, f"{done['principal']} has lost {lost}; the keys are rotated")


def _whoami(args: argparse.Namespace, words: Sequence[str]) -> int:
    _count(args, words, 0, 0, "[--new [--name N] [--passphrase]] [--public]")
    if (args.name or args.passphrase) and not args.new:
        raise UsageError(
            "--name and --passphrase are only for a new key",
            fix="Add --new to make a key: kronkers access whoami --new",
        )
    if args.new or args.public:
        from kronkers_batch.access import own_key

        config = load_config(args)
        if args.new:
            own_key.make(config, args.name, passphrase=args.passphrase)
        name, line = own_key.public_line(config)
        if args.json:
            print_json({"principal": name, "key file": str(config.key_file), "line": line})
            return 0
        if args.new:
            warn(f"Your key is in {config.key_file}. Keep a copy where nobody else can read it.")
            warn(
                "Ask the administrator for the trust file, and send the administrator this line (it is "
                "public):"
            )
        say(line)
        return 0
    from kronkers_batch.access import people

    with opened(args) as services:
        found = people.whoami(services)
    print_json(found) if args.json else fields(found)
    return 0


def keys(args: argparse.Namespace) -> int:
    """Dispatch on the verb."""
    verb, words = verb_of(args, KEYS, default="list")
    from kronkers_batch.access import key_management as step

    if verb == "list":
        _count(args, words, 0, 0, "")
        with opened(args) as services:
            found = [{**row, "since": timestamp(int(str(row["since"])))} for row in step.listing(services)]
        return _rows(args, found, ("of", "version", "since", "keys"))
    if verb == "rotate":
        _count(args, words, 0, 1, "[SCOPE]")
        with opened(args, first_run=True) as services:
            found = step.rotate(services, words[0] if words else None)
        if args.json:
            print_json(found)
            return 0
        for row in found:
            what = "an interrupted rotation, finished" if row["resumed"] else "a new key"
            say(f"{row['of']}: {what}; {row['keys']} keys re-wrapped, no data rewritten")
        for warning in {str(row["warning"]) for row in found if "warning" in row}:
            warn(f"kronkers: {warning}")
        return 0
    _count(args, words, 1, 1, "REF --why T")
    with opened(args) as services:
        done = step.shred(services, words[0], args.why)
    return _done(args, done, f"{done['shredded']} can never be opened again")


def _count(args: argparse.Namespace, words: Sequence[str], least: int, most: int, usage: str) -> None:
    if not least <= len(words) <= most:
        verb = args.names[0] if args.names else ""
        raise UsageError(
            f"wrong number of words after {args.command} {verb}".rstrip(),
            fix=f"kronkers {args.command} {verb} {usage}".rstrip(),
        )


def _rows(args: argparse.Namespace, rows: Sequence[Mapping[str, Any]], headers: Sequence[str]) -> int:
    if args.json:
        print_json(rows)
    else:
        table([list(row.values()) for row in rows], headers)
    return 0


def _done(args: argparse.Namespace, done: Mapping[str, object], text: str) -> int:
    if args.json:
        print_json(done)
    else:
        say(text)
        for name in ("remark", "warning"):
            if name in done:
                warn(f"{name}: {done[name]}")
    return 0
