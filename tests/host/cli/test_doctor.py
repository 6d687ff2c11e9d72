"""`dscplus doctor` finds what is broken in an installation, says what to do, and changes nothing."""

import json
import os
import shutil
import socket
import socketserver
import sqlite3
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.host import keyed
from tests.host.command_runner import SECRETS, Command
from tests.host.databases import new_postgresql

from dsc_host.cli.checks import contents, machine, ports, records
from dsc_host.cli.checks.finding import State
from dsc_host.records.backends.base import Identity
from dsc_host.schema import SCHEMA
from dsc_host.server.implementations import installed
from dsc_host.verifier import Keyring, MasterKey

keys = keyed.keys
OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"
Found = dict[str, list[tuple[str, str, str]]]
posix = pytest.mark.skipif(os.name != "posix", reason="has no modes of files")


@pytest.fixture
def closed() -> Iterator[list[str]]:
    """The options for ports on which no server runs. The ports are held, so that no other process gets them."""
    kinds = {"service": socket.SOCK_STREAM, "portal": socket.SOCK_STREAM, "radius": socket.SOCK_DGRAM}
    held = {name: socket.socket(socket.AF_INET, kind) for name, kind in kinds.items()}
    for each in held.values():
        each.bind(("127.0.0.1", 0))
    yield [word for name, each in held.items() for word in (f"--{name}-port", str(each.getsockname()[1]))]
    for each in held.values():
        each.close()


@contextmanager
def serving(reply: Callable[[bytes], bytes], greeting: bytes = b"") -> Iterator[int]:
    """Yield the port of a server that sends the greeting, and then `reply` to each line."""

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(greeting)
            for line in self.rfile:
                self.wfile.write(reply(line.upper()))
                if line.upper() in (b"\r\n", b"QUIT\r\n"):
                    return

    with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def examined(dscplus: Command, *options: str) -> tuple[int, Found]:
    done = dscplus("doctor", "--json", *options)
    found: Found = {}
    for row in json.loads(done.out):
        found.setdefault(row["check"], []).append((row["state"], row["summary"], row["remedy"]))
    return done.code, found


def states(found: Found) -> dict[str, set[str]]:
    return {check: {state for state, _, _ in rows} for check, rows in found.items()}


def test_a_whole_installation(dscplus: Command, keys: Path, closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in keys.parent.glob("*.db")}
    code, found = examined(dscplus, *closed)
    assert code == 0
    missing = {"tokens", "mail", "spool"}
    assert states(found) == {check: {SKIPPED if check in missing else OK} for check in found}
    assert {"version", "extras", "servers", "settings", "master key", "database", "log", "clock", "disk", "portal"} <= set(
        found
    )
    used = installed()
    assert found["servers"][0][1] == f"event loop {used.loop}, requests read by {used.parser}"
    assert found["log"][0][1] == "3 entries, unchanged"
    assert {path.name: path.read_bytes() for path in keys.parent.glob("*.db")} == before
    text = dscplus("doctor", *closed).out
    assert "\nok       log         3 entries, unchanged\n" in text
    assert "To do" not in text


@pytest.mark.postgresql
def test_a_database_on_a_server(dscplus: Command, keys: Path, closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with new_postgresql() as url:
        monkeypatch.setenv("DSCPLUS_DB", url)
        assert examined(dscplus, *closed)[1]["database"][0][:2] == (FAILED, "the database on the server is empty")
        assert dscplus("enroll", "IB1", stdin=SECRETS).code == 0
        code, found = examined(dscplus, *closed)
        assert (code, found["database"][0][0], found["clock"][0][0]) == (0, OK, OK)
        monkeypatch.setattr(contents, "_server_time", lambda _: time.time() - 60)
        assert "differs from the clock of the database's server by 60" in examined(dscplus, *closed)[1]["clock"][0][1]


def of_schema(version: int) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "records.db")) as db:
            db.execute(f"PRAGMA user_version = {version}")

    return changed


def executing(statement: str) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "records.db")) as db:
            db.execute(statement)
            db.commit()

    return changed


def second_key(folder: Path) -> None:
    Keyring(MasterKey.from_file(folder / "master.key"), MasterKey.generate()).write(folder / "master.key")


