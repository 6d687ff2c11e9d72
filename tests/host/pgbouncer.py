"""pgbouncer in transaction mode, which gives each transaction any of a few sessions. It listens on a socket in a folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_PORT = 6432
SESSIONS = 3
"""The number of sessions that the clients of a database share."""
_SECONDS = 30
_CONFIGURATION = """[databases]
* = host={server} port=5432 user={user} pool_size={sessions}
[pgbouncer]
pool_mode = transaction
auth_type = any
admin_users = {user}
unix_socket_dir = {folder}
max_client_conn = 200
server_login_retry = 0.1
log_connections = 0
log_disconnections = 0
log_pooler_errors = 0
log_stats = 0
"""


@dataclass(frozen=True)
class PgBouncer:
    """A pooler that runs. Its clients need no password, and use the server as `user`."""

    folder: Path
    user: str
    configuration: str = _CONFIGURATION

    def url(self, database: str) -> str:
        """Return the URL of this database of the server."""
        return f"postgresql://{self.user}@/{database}?host={self.folder}&port={_PORT}"

    def lead_to(self, server: Path) -> None:
        """Lead to the server whose socket is in this folder, and use the sessions of the earlier one no more."""
        import psycopg

        _configure(self, server)
        console = psycopg.connect(host=str(self.folder), port=_PORT, dbname="pgbouncer", user=self.user, autocommit=True)
        with closing(console):
            for command in ("RELOAD", "RECONNECT"):
                console.execute(command)


@contextmanager
def pgbouncer(server: Path, user: str, configuration: str = _CONFIGURATION) -> Iterator[PgBouncer]:
    """Run pgbouncer in front of the server whose socket is in this folder, and which has this user.

    The configuration may name the `{server}`, the `{user}`, the `{folder}` of the pooler's socket, and `{sessions}`.
    """
    assert PROGRAM
    with tempfile.TemporaryDirectory(prefix="dsc-pooler-") as name:
        pooler = PgBouncer(Path(name), user, configuration)
        file = _configure(pooler, server)
        other: dict[str, Any] = {}
        if os.geteuid() == 0:
            # It refuses to run as root, and must reach the server's socket.
            owner = server.stat()
            shutil.chown(pooler.folder, owner.st_uid, owner.st_gid)
            other = {"user": owner.st_uid, "group": owner.st_gid}
        with subprocess.Popen([PROGRAM, file], stderr=subprocess.PIPE, text=True, **other) as process:
            try:
                assert process.stderr
                if not any("process up" in line for line in process.stderr):
                    raise RuntimeError(f"{PROGRAM} does not start")
                yield pooler
            finally:
                process.terminate()


def _configure(pooler: PgBouncer, server: Path) -> Path:
    file = pooler.folder / "pgbouncer.ini"
    values = {"server": server, "user": pooler.user, "folder": pooler.folder, "sessions": SESSIONS}
    file.write_text(pooler.configuration.format(**values), encoding="utf-8")
    return file
