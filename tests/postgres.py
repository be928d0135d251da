"""A real PostgreSQL server for tests: made, started and thrown away with the tests' own process.

PostgreSQL refuses to run as root, so where root runs the tests it runs as the account that Debian's package
makes. It listens on the loopback only, wants a password that no other program knows, and ends when the tests
do, also when they are killed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

OWNER = "owner"  # the superuser's name
_INSTALL = (
    "PostgreSQL is missing: run `scripts/setup --dev`, or install it (Debian: apt-get install postgresql)"
)
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 40,
    "shared_buffers": "16MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_wal_senders": 0,
    "wal_level": "minimal",
    "logging_collector": "off",
    "log_statement": "all",
}


class Server:
    """A running server.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        password: The superuser's.
        log: What it said, every statement included.
    """

    def __init__(self, folder: Path, account: str | None) -> None:
        self._folder, self._account = folder, account
        self.data, self.log = folder / "data", folder / "log"
        self.password = secrets.token_hex(16)
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """A new cluster."""
        secret = self._folder / "password"
        secret.write_text(self.password)
        if self._account:
            shutil.chown(secret, self._account)
        command = [_program("initdb"), "-D", str(self.data), "-U", OWNER, "--pwfile", str(secret)]
        options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, **self._as())
        assert done.returncode == 0, done.stdout + done.stderr
        secret.unlink()

    def start(self) -> None:
        """Starts it, on the port that it had before if it had one."""
        for _ in range(5):
            port = self.port or _free_port()
            settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
            # setpriv: a server whose tests were killed ends too.
            command = ["setpriv", "--pdeathsig", "QUIT", _program("postgres"), "-D", str(self.data)]
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*command, f"--port={port}", *settings], stdout=log, stderr=log, **self._as()
                )
            if self._is_up(port):
                self.port = port
                return
        raise AssertionError(f"PostgreSQL does not start:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """Ends it at once, and everybody's connections with it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def url(self, database: str, user: str = OWNER, password: str | None = None) -> str:
        """The address as a source's ``url:`` has it."""
        secret = self.password if password is None else password
        return f"postgresql+psycopg://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def execute(self, database: str, *statements: str, **connect: Any) -> list[tuple[Any, ...]]:
        """Runs statements as the superuser; the last one's rows."""
        with self.connect(database, **connect) as connection:
            rows: list[tuple[Any, ...]] = []
            for statement in statements:
                cursor = connection.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
            return rows

    def connect(self, database: str, user: str = OWNER, password: str | None = None) -> Any:
        """A connection that commits every statement."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=user,
            password=self.password if password is None else password,
            dbname=database,
            autocommit=True,
        )

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The name of a new, empty database, which is gone afterwards."""
        name = f"test_{secrets.token_hex(6)}"
        self.execute("template1", f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            self.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def account(self, database: str, *grants: str) -> tuple[str, str]:
        """Name and password of a new account that may read all tables that the database has now."""
        name, password = f"reader_{secrets.token_hex(4)}", secrets.token_hex(8)
        with self.connect(database) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
            for grant in ("SELECT ON ALL TABLES IN SCHEMA public", *grants):
                connection.execute(f"GRANT {grant} TO {name}".encode())
        return name, password

    def _is_up(self, port: int) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            self.port = port
            try:
                self.connect("postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        self.stop()
        self.port = 0
        return False

    def _as(self) -> dict[str, Any]:
        clean = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        options: dict[str, Any] = {"env": clean, "cwd": self._folder, "stdin": subprocess.DEVNULL}
        if self._account:
            options |= {
                "user": self._account,
                "group": pwd.getpwnam(self._account).pw_gid,
                "extra_groups": [],
            }
        return options


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server that is stopped and removed at the end."""
    account = _account()
    folder = _folder(account)
    server = Server(folder, account)
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _account() -> str | None:
    """Who runs the server where root runs the tests."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("no account but root to run PostgreSQL as")


def _folder(account: str | None) -> Path:
    """A new folder that the account can reach: pytest's own are shut to others."""
    for parent in (tempfile.gettempdir(), "/dev/shm", "/var/tmp", "/tmp"):
        if account and not all(
            p.stat().st_mode & stat.S_IXOTH for p in (Path(parent), *Path(parent).parents)
        ):
            continue
        with contextlib.suppress(OSError):
            folder = Path(tempfile.mkdtemp(prefix="kronkers-postgres-", dir=parent))
            if account:
                shutil.chown(folder, account)
            return folder
    raise AssertionError("no temporary folder that PostgreSQL's account can reach")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _program(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, _INSTALL
    return path
