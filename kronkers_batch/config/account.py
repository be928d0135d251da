"""Where the account that runs this program keeps its key, and what belongs to the key.

The environment names these files. Whoever edits conf can name another key file there, so what protects them
asks here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

KEY_FILE = "KRONKERS_KEY_FILE"
TRUST = "KRONKERS_TRUST"
SECRETS = ("KRONKERS_KEY", "KRONKERS_PASSPHRASE")
"""Variables that hold this account's key and its passphrase: no file of conf may name them."""
TRUST_FILE = "trust.json"
SIGNED = "signed.json"
RECOVERY = "MOVE-OFFLINE-recovery-"
RECOVERY_DRAFT = ".recovery-"  # how that file's name begins while its warehouse is made
_DEFAULT = "~/.config/kronkers/identity.key"
_UNFINISHED = (".trust-", ".signed-")  # the next versions of two of the files, while they are written
_BESIDE = (RECOVERY, RECOVERY_DRAFT, *_UNFINISHED)

# Keys of other programs that such an account has, below its home folder.
_OTHER_KEYS = (
    ".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".pgpass", ".git-credentials",
    ".config/gcloud", ".config/rclone",
)  # fmt: skip


def own_key_file(environ: Mapping[str, str]) -> Path:
    """The key file that the environment names: KRONKERS_KEY_FILE, else the default in the home folder."""
    return Path(environ.get(KEY_FILE) or _DEFAULT).expanduser().absolute()


def trust_file(key_file: Path, environ: Mapping[str, str]) -> Path:
    """The trust file: KRONKERS_TRUST if set, else ``trust.json`` beside the key file."""
    named = environ.get(TRUST)
    return Path(named) if named else key_file.parent / TRUST_FILE


def memory_file(environ: Mapping[str, str]) -> Path:
    """Beside the trust file that the environment names; conf has no say in it."""
    trust = environ.get(TRUST)
    folder = Path(trust).expanduser().absolute().parent if trust else own_key_file(environ).parent
    return folder / SIGNED


def beside(folder: Path) -> Iterator[Path]:
    """The files in a key file's folder that belong to keys, besides the key file: those that are there."""
    for name in _BESIDE:
        yield from folder.glob(f"{name}*")


def other_keys() -> Iterator[Path]:
    """Where other programs keep this account's keys and passwords."""
    try:
        home = Path.home()
    except (OSError, RuntimeError):
        return  # a service without a home has none
    for name in _OTHER_KEYS:
        yield home / name
