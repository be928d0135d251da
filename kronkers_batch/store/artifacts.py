"""The artifact store: sealed files at any fsspec address. What is written here is ciphertext only.

What a power cut leaves: in a local store a file that was written is whole, and it is there once its name was
synced. Who publishes something syncs all its files before the database says that they are there, so what
is published is there. Other addresses give what their own system promises: object stores answer when a file
is durable; others may promise nothing, and then a missing or torn file is noticed by its digest.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kronkers_batch import private
from kronkers_batch.errors import ConfigError, MissingPart, NotFound, StoreError
from kronkers_batch.store import faults, transaction
from kronkers_batch.store.local import LocalFolder

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Names of files that are not finished yet begin so; readers never see them.
_UNFINISHED = private.UNFINISHED
# On these a file appears whole or not at all, and a rename is a copy: written in place.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "memory"})


class ArtifactStore:
    """Files by relative path (``outputs/abc/chunk-1``) under one address. Nothing is opened until used.

    Args:
        address: An absolute path or ``file://`` address (folders are made with mode 0700, files with 0600),
            or any other fsspec address; fsspec takes credentials from its own configuration.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._remote: tuple[Any, str] | None = None
        local = address.removeprefix("file://")
        self._local = None if "://" in local else LocalFolder(Path(local))

    def write(self, path: str, *parts: Buffer, sync: bool = True) -> None:
        """Writes the file whole or not at all, replacing an older one. Raises StoreError.

        When it returns, the bytes are on the disk of a local store.

        Args:
            path: Inside the store.
            parts: The file's bytes, whole or in parts that follow each other.
            sync: Whether the file's name is on the disk as well. Who writes many files into one folder says
                no, and calls :meth:`sync` before anything refers to them: half as many waits for the disk.
        """
        name = _checked(path)
        with self._mapped(path):
            if self._local is not None:
                self._local.write(name, parts, sync=sync)
                return
            system, root = self._system()
            target = f"{root}/{name}"
            if self._protocol() in _OBJECT_STORES:
                system.pipe_file(target, b"".join(parts))
                return
            folder = target.rpartition("/")[0]
            temporary = f"{folder}/{_UNFINISHED}{secrets.token_hex(8)}"
            system.makedirs(folder, exist_ok=True)
            try:
                system.pipe_file(temporary, b"".join(parts))
                system.mv(temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    system.rm_file(temporary)
                raise

    def sync(self, folder: str) -> None:
        """Puts the names of the files in a folder, and its own, on the disk of a local store.

        Raises StoreError, and NotFound where there is no such folder.
        """
        name = _checked(folder)
        if self._local is None:
            return
        with self._mapped(folder):
            self._local.sync(name)

    def read(self, path: str, limit: int | None = None, *, cut: bool = False) -> bytes:
        """The file's bytes. Raises NotFound; StoreError when it cannot be read, or is a link or a device.

        ``limit`` is how many bytes it may have at most; ``cut`` is for who knows its digest: of a longer one
        they get one byte more, which is another file.
        """
        name = _checked(path)
        with self._mapped(path):
            if self._local is not None:
                found = self._local.read(name, limit)
            else:
                system, root = self._system()
                end = None if limit is None else limit + 1
                found = bytes(system.cat_file(f"{root}/{name}", start=None, end=end))
            if limit is not None and len(found) > limit and not cut:
                raise StoreError(
                    "a file in the artifact store is larger than any that the program writes",
                    where=path,
                    fix="Delete the file, and find out who can write to the artifact store.",
                )
            return found

    def delete(self, path: str) -> None:
        """Deletes the file; one that is not there is fine. Raises StoreError."""
        name = _checked(path)
        with self._mapped(path), contextlib.suppress(FileNotFoundError):
            if self._local is not None:
                self._local.delete(name)
                return
            system, root = self._system()
            system.rm_file(f"{root}/{name}")

    def remove_empty(self, folder: str) -> None:
        """Removes the folder from a local store where nothing is in it any more. Raises StoreError."""
        name = _checked(folder)
        if self._local is not None:
            with self._mapped(folder):
                self._local.remove_empty(name)

    def list(self, prefix: str) -> list[str]:
        """Paths of all finished files under the folder ``prefix`` ("" is everything), sorted."""
        name = _checked(prefix) if prefix else ""
        with self._mapped(prefix):
            if self._local is not None:
                found = self._local.paths(name)
            else:
                system, root = self._system()
                under = f"{root}/{name}".rstrip("/")
                system.invalidate_cache()
                files = system.find(under) if system.exists(under) else []
                found = [f[len(root) + 1 :] for f in files]
        return sorted(f for f in found if not PurePosixPath(f).name.startswith(_UNFINISHED))

    def sweep(self, older_than: float) -> int:
        """Deletes what killed writers left unfinished in a local store, last touched before ``older_than``.

        Args:
            older_than: Seconds since the epoch.

        Returns:
            How many files were deleted.
        """
        if self._local is None:
            return 0
        with self._mapped(""):
            return self._local.sweep(_UNFINISHED, older_than)

    def _protocol(self) -> str:
        return self._address.partition("://")[0].rpartition("::")[2]

    def _system(self) -> tuple[Any, str]:
        if self._remote is None:
            import fsspec

            try:
                system, root = fsspec.url_to_fs(self._address)
            except ImportError as error:
                raise MissingPart(
                    f"the package for {self._protocol()}:// addresses is not installed",
                    where="warehouse.artifacts",
                    fix=str(error),
                ) from error
            except ValueError as error:
                raise ConfigError(
                    "the address of the artifact store is not valid",
                    where="warehouse.artifacts",
                    fix="Write an absolute path, or an address such as s3://bucket/folder.",
                ) from error
            self._remote = (system, str(root).rstrip("/"))
        return self._remote

    @contextlib.contextmanager
    def _mapped(self, path: str) -> Iterator[None]:
        where = f"{self._address.rstrip('/')}/{path}"
        transaction.refuse_inside("an artifact store")
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(
                "the file is missing from the artifact store",
                where=where,
                fix="Restore the artifact store from a backup, or make a new version: kronkers train MODEL "
                "--force",
            ) from error
        except OSError as error:
            raise faults.from_system(error, where) from error
        except (StoreError, ConfigError, MissingPart):
            raise
        except Exception as error:
            # Every fsspec implementation raises its own client's errors, which have no common class.
            raise StoreError(
                f"the artifact store failed: {type(error).__name__}",
                where=where,
                fix="Check the network, the address in warehouse.artifacts and its credentials.",
            ) from error


def _checked(path: str) -> str:
    parts = path.split("/")
    if any(p in ("", ".", "..") or p.startswith(_UNFINISHED) for p in parts) or "\0" in path or "\\" in path:
        raise ValueError(f"not a path inside the store: {path!r}")
    return path
