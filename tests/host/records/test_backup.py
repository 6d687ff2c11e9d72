"""Backups: everything comes back, in either database, and only a complete and unchanged backup is accepted."""

import io
import json
import random
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.host.databases import Database, new_database, parameters
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, fail, right

from dsc_host.errors import DscError, StoreError
from dsc_host.records import vault
from dsc_host.records.backup import MOST_LINE
from dsc_host.verifier import Keyring, MasterKey, Policy, Reason, State, Verifier
from dsc_host.verifier.backup import backup, restore

PIN_CARD = "OCRA-1:HOTP-SHA256-8:C-QN06"


@pytest.fixture
def source(database_kind: str, tmp_path: Path, clock: Clock) -> Iterator[Verifier]:
    """Yield records with a value in every column."""
    (tmp_path / "from").mkdir()
    with (
        new_database(database_kind, tmp_path / "from") as database,
        Verifier.open(database.url, master_key=MASTER, clock=clock, policy=Policy(pause=0)) as verifier,
    ):
        fill(verifier)
        yield verifier


def fill(verifier: Verifier) -> None:
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, duress_pin="4321", owners=("Zoë", "O'Neill; DROP TABLE cards"))
    verifier.enroll("B-2", key=KEY, suite=PIN_CARD, unlock_key=bytes(32), counter=2**63 + 5)
    verifier.enroll("C-3", key=KEY, suite=SUITE, pin=PIN)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge))
    verifier.unlock_code("B-2", "000001")
    fail(verifier, "C-3", 10)
    verifier.challenge("NO-CARD", conceal=True)
    verifier.enroll("D-4", key=KEY, suite=SUITE, pin=PIN)
    verifier.retire("D-4", "worn out")
    verifier.lost("C-3", "left in a train")


@pytest.fixture(params=parameters())
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "to").mkdir()
    with new_database(request.param, tmp_path / "to") as database:
        yield database


@pytest.fixture
def sqlite_target(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'restored.db'}"


def made(verifier: Verifier) -> bytes:
    file = io.BytesIO()
    backup(verifier, file)
    return file.getvalue()


@pytest.fixture(scope="module")
def one() -> bytes:
    with Verifier.open("sqlite://", master_key=MASTER, clock=Clock(), policy=Policy(pause=0)) as verifier:
        fill(verifier)
        return made(verifier)


@pytest.mark.pooled
@pytest.mark.every_database
def test_all_of_it_comes_back(source: Verifier, target: Database, clock: Clock) -> None:
    file = io.BytesIO()
    progress: list[tuple[int, int]] = []
    assert backup(source, file, done=lambda *so_far: progress.append(so_far)) == 4
    assert progress[-1][0] == progress[-1][1] > 20
    before = source.audit.check().checkpoint
    file.seek(0)
    assert restore(target.url, MASTER, file, actor="desk", clock=clock) == 4
    with Verifier.open(target.url, master_key=MASTER, clock=clock) as restored:
        assert list(restored.cards()) == list(source.cards())
        assert list(restored.disclose()) == list(source.disclose())
        report = restored.audit.check(before)
        assert (report.problems, report.entries) == ((), before.number + 2)
        *known, last, _disclosed = restored.audit.entries()
        assert (last.actor, last.action, last.detail) == (
            "desk",
            "backup.restore",
            f'{{"cards":"4","database":"{source.context.seals.database}"}}',
        )
        assert known == list(source.audit.entries())[: before.number]
        assert known[-1].action == "backup.make"


def test_what_was_open_is_not_answered_again(source: Verifier, sqlite_target: str, clock: Clock) -> None:
    challenge = source.challenge("A-1")
    kept = made(source)
    response = right(challenge, 1)
    assert source.verify(challenge.id, response)
    restore(sqlite_target, MASTER, io.BytesIO(kept), clock=clock)
    with Verifier.open(sqlite_target, master_key=MASTER, clock=clock) as restored:
        assert restored.verify(challenge.id, response).reason is Reason.EXPIRED
        fresh = restored.challenge("A-1")
        assert restored.verify(fresh.id, right(fresh, 2)), "within the window, the card goes on"


