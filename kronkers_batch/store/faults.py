"""What the file system refuses, in words that say what to do; and what to do where a database refuses."""

from __future__ import annotations

import errno

from kronkers_batch.errors import StoreError

LOCKED = "Another program has been writing to it for 30 seconds. Let it finish (or stop it), then run again."
FULL = "Free disk space, then run the command again: it keeps what is finished, and does the rest."
READ_ONLY = "Give the user that runs kronkers the right to write to this file and its folder."
MOUNTED = (
    "Mount it for writing. If it was mounted so, the disk may be damaged: look into the system log (dmesg)."
)
PATH = "Check the path in conf/warehouse/, and that the user that runs kronkers may enter its folders."
DAMAGED = "Stop all kronkers commands, and restore it from the last backup."

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def from_system(error: OSError, where: str) -> StoreError:
    """The error for what the file system refused."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError("the disk or the quota is full", where=where, fix=FULL)
    if error.errno == errno.EROFS:
        return StoreError("the file system is read-only", where=where, fix=MOUNTED)
    if error.errno in (errno.EACCES, errno.EPERM):
        return StoreError("this account may not read or write it", where=where, fix=READ_ONLY)
    if error.errno in (
        errno.EEXIST,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENOENT,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    ):
        return StoreError("the path does not lead to a file", where=where, fix=PATH)
    reason = error.strerror or type(error).__name__
    return StoreError(
        f"the store failed: {reason}",
        where=where,
        fix="Check the disk or the network, then run the command again.",
    )
