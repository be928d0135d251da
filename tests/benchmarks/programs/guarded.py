"""A command of the command line that counts what its protection costs. Usage: guarded.py MODE FILE WORDS...

Writes to FILE, as JSON, the seconds of the run and, for sealing (encrypting and decrypting chunks and keys),
signing (signatures, digests, certificates) and the ledger (entries, checkpoints), the processor's seconds and
those of the clock. What one of them calls of another counts once, for the outer one. The clock's seconds are
an upper bound: most of sealing runs in threads beside other work.

MODE ``full`` runs as always. ``bare`` neither encrypts nor digests the chunks of snapshots, which are nearly
all of the bytes: what the run would take without. Its snapshots are of no use to any other run.
"""

import functools
import importlib
import json
import sys
import threading
import time
from pathlib import Path

COUNTED = {
    "sealing": [
        "vault.sealing:seal_parts",
        "vault.sealing:unseal_into",
        "vault.identity:PublicKeys.seal",
        "vault.identity:Identity.unseal",
    ],
    "signing": [
        "vault.identity:Identity.sign",
        "vault.identity:PublicKeys.verifies",
        "vault.manifest:digest",
        "vault.vault:Vault.verify",
        "vault.vault:Vault.sign",
    ],
    "ledger": [
        "ledger.ledger:Ledger.append",
        "ledger.ledger:Ledger.verify",
        "audit.checkpoint:write",
        "audit.checkpoint:compare",
    ],
}

spent = {kind: [0.0, 0.0, 0] for kind in COUNTED}
inside = threading.local()
lock = threading.Lock()


def counting(kind, function):
    @functools.wraps(function)
    def counted(*args, **kwargs):
        if getattr(inside, "kind", None):
            return function(*args, **kwargs)
        inside.kind = kind
        clock, processor = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            clock, processor = time.perf_counter() - clock, time.thread_time() - processor
            inside.kind = None
            with lock:
                for i, more in enumerate((processor, clock, 1)):
                    spent[kind][i] += more

    return counted


def replace(kind, place):
    """Everywhere: other modules have imported functions by their names."""
    module, _, name = place.partition(":")
    holder = importlib.import_module(f"kronkers_batch.{module}")
    *outer, name = name.split(".")
    for part in outer:
        holder = getattr(holder, part)
    original = getattr(holder, name)
    counted = counting(kind, original)
    setattr(holder, name, counted)
    for other in list(sys.modules.values()):
        if (
            getattr(other, "__name__", "").startswith("kronkers_batch")
            and getattr(other, name, None) is original
        ):
            setattr(other, name, counted)


began, busy = time.perf_counter(), time.process_time()
for module in (
    "tasks.run",
    "kronkers_batch.bootstrap",
    "kronkers_batch.data.freezing",
    "kronkers_batch.warehouse.writer",
):
    importlib.import_module(module)
for kind, places in COUNTED.items():
    for place in places:
        replace(kind, place)

from kronkers_batch.cli.main import main  # noqa: E402
from kronkers_batch.data import freezing  # noqa: E402
from kronkers_batch.vault.vault import Vault  # noqa: E402

mode, result, *words = sys.argv[1:]
if mode == "bare":
    Vault.seal_parts = lambda self, key, context, data: (b"\x01", data)
    Vault.unseal_into = lambda self, key, context, blob, room: memoryview(blob)[1:]
    freezing.digest = lambda *parts: "0" * 64
    freezing.check_chunk = lambda entry, blob: None
code = main(words)
whole = {"processor": time.process_time() - busy, "clock": time.perf_counter() - began}
found = {k: {"processor": v[0], "clock": v[1], "calls": v[2]} for k, v in spent.items()}
Path(result).write_text(json.dumps({"whole": whole, **found}))
sys.exit(code)