@pytest.mark.every_database
def test_a_backup_of_a_busy_database_is_of_one_moment(source: Verifier, sqlite_target: str, clock: Clock) -> None:
    source.unlock("C-3")
    source.resume("C-3")
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(lambda: [source.challenge("C-3") for _ in range(20)])
        kept = [made(source) for _ in range(3)]
        work.result(60)
    for number, each in enumerate(kept):
        restore(f"{sqlite_target}{number}", MASTER, io.BytesIO(each), clock=clock)
        with Verifier.open(f"{sqlite_target}{number}", master_key=MASTER, clock=clock) as restored:
            assert restored.audit.check().sound


def test_no_secret_is_in_it_and_no_decoy(one: bytes) -> None:
    for secret in (KEY, KEY.hex().encode(), MASTER._key.hex().encode()):
        assert secret not in one
    # Ids, hashes, sealed values and questions can contain any four digits by chance.
    shown = re.sub(rb'[0-9A-Za-z+/=_-]{16,}|"question":"[0-9]{6}"', b"", one)
    assert b'"serial":"A-1"' in shown
    for pin in (PIN.encode() + b'"', b"4321"):
        assert pin not in shown
    assert b"NO-CARD" not in b"\n".join(line for line in one.splitlines() if b'{"audit"' not in line)


def test_it_may_be_under_an_older_master_key(one: bytes, sqlite_target: str, clock: Clock) -> None:
    newer = MasterKey(bytes(32))
    assert restore(sqlite_target, Keyring(newer, MASTER), io.BytesIO(one), clock=clock) == 4
    with Verifier.open(sqlite_target, master_key=Keyring(newer, MASTER), clock=clock) as restored:
        assert restored.audit.check().sound
        assert restored.card("A-1").state is State.ACTIVE


