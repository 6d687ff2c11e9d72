"""The manners of the command: help, streams, JSON, exit codes, Ctrl-C; and every door, knocked at wrongly."""

import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo
from tests.host.commanding import KEY, MASTER, PIN, Command, hurry
from typer.main import get_command

from dsc_host import Suite, Verifier
from dsc_host.cli import main
from dsc_host.cli.main import build
from dsc_simulator import Profile, SimulatedCard

SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
SECRETS = f"{KEY.hex()}\n{PIN}\n"
COMMANDS = sorted(get_command(build()).commands)  # type: ignore[attr-defined]
needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo terminals")
needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="has no file modes")
not_as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def dscplus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    command = Command(tmp_path, monkeypatch, capsys)
    yield command
    command.assert_no_secret_was_printed()


@pytest.fixture
def blank() -> Iterator[SimulatedCard]:
    with SimulatedCard() as card:
        yield card


@pytest.fixture
def mine() -> Iterator[SimulatedCard]:
    """A card that holds a key."""
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        yield card


@pytest.fixture
def silent_port() -> Iterator[str]:
    """A port at which nobody answers."""
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


# ---- help ----


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(dscplus: Command, command: str) -> None:
    done = dscplus(command, "--help")
    assert done.code == 0
    examples = re.findall(r"^ {4}(?:echo \w+ \| )?dscplus (\w+)", done.out.partition("Examples:")[2], re.MULTILINE)
    assert len(examples) >= 2
    assert set(examples) == {command}
    assert max(map(len, done.out.splitlines())) <= 88
    assert done.err == ""


def test_without_arguments_it_lists_the_commands(dscplus: Command) -> None:
    done = dscplus()
    assert done.code == 2
    assert set(COMMANDS) <= set(re.findall(r"^  (\w+)", done.err, re.MULTILINE))
    assert done.out == ""


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_is_a_result(dscplus: Command, option: str) -> None:
    done = dscplus(option)
    assert (done.code, done.err) == (0, "")
    assert "Commands:" in done.out


def test_version(dscplus: Command) -> None:
    done = dscplus("--version")
    assert done.code == 0
    assert re.fullmatch(r"dscplus \d+\.\d+\.\d+\n", done.out)