def writing(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


FUTURE = f"UPDATE audit SET at = {time.time() + 600} WHERE number = 3"
KEY, DATABASE = "master key", "database"
BREAKS = {
    "no key": (without("master.key"), KEY, FAILED, "there is no", "restore your copy"),
    "no digits": (writing("master.key", "my dog"), KEY, FAILED, "hex", "restore your copy"),
    "another key": (writing("master.key", "ab" * 32), KEY, FAILED, "does not open this database", "--master-key"),
    "two keys": (second_key, KEY, WARNING, "holds 2 keys", "dscplus rekey"),
    "no database": (without("records.db"), DATABASE, FAILED, "there is no", "restore a backup"),
    "a letter": (writing("records.db", "dear aunt"), DATABASE, FAILED, "not a dscplus database", "name another file"),
    "an empty file": (writing("records.db", ""), DATABASE, FAILED, "is empty", "restore a backup"),
    "another program's": (executing("PRAGMA application_id = 1"), DATABASE, FAILED, "of another program", "name another"),
    "newer schema": (of_schema(SCHEMA.version + 1), DATABASE, FAILED, "of a newer dscplus", "upgrade"),
    "older schema": (of_schema(SCHEMA.version - 1), DATABASE, WARNING, "its schema is", "make a backup"),
    "ancient schema": (of_schema(SCHEMA.oldest - 1), DATABASE, FAILED, "too old", "the dscplus that made it"),
    "changed log": (
        executing("UPDATE audit SET actor = 'x' WHERE number = 2"),
        "log",
        FAILED,
        "2: was changed",
        "audit verify",
    ),
    "future log": (executing(FUTURE), "clock", FAILED, "behind the last entry", "time service"),
}


@pytest.mark.parametrize(("change", "check", "state", "summary", "remedy"), BREAKS.values(), ids=BREAKS)
def test_broken_records(
    dscplus: Command, keys: Path, closed: list[str],
    change: Callable[[Path], object], check: str, state: str, summary: str, remedy: str,
) -> None:  # fmt: skip
    change(keys.parent)
    before = {path.name: path.read_bytes() for path in keys.parent.iterdir() if path.is_file()}
    code, found = examined(dscplus, *closed)
    row = next(each for each in found[check] if each[0] == state)
    assert summary in row[1]
    assert remedy in row[2]
    assert code == int(any(FAILED in each for each in states(found).values()))
    after = {path.name: path.read_bytes() for path in keys.parent.iterdir() if path.is_file()}
    assert {name: after[name] for name in before} == before


@posix
@pytest.mark.parametrize(
    ("path", "mode", "check", "state", "remedy"),
    [
        ("master.key", 0o640, "master key", FAILED, "chmod 600"),
        ("records.db", 0o644, "database", WARNING, "chmod 600"),
        (".", 0o777, "master key", WARNING, "chmod o-w"),
        ("tokens", 0o644, "tokens", FAILED, "chmod 600"),
        ("spool", 0o755, "spool", WARNING, "chmod o-rwx"),
    ],
)
def test_permissions(
    dscplus: Command, keys: Path, closed: list[str], path: str, mode: int, check: str, state: str, remedy: str
) -> None:
    tokens, spool = keys.with_name("tokens"), keys.with_name("spool")
    assert dscplus("token", "new", "web", "--scope", "login", "--tokens", str(tokens)).code == 0
    dscplus.printed.clear()
    spool.mkdir(0o700)
    (keys.parent / path).chmod(mode)
    _, found = examined(dscplus, *closed, "--tokens", str(tokens), "--spool", str(spool))
    assert any(row[0] == state and remedy in row[2] for row in found[check])


@pytest.mark.parametrize(
    ("options", "check", "summary"),
    [
        (("--policy", "none.toml"), "policy", "none.toml"),
        (("--tokens", "none"), "tokens", "none"),
        (("--spool", "none"), "spool", "is not a folder"),
        (("--mail", "localhost:25"), "mail-from", "sender"),
        (("--mail", "localhost:²"), "mail", "must be HOST:PORT"),
        (("--mail", "localhost:" + "9" * 5000), "mail", "must be HOST:PORT"),
        (("--mail", "mail..example:25"), "mail", "must be HOST:PORT"),
        (("--public", "login.example\n"), "portal", "is not a host name"),
        (("--public", "\u65e5\u672c.example"), "portal", "is not a host name"),
        (("--master-key", "k" * 300), "master key", "File name too long"),
        (("--db", "sqlite:///" + "n" * 300), "database", "File name too long"),
        (("--tokens", "t" * 300), "tokens", "File name too long"),
        (("--spool", "s" * 300), "spool", "File name too long"),
        (("--db", "mysql://dscplus"), "database", "must be a URL"),
        (("--db", "postgresql://127.0.0.1:1/dscplus"), "database", "cannot be used"),
    ],
)
def test_wrong_options(
    dscplus: Command, keys: Path, closed: list[str], options: tuple[str, str], check: str, summary: str
) -> None:
    code, found = examined(dscplus, *closed, *options)
    assert code == 1
    assert any(summary in row[1] and row[0] == FAILED for rows in found.values() for row in rows), found


def test_a_settings_file_that_cannot_be_read(dscplus: Command, closed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_CONFIG", "none.toml")
    code, found = examined(dscplus, *closed)
    assert (code, found["settings"][0][0]) == (1, FAILED)
    assert "database" not in found


SMTP = {b"EHLO": b"250 post\r\n", b"MAIL": b"250 fine\r\n", b"RSET": b"250 fine\r\n", b"QUIT": b"221 bye\r\n"}


@pytest.mark.parametrize(
    ("replies", "state", "summary"),
    [
        (SMTP, OK, "takes email from desk@example.com"),
        ({**SMTP, b"MAIL": b"550 no relay\r\n"}, FAILED, "550 no relay"),
        ({}, FAILED, "does not answer as a mail server"),
    ],
)
def test_mail(dscplus: Command, keys: Path, closed: list[str], replies: dict[bytes, bytes], state: str, summary: str) -> None:
    with serving(lambda line: replies[line[:4]], b"220 post\r\n" if replies else b"404 nothing\r\n") as port:
        _, found = examined(dscplus, *closed, "--mail", f"127.0.0.1:{port}", "--mail-from", "desk@example.com")
    assert found["mail"][0][0] == state
    assert summary in found["mail"][0][1]


@pytest.mark.parametrize(
    ("sender", "summary"),
    [("d\u00fcsk@example.com", "cannot be sent from"), ("desk@example.com\n", "must be the sender's")],
)
def test_a_sender_that_no_server_can_get(dscplus: Command, keys: Path, closed: list[str], sender: str, summary: str) -> None:
    with serving(lambda line: SMTP[line[:4]], b"220 post\r\n") as port:
        _, found = examined(dscplus, *closed, "--mail", f"127.0.0.1:{port}", "--mail-from", sender)
    assert any(row[0] == FAILED and summary in row[1] for rows in found.values() for row in rows), found


def answering(status: int) -> Callable[[bytes], bytes]:
    return lambda line: f"HTTP/1.1 {status} .\r\nContent-Length: 0\r\n\r\n".encode() if line == b"\r\n" else b""


@pytest.mark.parametrize(
    ("reply", "state", "summary"),
    [
        (answering(200), OK, "answers"),
        (answering(503), FAILED, "cannot reach its database"),
        (answering(421), WARNING, "another host name"),
        (answering(404), WARNING, "another program"),
        (lambda _: b"220 post\r\n", WARNING, "another program"),
    ],
    ids=["healthy", "no database", "another name", "another site", "another protocol"],
)
def test_ports(
    dscplus: Command, keys: Path, closed: list[str], reply: Callable[[bytes], bytes], state: str, summary: str
) -> None:
    with serving(reply) as port:
        _, found = examined(dscplus, *closed, "--portal-port", str(port))
    assert found["portal"][0][0] == state
    assert summary in found["portal"][0][1]


def test_a_server_that_does_not_answer(
    dscplus: Command, keys: Path, closed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _, found = examined(dscplus, *closed, "--portal-port", str(silent.getsockname()[1]))
    assert (found["portal"][0][0], "does not answer within 0.1 seconds" in found["portal"][0][1]) == (WARNING, True)


def test_messages_that_are_not_sent(dscplus: Command, keys: Path, closed: list[str]) -> None:
    papers = (
        "--address",
        "1 Key Road, Zug",
        "--birth-date",
        "1980-05-17",
        "--citizenship",
        "CH",
        "--document",
        "passport:X1234567",
    )
    account = dscplus("account", "add", dscplus("person", "add", "Anna", *papers).out.strip()).out.strip()
    assert dscplus("user", "add", account, "anna", "--email", "anna@example.com", stdin="a quiet harbour town\n").code == 0
    assert dscplus("user", "password", "anna", stdin="another quiet harbour\n").code == 0
    for change, summary in (
        ("at = at - 3600", "minutes: 1"),
        (f"state = 'failed', at = {time.time()}", "messages of the last 24 hours that could not be sent: 1"),
    ):
        executing(f"UPDATE messages SET {change}")(keys.parent)
        _, found = examined(dscplus, *closed)
        assert [row[0] for row in found["messages"]] == [WARNING]
        assert summary in found["messages"][0][1]


def test_a_spool_that_nobody_fetches(dscplus: Command, keys: Path, closed: list[str]) -> None:
    spool = keys.with_name("spool")
    spool.mkdir(0o700)
    (spool / "1.json").touch()
    options = (*closed, "--spool", str(spool))
    assert examined(dscplus, *options)[1]["spool"][0][0] == OK
    os.utime(spool / "1.json", (0, 0))
    assert "older than 15 minutes" in examined(dscplus, *options)[1]["spool"][0][1]


usage = namedtuple("usage", "total used free")


@pytest.mark.parametrize(("free", "state"), [(50 << 20, FAILED), (500 << 20, WARNING), (5 << 30, OK)])
def test_disks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, state: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, free))
    assert [each.state for each in machine.check_disk(tmp_path)] == [state]


def test_a_newer_schema_that_only_adds_is_no_failure() -> None:
    found = records._schema(Identity(True, SCHEMA.version + 1, SCHEMA.version), None)
    assert (found.state, "logins continue" in found.summary, "backups" in found.remedy) == (State.WARNING, True, True)