def refused(data: bytes, url: str, key: MasterKey = MASTER) -> str:
    """Return the refusal, and check that nothing changed, so that the right backup can still be restored."""
    with pytest.raises(DscError) as caught:
        restore(url, key, io.BytesIO(data), clock=Clock())
    with Verifier.open(url, master_key=key, clock=Clock()) as verifier:
        assert list(verifier.cards()) == []
        assert [entry.action for entry in verifier.audit.entries()] == ["log.begin"]
    return str(caught.value)


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_cut_short_anywhere_it_is_refused(one: bytes, sqlite_target: str, step: int) -> None:
    lines = one.splitlines(keepends=True)
    for kept in (*range(0, len(lines), step), len(lines) - 1):
        whole = b"".join(lines[:kept])
        for cut in (whole, whole + lines[kept][:-1], whole + lines[kept][: len(lines[kept]) // 2]):
            assert "incomplete" in refused(cut, sqlite_target)


@pytest.mark.parametrize("changes", [12, pytest.param(150, marks=pytest.mark.long)])
def test_a_changed_byte_anywhere_is_noticed(one: bytes, sqlite_target: str, changes: int) -> None:
    chance = random.Random(5)
    for at in chance.sample(range(len(one)), changes):
        changed = bytearray(one)
        changed[at] ^= 1 << chance.randrange(8)
        assert refused(bytes(changed), sqlite_target)


OTHER_LINES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "swapped": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "doubled": lambda lines: [*lines[:2], *lines[1:]],
    "without one": lambda lines: [lines[0], *lines[2:]],
    "with more": lambda lines: [*lines, b"\n"],
    "twice": lambda lines: [*lines, *lines],
    "with half of a surrogate pair": lambda lines: [*lines[:-1], b'{"seal":"\\ud800"}\n'],
    "with a long line": lambda lines: [lines[0], b"x" * 1_000_000 + b"\n", *lines[2:]],
}


def test_other_lines_are_refused(one: bytes, sqlite_target: str) -> None:
    for name, change in OTHER_LINES.items():
        told = refused(b"".join(change(one.splitlines(keepends=True))), sqlite_target)
        assert told.startswith("backup: line ") or "UNIQUE constraint" in told or "IntegrityError" in told, name
        assert len(told) < 300


def test_what_is_no_backup_is_refused(one: bytes, sqlite_target: str) -> None:
    header = json.loads(one.splitlines()[0])
    changed = [
        {"schema": 3},
        {"format": header["format"] + 1},
        {"rows": {}},
        {"key": 5},
        {"rows": {**header["rows"], "challenges": -1}},
        {"rows": {**header["rows"], "cards": True}},
    ]
    garbage = [
        b"",
        b"\0" * 100,
        b"{}",
        b"[]",
        b"null",
        b"SQLite format 3\0",
        b'{"dscplus":"backup"}',
        b"[" * 60_000,
        b"\xff\xfe",
    ]
    for line in (*garbage, *(json.dumps({**header, **changes}).encode() for changes in changed)):
        assert refused(line + b"\n", sqlite_target).startswith("backup: line 1 ")


def test_rows_of_other_kinds_are_refused(one: bytes, sqlite_target: str) -> None:
    lines = one.splitlines(keepends=True)
    for column, value in (
        ("counter", "7"),
        ("counter", 2**64),
        ("counter", -1),
        ("enrolled_at", float("nan")),
        ("failures", True),
        ("sealed_key", "***"),
        ("serial", None),
        ("asked", 1.5),
        ("more", 1),
        ("failures", 2**63),
        ("asked", -(2**63) - 1),
        ("suite", "\ud800"),
    ):
        # The row after the header and the identity.
        row = json.loads(lines[2])
        row["cards"][column] = value
        changed = b"".join([*lines[:2], json.dumps(row).encode() + b"\n", *lines[3:]])
        assert refused(changed, sqlite_target) == "backup: line 3 is not a row of cards"


def test_another_master_key_does_not_open_it(one: bytes, sqlite_target: str) -> None:
    assert "master key" in refused(one, sqlite_target, MasterKey(bytes(32)))


def test_records_are_never_written_over(one: bytes, sqlite_target: str, clock: Clock) -> None:
    with Verifier.open(sqlite_target, master_key=MASTER, clock=clock) as there:
        there.enroll("Z-9", key=KEY, suite=SUITE, pin=PIN)
        with pytest.raises(StoreError, match="restore the backup into a new database"):
            restore(sqlite_target, MASTER, io.BytesIO(one), clock=clock)
        assert [card.serial for card in there.cards()] == ["Z-9"]
        there.remove("Z-9")
        with pytest.raises(StoreError, match="the database already has records"):
            restore(sqlite_target, MASTER, io.BytesIO(one), clock=clock)


def test_of_two_who_restore_at_once_one_does(one: bytes, target: Database) -> None:
    def attempt(_: int) -> bool:
        try:
            restore(target.url, MASTER, io.BytesIO(one), clock=Clock())
        except StoreError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, range(2))) == [False, True]


def test_a_line_may_be_so_long(sqlite_target: str) -> None:
    line = b'{"dscplus":"backup"' + b" " * (MOST_LINE - 21) + b"}\n"
    assert len(line) == MOST_LINE
    assert "of another version" in refused(line, sqlite_target)
    assert "too long" in refused(b" " + line, sqlite_target)


def test_a_long_secret_comes_back_and_a_longer_one_is_refused(source: Verifier, sqlite_target: str) -> None:
    long = bytes(MOST_LINE // 4)
    source.context.change(lambda tx: vault.put(tx, "long", long))
    restore(sqlite_target, MASTER, io.BytesIO(made(source)))
    with Verifier.open(sqlite_target, master_key=MASTER) as verifier:
        assert verifier.context.read(lambda tx: vault.get(tx, "long")) == long
    source.context.change(lambda tx: vault.put(tx, "long", bytes(MOST_LINE)))
    with pytest.raises(StoreError, match="a row is too long for a backup"):
        made(source)


def test_a_file_that_cannot_be_written_is_the_callers_error(one: bytes) -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError("no space")

    with Verifier.open("sqlite://", master_key=MASTER) as verifier:
        with pytest.raises(OSError, match="no space"):
            backup(verifier, Full())
        assert verifier.audit.check().sound