def test_the_page_about_the_command_lists_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)[ `]", page, re.MULTILINE)) == set(COMMANDS)


# ---- usage ----


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nope"], "nope"),
        (["info", "--nope"], "--nope"),
        (["info", "IB1"], "IB1"),
        (["respond"], "CHALLENGE"),
        (["challenge"], "SERIAL"),
        (["challenge", "IB1", "--db"], "--db"),
        (["enroll", "IB1", "--counter", "many"], "--counter"),
        (["personalize", "IB1", "--tries", "5.5"], "--tries"),
        (["respond", "482913", "--timeout", "soon"], "--timeout"),
        (["verify", "id", "--jsn"], "--jsn"),
        (["verify", "--bd", "x"], "--bd"),
    ],
    ids=" ".join,
)
def test_wrong_usage(dscplus: Command, arguments: list[str], named: str) -> None:
    done = dscplus(*arguments)
    assert (done.code, done.out) == (2, "")
    assert named in done.error


# ---- streams and JSON ----


def test_json_is_all_that_is_on_standard_output(dscplus: Command) -> None:
    dscplus.with_records()
    with SimulatedCard(profile=Profile(serial="IB1", key=KEY)) as card:
        runs = [
            dscplus("list", "--json"),
            dscplus("info", "--card", card.url, "--json"),
            dscplus("respond", "482913", "--card", card.url, "--json", stdin=f"{PIN}\n"),
            dscplus("enroll", "IB2", "--json", stdin=SECRETS),
            dscplus("challenge", "IB2", "--json"),
        ]
        issued = json.loads(runs[-1].out)
        runs.append(dscplus("verify", issued["id"], "00000000", "--json"))
        card.press("OK")
        runs.append(dscplus("wipe", "--card", card.url, "--json", stdin="y\n"))
        runs.append(dscplus("personalize", "IB1", "--card", card.url, "--json", stdin=f"{PIN}\n"))
    results = [json.loads(done.out) for done in runs]
    assert [done.code for done in runs] == [0, 0, 0, 0, 0, 4, 0, 0]
    assert results[0] == []
    assert results[1]["serial"] == "IB1"
    assert re.fullmatch("[0-9]{8}", results[2]["response"])
    assert results[3] == {"serial": "IB2", "suite": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256", "counter": 0}
    assert set(results[4]) == {"challenge", "id", "serial", "valid_until"}
    assert results[5] == {"accepted": False}
    assert results[6] == {"serial": "IB1", "wiped": True}
    assert results[7]["serial"] == "IB1"


def test_ports_are_listed_one_a_line(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM1"), _port("/dev/ttyACM0")])
    assert dscplus("list").out == "/dev/ttyACM0  a board\n/dev/ttyACM1  a board\n"
    assert json.loads(dscplus("list", "--json").out)[0] == {"url": "/dev/ttyACM0", "description": "a board"}


def _port(device: str, description: str = "a board") -> ListPortInfo:
    port = ListPortInfo(device)
    port.vid, port.description = 0x2E8A, description
    return port


def test_a_terminal_that_cannot_show_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM0", "\N{CHECK MARK} board")])
    shown = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(shown, "latin-1", write_through=True))
    monkeypatch.setattr(sys, "argv", ["dscplus", "list"])
    with pytest.raises(SystemExit) as done:
        main()
    assert (done.value.code, shown.getvalue()) == (0, b"/dev/ttyACM0  \\u2713 board\n")


def test_info_in_words(dscplus: Command, mine: SimulatedCard) -> None:
    done = dscplus("info", "--card", mine.url)
    assert (done.code, done.err) == (0, "")
    assert dict(re.findall(r"^(\w+(?: \w+)?)  +(\S+)$", done.out, re.MULTILINE)) == {
        "serial": "IB1",
        "suite": "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256",
        "pin policy": "ocra",
        "counter": "0",
        "tries left": "-",
        "locked": "no",
        "free memory": "-",
        "board": "simulator",
        "firmware": "0.1.0",
        "state": "off",
    }


# ---- which card ----


def test_no_card(dscplus: Command) -> None:
    done = dscplus("info")
    assert done.code == 3
    assert done.error == "no card is attached: name one with --card or DSCPLUS_CARD"


def test_several_cards_are_listed(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [_port("/dev/ttyACM0"), _port("/dev/ttyACM1")])
    done = dscplus("info")
    assert done.code == 3
    assert "/dev/ttyACM0, /dev/ttyACM1" in done.error


def test_the_card_may_be_named_by_the_environment(
    dscplus: Command, mine: SimulatedCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DSCPLUS_CARD", mine.url)
    assert json.loads(dscplus("info", "--json").out)["serial"] == "IB1"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/dev/no-such-port", "there is no such port"),
        ("no port at all", "there is no such port"),
        ("foo://x", "no such kind of address"),
        ("://", ""),
        ("[x]", ""),
        ("socket://", "looks like socket://host:port"),
        ("socket://127.0.0.1:1", "refused"),
        ("sim://nobody", "no simulated card of that name"),
        ("sim://?engine=steam", "cpython, micropython"),
        ("sim://?seed=x", "whole number"),
        ("sim://?colour=red", "engine, seed"),
        ("a\0b", ""),
    ],
)
def test_a_card_that_cannot_be_reached(dscplus: Command, url: str, words: str) -> None:
    done = dscplus("personalize", "IB1", "--card", url, stdin=f"{PIN}\n")
    assert (done.code, done.out) == (3, "")
    assert done.error.startswith(f"{url}: ")
    assert words in done.error
    assert list(dscplus.folder.iterdir()) == [], "nothing was made for it"


@pytest.mark.parametrize("command", [["info"], ["wipe"], ["respond", "482913"], ["demo", "--json"]], ids=" ".join)
def test_any_command_says_that_there_is_no_such_card(dscplus: Command, command: list[str]) -> None:
    done = dscplus(*command, "--card", "socket://[::1]:1")
    assert (done.code, done.out) == (3, "")
    assert done.error.startswith("socket://[::1]:1: ")


@needs_pty
def test_a_port_at_which_nobody_answers(dscplus: Command, silent_port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    done = dscplus("info", "--card", silent_port)
    assert done.code == 3
    assert "no card answers" in done.error


def test_a_line_that_is_lost(dscplus: Command, mine: SimulatedCard) -> None:
    mine.watch(lambda direction, data: mine.close() if direction == "in" and b" info*" in data else None)
    done = dscplus("info", "--card", mine.url)
    assert (done.code, done.out) == (5, "")
    assert "the line to the card was lost" in done.error


# ---- Ctrl-C ----


class CtrlC(StringIO):
    def readline(self, *_: object) -> str:
        raise KeyboardInterrupt


def test_ctrl_c_while_it_asks(dscplus: Command) -> None:
    path = dscplus.with_records()
    done = dscplus("enroll", "IB1", stdin=CtrlC())
    assert (done.code, done.out, done.error) == (130, "", "stopped")
    assert not path.exists()


def test_ctrl_c_before_there_is_a_command(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(**_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["dsc_host.cli.main"], "entry_points", stop)
    assert dscplus("list").code == 130


@needs_pty
def test_ctrl_c_while_it_waits_for_a_card() -> None:
    ours, theirs = os.openpty()
    # Whoever runs the tests may have had SIGINT switched off for its children.
    program = "import signal, dsc_host.cli as c; signal.signal(signal.SIGINT, signal.default_int_handler); c.main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "info", "--card", os.ttyname(theirs)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert _read(ours), "it has asked the card"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out, err) == (130, b"", b"Error: stopped\n")


def _read(file: int) -> bytes:
    assert select.select([file], [], [], 10)[0], "nothing came"
    return os.read(file, 100)


# ---- a terminal ----


@needs_pty
def test_a_terminal_is_asked_and_shows_no_secret(dscplus: Command) -> None:
    dscplus.with_records()
    ours, theirs = os.openpty()
    with (
        subprocess.Popen(
            [sys.executable, "-c", "from dsc_host.cli import main; main()", "enroll", "IB1"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Or it would ask at the terminal of whoever runs the tests.
        ) as process,
        ExitStack() as stack,
    ):
        assert process.stdout
        assert process.stderr
        stack.callback(process.kill)
        asked = b""
        for answer in (KEY.hex(), PIN, PIN):
            # The space after the colon comes when the terminal no longer shows what is typed.
            while not asked.endswith(b": "):
                asked += _read(process.stderr.fileno())
            os.write(ours, f"{answer}\n".encode())
            asked += b"\n"
        out, err = process.communicate(timeout=10)
    os.set_blocking(ours, False)
    with suppress(BlockingIOError, OSError):
        assert os.read(ours, 1000).strip() == b""
    os.close(ours)
    os.close(theirs)
    assert (process.returncode, out.split()[:2]) == (0, [b"serial", b"IB1"])
    assert re.findall(rb"[A-Z][\w ]+(?=: )", asked) == [b"Key", b"PIN", b"Repeat for confirmation"]
    assert dscplus.enrolled() == ["IB1"]
    dscplus.printed += [asked.decode(), out.decode(), err.decode()]


# ---- output that does not arrive ----


def test_a_reader_that_has_seen_enough() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = _process("demo", "--engine", "cpython", stdout=writer)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no device that is always full")
def test_a_full_disk_under_the_output() -> None:
    with Path("/dev/full").open("wb") as full:
        done = _process("list", "--json", stdout=full.fileno())
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [b"Error: No space left on device"]


def _process(*arguments: str, stdout: int) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", "from dsc_host.cli import main; main()", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=30, check=False)


# ---- wrong input: enrolling ----


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ib1"], "serial: must be 1 to 16"),
        (["A" * 17], "serial: must be 1 to 16"),
        ([""], "serial: must be 1 to 16"),
        (["IB1'; DROP TABLE cards; --"], "serial: must be 1 to 16"),
        (["IB1\0"], "serial: must be 1 to 16"),
        (["IB\N{FULLWIDTH DIGIT ONE}"], "serial: must be 1 to 16"),
        (["IB1", "--suite", "OCRA-2:HOTP-SHA256-8:QN06"], "suite: the algorithm must be OCRA-1"),
        (["IB1", "--suite", "nonsense"], "suite: must have three parts"),
        (["IB1", "--suite", ""], "suite: must have three parts"),
        (["IB1", "--suite", "OCRA-1:HOTP-SHA256-8:QH06"], "suite: its question must be decimal"),
        (["IB1", "--counter", "-1"], "counter: must be a whole number from 0"),
        (["IB1", "--counter", str(2**64 - 1)], "counter: must be a whole number from 0"),
        (["IB1", "--counter", "9" * 400], "counter: must be a whole number from 0"),
        (["IB1", "--counter", "1", "--suite", "OCRA-1:HOTP-SHA256-8:QN06"], "counter: is not part of this suite"),
    ],
)
def test_wrong_arguments_of_enroll(dscplus: Command, arguments: list[str], words: str) -> None:
    path = dscplus.with_records()
    done = dscplus("enroll", *arguments, stdin=SECRETS)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(words)
    assert not path.exists()


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ("", "key: give it on standard input"),
        ("\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 15}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 65}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'ab' * 16}a\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'xy' * 16}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (f"{'١٢' * 16}\n{PIN}\n", "key: must be 16 to 64 bytes"),
        (b"\xff\xfe\n", "key: must be text"),
        (f"{KEY.hex()}\n", "pin: give it on standard input"),
        (f"{KEY.hex()}\n\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n824\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n82460\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\nabcd\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n\N{FULLWIDTH DIGIT EIGHT}246\n", "pin: must be 4 digits"),
        (f"{KEY.hex()}\n{PIN} \n", "pin: must be 4 digits"),
    ],
)
def test_wrong_secrets_of_enroll(dscplus: Command, typed: str | bytes, field: str) -> None:
    path = dscplus.with_records()
    done = dscplus("enroll", "IB1", stdin=typed)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(field)
    assert not path.exists()


def test_standard_input_may_be_closed(dscplus: Command) -> None:
    assert dscplus("enroll", "IB1", stdin=None).error.startswith("key: give it on standard input")


def test_a_card_is_enrolled_once(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--counter", "7", stdin=SECRETS).code == 0
    done = dscplus("enroll", "IB1", stdin=f"{'00' * 16}\n0000\n")
    assert (done.code, done.error) == (1, "card IB1: is enrolled already")
    with dscplus.verifier() as verifier:
        assert verifier.card("IB1").counter == 7


def test_a_suite_without_a_pin_wants_none(dscplus: Command) -> None:
    dscplus.with_records()
    assert dscplus("enroll", "IB1", "--suite", "OCRA-1:HOTP-SHA1-6:QN08", stdin=f"{KEY.hex()}\n").code == 0


# ---- wrong input: the records ----


@pytest.mark.parametrize("serial", ["IB9", "ib1", "A" * 17, "IB1' OR 1=1", "IB1\0", "", "\udcff"])
def test_a_challenge_for_a_card_that_is_not_enrolled(dscplus: Command, serial: str) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    done = dscplus("challenge", serial)
    assert (done.code, done.out) == (1, "")
    assert "enrolled" in done.error


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("records.db", 2, "database: must be a URL such as sqlite:///dsc.db"),
        ("mysql://me:hush@host/x", 2, "database: must be a URL such as sqlite:///dsc.db, not mysql:"),
        ("postgresql://me:hush@host/x", 2, "database: PostgreSQL is not supported yet"),
        ("sqlite://host/x", 2, "database: three slashes"),
        ("sqlite:///x?mode=ro", 2, "database: takes no options"),
        ("sqlite://", 2, "database: must name a file"),
        ("sqlite:///:memory:", 2, "database: must name a file"),
        ("sqlite:///{folder}", 1, "{folder}: it is a folder"),
        ("sqlite:///{folder}/garbage", 1, "{folder}/garbage: it is not a dscplus database"),
        ("sqlite:///{folder}/other.db", 1, "{folder}/other.db: it is the database of another program"),
        ("sqlite:///{folder}/missing/x.db", 1, "{folder}/missing/x.db: there is no"),
        ("sqlite:///{folder}/" + "x" * 300, 1, "{folder}/" + "x" * 300 + ": "),
    ],
)
@pytest.mark.parametrize(
    "command", [["enroll", "IB1"], ["challenge", "IB1"], ["verify", "id", "1"]], ids=lambda words: words[0]
)
def test_a_wrong_database(dscplus: Command, url: str, code: int, words: str, command: list[str]) -> None:
    dscplus.with_records()
    garbage, other = dscplus.folder / "garbage", dscplus.folder / "other.db"
    garbage.write_bytes(b"a letter to my aunt\n" * 9)
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE letters (text)")
    db.close()
    before = garbage.read_bytes(), other.read_bytes()
    done = dscplus(*command, "--db", url.format(folder=dscplus.folder), stdin=SECRETS)
    assert (done.code, done.out) == (code, "")
    assert done.error.startswith(words.format(folder=dscplus.folder))
    assert "hush" not in done.err
    assert (garbage.read_bytes(), other.read_bytes()) == before
    assert sorted(path.name for path in dscplus.folder.iterdir()) == ["garbage", "other.db"]


@not_as_root
def test_a_folder_that_may_not_be_written(dscplus: Command) -> None:
    dscplus.with_records()
    folder = dscplus.folder / "locked"
    folder.mkdir(mode=0o500)
    done = dscplus("enroll", "IB1", "--db", f"sqlite:///{folder}/x.db", stdin=SECRETS)
    assert done.code == 1
    assert done.error.endswith("it cannot be made: Permission denied")


@pytest.mark.parametrize("command", [["challenge", "IB1"], ["verify", "id", "1"]], ids=lambda words: words[0])
def test_only_enrolling_makes_a_database(dscplus: Command, command: list[str]) -> None:
    done = dscplus(*command)
    assert done.code == 1
    assert "there is no such database" in done.error
    path = dscplus.with_records()
    assert dscplus(*command).error == f"{path}: there is no such database; enroll or personalize makes it"
    assert list(dscplus.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "must be 32 bytes"),
        ("ab" * 31, "must be 32 bytes"),
        ("ab" * 33, "must be 32 bytes"),
        ("xy" * 32, "must be 64 hex digits"),
        ("é" * 64, "must be 64 hex digits"),
    ],
)
def test_a_wrong_master_key_file(dscplus: Command, content: str | None, words: str) -> None:
    path = dscplus.folder / "master.key"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(0o600)
    done = dscplus("enroll", "IB1", "--master-key", str(path), "--db", f"sqlite:///{dscplus.folder}/x.db", stdin=SECRETS)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith("master key: ")
    assert words in done.error
    assert not (dscplus.folder / "x.db").exists()


@needs_modes
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_master_key_that_others_may_read(dscplus: Command, mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.folder / "master.key"
    path.write_text("ab" * 32)
    path.chmod(mode)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", str(path))
    done = dscplus("enroll", "IB1", stdin=SECRETS)
    assert done.code == 2
    assert done.error.endswith(f"make it yours alone: chmod 600 {path}")


def test_a_master_key_that_is_a_folder(dscplus: Command) -> None:
    done = dscplus("enroll", "IB1", "--master-key", str(dscplus.folder), stdin=SECRETS)
    assert (done.code, done.error) == (2, f"master key: {dscplus.folder} cannot be read: Is a directory")


@pytest.mark.parametrize("digits", ["", "ab", "xy" * 32, "ab" * 33])
def test_a_wrong_master_key_in_the_environment(dscplus: Command, digits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = dscplus.with_records()
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", digits)
    done = dscplus("enroll", "IB1", stdin=SECRETS)
    assert done.code == 2
    assert done.error.startswith("master key: in the environment variable DSCPLUS_MASTER_KEY: must be")
    assert not path.exists()


def test_another_master_key_than_the_records(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dscplus.with_records()
    dscplus("enroll", "IB1", stdin=SECRETS)
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "cd" * 32)
    for command in (["challenge", "IB1"], ["enroll", "IB2"], ["verify", "id", "1"]):
        done = dscplus(*command, stdin=SECRETS)
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith("master key: does not open this database")
    assert dscplus.enrolled() == ["IB1"]


# ---- wrong input: responses ----


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    """A database with one card and one open challenge, and the challenge's id."""
    path = tmp_path_factory.mktemp("records") / "records.db"
    with Verifier.open(f"sqlite:///{path}", master_key=MASTER) as verifier:
        verifier.enroll("IB1", key=KEY, suite=SUITE, pin=PIN)
        issued = verifier.challenge("IB1")
    return path.read_bytes(), issued.id


@pytest.fixture
def challenge(dscplus: Command, records: tuple[bytes, str]) -> str:
    dscplus.with_records().write_bytes(records[0])
    return records[1]


@pytest.mark.parametrize(
    "response",
    [
        "",
        "0",
        "00000000",
        "000000000",
        "\N{ARABIC-INDIC DIGIT ZERO}" * 8,
        "0" * 1_000_000,
        "abcdefgh",
        "' OR ''='",
        "\udcff",
        "a\0b",
    ],
)
def test_a_wrong_response_and_nothing_says_why(dscplus: Command, challenge: str, response: str) -> None:
    done = dscplus("verify", challenge, response)
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


@pytest.mark.parametrize("typed", ["\n", "00000000\n", "1" * 1_000_000])
def test_a_wrong_response_on_standard_input(dscplus: Command, challenge: str, typed: str) -> None:
    done = dscplus("verify", challenge, stdin=typed)
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


def test_no_response_at_all(dscplus: Command, challenge: str) -> None:
    done = dscplus("verify", challenge)
    assert (done.code, done.error) == (2, "response: give it on standard input, one line")


@pytest.mark.parametrize("name", ["nope", "", "0" * 22, "é", "x" * 10_000])
def test_an_unknown_challenge_is_refused_like_a_wrong_response(dscplus: Command, challenge: str, name: str) -> None:
    done = dscplus("verify", name, "00000000")
    assert (done.code, done.out, done.error) == (4, "", "not accepted")


def test_a_mistyped_option_costs_no_attempt(dscplus: Command, challenge: str) -> None:
    for _ in range(3):
        assert dscplus("verify", challenge, "--jsno").code == 2
    with dscplus.verifier() as verifier:
        assert verifier.card("IB1").failures == 0


def test_an_expired_challenge(dscplus: Command, challenge: str) -> None:
    with sqlite3.connect(dscplus.folder / "records.db") as db:
        db.execute("UPDATE challenges SET expires_at = 1")
        (question,) = db.execute("SELECT question FROM challenges").fetchone()
    db.close()
    done = dscplus("verify", challenge, Suite.parse(SUITE).response(KEY, question, counter=0, pin=PIN))
    assert (done.code, done.error) == (4, "not accepted")
