"""Options that many commands share, and how a command opens the system."""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kronkers_batch.cli.printing import warn
from kronkers_batch.errors import UsageError
from kronkers_batch.session.timestamps import parse_date

if TYPE_CHECKING:
    from kronkers_batch.config.root_spec import Config
    from kronkers_batch.session.services import Services

_PLAIN = re.compile(r"[A-Za-z0-9_.@/#-]{1,128}")
Handler = Callable[[argparse.Namespace], int]
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What argparse adds commands to."""


def command(
    commands: Any,
    name: str,
    handler: Handler,
    help: str,
    *,
    names: str = "",
    json: bool = True,
    verbs: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        commands: What argparse adds commands to.
        name: Its name.
        handler: What does it.
        help: One line.
        names: The metavar of its trailing names; empty: it takes overrides alone.
        json: Whether it has ``--json``.
        verbs: The first name says which of these it is; each has its own rights.
    """
    usage = " ".join(["kronkers", name, *([names] if names else []), "[options] [key=value ...]"])
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help + ".", usage=usage
    )
    parser.set_defaults(handler=handler, takes_names=bool(names), verbs=tuple(verbs))
    parser.add_argument("words", nargs="*", metavar=names or "KEY=VALUE", help=argparse.SUPPRESS)
    parser.add_argument(
        "--conf", metavar="DIR", help="the configuration folder (else KRONKERS_CONF, else conf here or above)"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="show tracebacks, and what models print")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def date_option(parser: argparse.ArgumentParser, help: str = "the logical date") -> None:
    """Add ``--date``."""
    parser.add_argument("--date", metavar="YYYY-MM-DD", help=help)


def one_name(args: argparse.Namespace, what: str) -> str:
    """The single name that the command takes. Raises UsageError."""
    if len(args.names) != 1:
        raise UsageError(
            f"name one {what}" if not args.names else f"name just one {what}, not {len(args.names)}",
            fix=f"kronkers {args.command} {what.upper()}",
        )
    return str(args.names[0])


def verb_of(args: argparse.Namespace, verbs: Sequence[str], default: str) -> tuple[str, list[str]]:
    """The verb of a command that has several, and the words behind it. Raises UsageError."""
    verb, *words = args.names or [default]
    if verb not in verbs:
        raise UsageError(
            f"kronkers {args.command} has no command {verb!r}", fix="Write one of: " + ", ".join(verbs)
        )
    return verb, words


def conf_folder(args: argparse.Namespace) -> Path:
    """The configuration folder of this command."""
    from kronkers_batch.config.folder import find_conf

    return find_conf(args.conf, os.environ)


def load_config(args: argparse.Namespace) -> Config:
    """The checked configuration. Raises ConfigErrors."""
    from kronkers_batch.config.load import load

    return load(conf_folder(args), args.overrides)


_SHOWING = frozenset(
    {
        *("plan", "models", "versions", "outputs", "show", "diff", "live", "read", "sql", "report", "runs"),
        *("log", "access", "access whoami", "access list", "keys", "keys list", "ledger", "ledger show"),
    }
)
"""Commands that show what there is, and decide nothing."""
_LOOKING = _SHOWING - {"read", "sql"}
"""Those of them that are over soon, so that all they show is of one time; rows may be read for long."""
_RUNNING = frozenset({"run", "train"})
_COMPARING = frozenset({"run", "train", "ledger verify"})
"""Commands that compare the database with its checkpoints themselves, and with more than the newest."""


@contextmanager
def opened(args: argparse.Namespace, **options: Any) -> Iterator[Services]:
    """The opened system; closed at the end."""
    from kronkers_batch.bootstrap import open_system

    if args.verbose:
        # What a model prints may hold data: it is shown to who asks, and kept nowhere.
        options["log"] = warn
    services = open_system(conf_folder(args), args.overrides, verbose=args.verbose, announce=warn, **options)
    from kronkers_batch.access.rights import refusals_recorded

    if args.own_process:
        gc.freeze()  # what there is by now stays to the end: no collection need walk through it
    gc.enable()
    looks = services.db.one_read() if _named(args) in _LOOKING else nullcontext()
    try:
        with looks:
            _compared(services, args)
            with refusals_recorded(services, _subject(args)):
                yield services
    finally:
        try:
            _marked(services)
            _retried(services, args)
        finally:
            services.close()


def _named(args: argparse.Namespace) -> str:
    """The command, with its verb where it has verbs, such as ``keys shred``."""
    return " ".join([args.command, *args.names[:1]]) if args.verbs else str(args.command)


def _compared(services: Services, args: argparse.Namespace) -> None:
    """On a database that is older than its checkpoints nothing is decided, and what is shown is warned of."""
    from kronkers_batch.audit import checkpoint
    from kronkers_batch.errors import IntegrityError, StoreError

    command = _named(args)
    if command in _COMPARING:
        return
    shows = command in _SHOWING
    try:
        checkpoint.require_current(services)
    except IntegrityError as error:
        if not shows:
            raise
        warn(f"kronkers: {error}")
    except StoreError as error:  # what cannot wait, such as a revocation, is done all the same
        if not shows:
            warn(f"kronkers: the database could not be compared with a checkpoint: {error}")


def _marked(services: Services) -> None:
    """What was decided is done; where no checkpoint tells of it, that is said."""
    if not services.ledger.decided:
        return
    from kronkers_batch.audit import checkpoint
    from kronkers_batch.errors import KronkersError

    try:
        checkpoint.mark(services)
    except KronkersError as error:
        warn(f"kronkers: {error}")


def _retried(services: Services, args: argparse.Namespace) -> None:
    """What an earlier command could not finish is tried again, and reported until it is done."""
    if args.command in _RUNNING:
        return  # a run does so at its end, and tells it with what became of its models
    from kronkers_batch.audit import unfinished
    from kronkers_batch.errors import KronkersError

    try:
        for warning in unfinished.retry(services):
            warn(f"kronkers: {warning}")
    except KronkersError as error:
        warn(f"kronkers: could not finish what an earlier command left unfinished: {error}")


def _subject(args: argparse.Namespace) -> str:
    """What the ledger says was refused: the command, and those of its words that are plain names."""
    names = [] if args.command == "sql" else args.names  # a query may hold data
    return " ".join([args.command, *(name for name in names if _PLAIN.fullmatch(name))])


def logical_date(config: Config, text: str | None) -> dt.date:
    """``--date``, else the configured default, else yesterday (UTC)."""
    if text:
        return parse_date(text)
    if config.logical_date is not None:
        return config.logical_date
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
