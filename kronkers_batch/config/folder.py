"""Where the configuration is: what is said, else ``conf`` here or in a folder above."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kronkers_batch.errors import ConfigError


def find_conf(argument: str | None, environ: Mapping[str, str]) -> Path:
    """The conf folder: the argument, else ``KRONKERS_CONF``, else ``conf`` here or in a folder above.

    Raises:
        ConfigError: there is none, no config.yaml is in it, or one above belongs to somebody else.
    """
    said = argument or environ.get("KRONKERS_CONF")
    path = Path(said or "conf").expanduser().absolute()
    if not said and not (path / "config.yaml").is_file():
        path = _above(path.parent) or path
    if not (path / "config.yaml").is_file():
        what = "this folder does not exist" if not path.is_dir() else "this folder has no config.yaml"
        where = said or f"conf, in {path.parent} and the folders above it"
        raise ConfigError(
            what, where=where, fix="cd to the project folder, or give --conf DIR or KRONKERS_CONF=DIR"
        )
    return path


def _above(here: Path) -> Path | None:
    """The nearest ``conf`` in a folder above.

    Only where it belongs to this user or to root: else whoever can write to a folder such as /tmp would
    decide what everybody who works below it runs with their keys.
    """
    for folder in here.parents:
        found = folder / "conf"
        if not (found / "config.yaml").is_file():
            continue
        owners = {found.stat().st_uid, (found / "config.yaml").stat().st_uid}
        if owners <= {os.getuid(), 0}:
            return found
        raise ConfigError(
            "the configuration above this folder belongs to another user",
            where=str(found),
            fix=f"if you trust that user, give --conf {found} or KRONKERS_CONF={found}",
        )
    return None
