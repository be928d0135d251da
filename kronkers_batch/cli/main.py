"""The ``kronkers`` command: finds the group of the command, runs it, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import errno
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from kronkers_batch import __version__
from kronkers_batch.cli import (
    access,
    checking,
    drafting_commands,
    handing_out,
    import_command,
    ledger_commands,
    machine,
    printing,
    reading_commands,
    running,
    signing_commands,
    trying_commands,
    version_commands,
)
from kronkers_batch.errors import KronkersError, MissingPart, UsageError, described

_NOT_SHOWN = "\n  -> The values found in the data are not shown here. "
_AFTER_A_RUN = "After a run, readers see them: kronkers log MODEL"
_OWN_FILE = "Look at the line in your file."
_OF_OWN_FILES = ("new", "predict")
"""Commands that read a file of the caller, of which no run keeps anything."""
# Imported by what runs models, and not installed where outputs are only read.
_OF_RUNS = ("luigi", "pandera", "schedule", "tasks")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
GROUPS = (
    drafting_commands,
    checking,
    trying_commands,
    running,
    import_command,
    handing_out,
    version_commands,
    reading_commands,
    access,
    signing_commands,
    ledger_commands,
    machine,
)

EPILOG = """\
Overrides of the configuration may follow as key=value: model.NAME.parameters.C=0.5 executor.workers=2
Exit codes: 0 done; 1 some model failed or is held; 2 wrong usage or configuration; 3 not allowed;
4 integrity broken; 5 a needed part (R, Julia, sandbox, database) is missing."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        fix = f"See the usage: {self.prog} --help"
        if message.endswith("required: --why"):
            message, fix = "the reason is missing", 'Add the reason: --why "REASON"'
        raise UsageError(message, fix=fix)

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            printing.message(message, file)


def parser() -> argparse.ArgumentParser:
    """The parser of every command; nothing heavy is imported to build it."""
    root = _Parser(
        prog="kronkers",
        description="Models in Python, R and Julia, declared in YAML: trained, scored, versioned, encrypted.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"kronkers {__version__}")
    commands = root.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for group in GROUPS:
        group.add(commands)
    return root


def main(arguments: Sequence[str] | None = None, *, own_process: bool = False) -> int:
    """Run one command; returns its exit code. Raises nothing; ``-v`` prints the traceback of an error too.

    Args:
        arguments: The command line; None takes that of the process.
        own_process: Whether the process is there for this command alone, so that its output is ours.
    """
    verbose, code, see = False, 0, _AFTER_A_RUN
    # Until the system is open there are only modules, and none is garbage: a quarter second less to start.
    gc.disable()
    try:
        root = parser()
        args, rest = root.parse_known_args(arguments)
        if args.command is None:
            root.print_help()
        else:
            _place(args, rest)
            verbose, args.own_process = args.verbose, own_process
            see = _OWN_FILE if args.command in _OF_OWN_FILES else see
            if own_process and not verbose:
                printing.silence_libraries()
            code = args.handler(args)
        printing.flush()  # here, where it is reported if there is no room for the last of it
    except KronkersError as error:
        if verbose:
            printing.trace()
        else:
            printing.warn(f"kronkers: {error}{_NOT_SHOWN + see if error.found else ''}")
        return error.exit_code
    except KeyboardInterrupt:
        printing.warn(
            "kronkers: stopped; readers see only complete results\n  -> Run the command again to finish."
        )
        return 130
    except printing.ReaderGone:  # ``kronkers read ... | head``: not an error
        return 0
    except Exception as error:
        if verbose:
            printing.trace()
        return _unexpected(error)
    finally:
        gc.enable()
    return code


def _unexpected(error: Exception) -> int:
    """Says what happened where nothing of ours was raised; the exit code."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] in _OF_RUNS:
        printing.warn(f"kronkers: {_without_runs(error)}")
        return MissingPart.exit_code
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        printing.warn(f"kronkers: Output is incomplete: {error.strerror}")
        printing.warn("  -> Free disk space and run the command again.")
    else:
        printing.warn(f"kronkers: {described(error)}")
    return 1


def _without_runs(error: ModuleNotFoundError) -> MissingPart:
    return MissingPart(
        f"the package {error.name} is not installed: this installation can read outputs, not run models",
        where=sys.prefix,
        fix="Run pip install 'kronkers-batch[run]', or use the project's own .venv/bin/kronkers.",
    )


def _place(args: argparse.Namespace, rest: Sequence[str]) -> None:
    """Sort the words of a command line into names and overrides; argparse cannot mix them with options."""
    unknown = [word for word in rest if word.startswith("-")]
    if unknown:
        raise UsageError(
            f"unknown option {unknown[0]}", fix=f"See its options: kronkers {args.command} --help"
        )
    words = [*getattr(args, "words", []), *rest]
    for word in words:
        if word.startswith("="):
            raise UsageError(f"unexpected word {word!r}", fix="Write an override without spaces: KEY=VALUE")
    overrides = [word for word in words if _is_override(word)]
    names = [word for word in words if not _is_override(word)]
    if names and not getattr(args, "takes_names", False):
        raise UsageError(
            f"unexpected word {names[0]!r}", fix=f"See the usage: kronkers {args.command} --help"
        )
    args.names, args.overrides = names, tuple(overrides)


def _is_override(word: str) -> bool:
    """Whether a word is ``key=value`` or ``~key``; no name has these marks."""
    return "=" in word or word.startswith("~")


def entry() -> NoReturn:
    """The program: runs the command of ``sys.argv`` and ends the process with its exit code.

    Everything that a command opens it has closed by then, and what libraries want done at the end is done.
    The rest of Python's own end, which takes modules and memory apart one by one, is left out: a fifth of
    a second.
    """
    _open_streams()
    code = main(own_process=True)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it has gone, or it is closed
            stream.flush()
    os._exit(code)


def _open_streams() -> None:
    """A stream that the caller closed is as /dev/null; else the next open file gets what is printed."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - to the end


if __name__ == "__main__":
    entry()
