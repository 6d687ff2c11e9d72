"""The settings of the command: an option counts first, then the environment, then the settings file, then the default."""

import json
import logging
import os
import socket
import sys
from pathlib import Path

import pytest
from tests.host.command_runner import Command

from dsc_simulator import Profile, SimulatedCard


def written(dscplus: Command, text: str | bytes) -> Path:
    file = dscplus.folder / "config" / "dscplus" / "config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def shown(dscplus: Command) -> dict[str, tuple[str, str]]:
    rows = json.loads(dscplus("config", "show", "--json").out)
    return {row["setting"]: (row["value"], row["source"]) for row in rows}


def test_each_setting_names_its_source(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    own = dscplus.folder / "data" / "dscplus" / "dsc.db"
    assert shown(dscplus)["db"] == (f"sqlite:///{own}", "default")
    file = written(dscplus, 'db = "sqlite:///kept.db"\ncard = "sim://"\n')
    assert shown(dscplus)["db"] == ("sqlite:///kept.db", str(file))
    monkeypatch.setenv("DSCPLUS_DB", "sqlite:///named.db")
    assert shown(dscplus)["db"] == ("sqlite:///named.db", "DSCPLUS_DB")
    assert shown(dscplus)["card"] == ("sim://", str(file))
    assert shown(dscplus)["master_key"][1] == "default"


def test_a_setting_that_no_command_accepts_is_shown(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_DB", "sqlite://")
    assert shown(dscplus)["db"] == ("sqlite://", "DSCPLUS_DB")


def test_the_key_comes_from_its_file_or_from_a_variable(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    written(dscplus, 'master_key = "kept.key"')
    monkeypatch.setenv("DSCPLUS_MASTER_KEY", "ab" * 32)
    assert shown(dscplus)["master_key"] == ("hex digits, not shown", "DSCPLUS_MASTER_KEY")
    monkeypatch.setenv("DSCPLUS_MASTER_KEY_FILE", "named.key")
    assert shown(dscplus)["master_key"] == ("named.key", "DSCPLUS_MASTER_KEY_FILE")
    dscplus.assert_no_secret_was_printed()


def test_commands_use_the_settings_of_the_file(dscplus: Command) -> None:
    with SimulatedCard(profile=Profile(serial="IB1", key=bytes(range(32)))) as card:
        key = dscplus.folder / "own.key"
        records = dscplus.folder / "kept.db"
        written(dscplus, f'db = "sqlite:///{records}"\nmaster_key = "{key}"\ncard = "{card.url}"\n')
        assert json.loads(dscplus("info", "--json").out)["serial"] == "IB1"
        key.write_text("ab" * 32)
        key.chmod(0o600)
        assert dscplus("enroll", "IB1", stdin=f"{'cd' * 32}\n1234\n").code == 0
    assert records.exists()
    assert dscplus("card", "list").rows[0].startswith("IB1 ")
    assert dscplus.refused("card", "list", "--db", f"sqlite:///{dscplus.folder}/other.db", code=1).endswith("person add")


@pytest.mark.parametrize(("text", "said"), [
    ("colour = 1", "has an unknown name, colour; it may have db, master_key, card"),
    ("db = 7", "db must be a text that is not empty"),
    ('db = ""', "db must be a text that is not empty"),
    (r'master_key = "a\u0000b"', "master_key must be a text that is not empty, without NUL"),
    ("db = ", "cannot be read: "),
    (b"\xff", "cannot be read: "),
    ("a=" + "[" * 20_000, "cannot be read: "),
    ("a=" + "1" * 5_000, "cannot be read: "),
    ("#" * 65_537, "is too long; it may have 65536 bytes"),
    ('"\\u001b[31m\\n" = 1', r"has an unknown name, \x1b[31m\n; it may have"),
])  # fmt: skip
def test_a_malformed_file_is_named(dscplus: Command, text: str | bytes, said: str) -> None:
    file = written(dscplus, text)
    error = dscplus.refused("card", "list")
    assert error.startswith(f"settings: {file}")
    assert said in error


def test_a_named_file_must_exist(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_CONFIG", str(dscplus.folder / "other.toml"))
    assert "other.toml does not exist" in dscplus.refused("card", "list")
    (dscplus.folder / "other.toml").write_text('db = "sqlite:///others.db"')
    assert shown(dscplus)["db"] == ("sqlite:///others.db", str(dscplus.folder / "other.toml"))


def test_a_mark_before_the_text_is_no_part_of_it(dscplus: Command) -> None:
    written(dscplus, b'\xef\xbb\xbfdb = "sqlite:///kept.db"\r\n')
    assert shown(dscplus)["db"][0] == "sqlite:///kept.db"


def test_an_empty_variable_names_no_file(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_CONFIG", "")
    assert shown(dscplus)["card"][1] == "default"


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes")
def test_a_pipe_is_refused_at_once(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = dscplus.folder / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setenv("DSCPLUS_CONFIG", str(pipe))
    assert "pipe is not a file" in dscplus.refused("card", "list")
    monkeypatch.setenv("DSCPLUS_CONFIG", os.devnull)
    assert shown(dscplus)["card"][1] == "default"


@pytest.mark.parametrize("url", [
    "postgresql://me:hunter2@db/dscplus", "postgresql://me:hunt@hunter2/x@db/dscplus", "postgresql://:hunter2@db/dscplus",
    "postgresql://me@db/dscplus?sslmode=require&password=hunter2",
])  # fmt: skip
def test_no_password_is_shown(dscplus: Command, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DSCPLUS_DB", url)
    value = shown(dscplus)["db"][0]
    assert "hunter2" not in value
    assert "****" in value
    assert "db/dscplus" in value


@pytest.mark.parametrize("url", ["rfc2217://me:hunter2@127.0.0.1:1", "odd://:hunter2@host"])
@pytest.mark.parametrize("command", ["info", "flash"])
def test_no_error_of_a_line_shows_its_password(dscplus: Command, command: str, url: str) -> None:
    error = dscplus.refused(command, "--card", url, code=3)
    assert ":****@" in error
    assert "hunter2" not in error


def test_what_is_no_serial_port_is_named(dscplus: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"socket://127.0.0.1:{closed.getsockname()[1]}"
    assert dscplus.refused("info", "--card", address, code=3).startswith(f"{address}: nobody listens at this address: start")
    file = written(dscplus, "")
    paths = [str(file)] if sys.platform == "win32" else [str(file), str(file.parent), f"{file}/port", "/" + "x" * 300]
    for path in paths:
        message = f"{path}: it is not a serial port: name a port such as /dev/ttyACM0 or COM3"
        assert dscplus.refused("info", "--card", path, code=3) == message
    assert "sim:// is a simulated card" in dscplus.refused("flash", "--card", "sim://")
    assert "sim:// is a simulated card" in dscplus.refused("unflash", "--card", "sim://")


def test_a_table_has_no_control_characters_and_stays_aligned(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_DB", "sqlite:///日本.db\x1b[31m")
    monkeypatch.setenv("DSCPLUS_CARD", "e\u0301")
    _, db, _, card = dscplus("config", "show").out.splitlines()
    assert "sqlite:///日本.db\\x1b[31m" in db
    # Two letters of double width in one row, and one of no width in the other.
    assert db.index("DSCPLUS_DB") + 2 == card.index("DSCPLUS_CARD") - 1


def test_help_is_shown_for_any_command(dscplus: Command) -> None:
    assert dscplus("help").out == dscplus("--help").out
    assert dscplus("help", "card", "list").out == dscplus("card", "list", "--help").out
    for words in (["card", "nope"], ["nope"], ["list", "nope"]):
        assert f"there is no command {' '.join(words)}" in dscplus.refused("help", *words)


@pytest.mark.parametrize(("words", "offered"), [
    ("dscplus c", ["challenge", "card", "client", "config"]),
    ("dscplus help c", ["challenge", "card", "client", "config"]),
    ("dscplus help card pin d", ["draw"]),
    ("dscplus help nope x", []),
    ("dscplus help list x", []),
])  # fmt: skip
def test_a_shell_completes_commands(dscplus: Command, monkeypatch: pytest.MonkeyPatch, words: str, offered: list[str]) -> None:
    monkeypatch.setenv("_DSCPLUS_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert dscplus().out.split() == offered


@pytest.mark.parametrize(("words", "at"), [(None, None), ("dscplus c", None), ("dscplus c", "x")])
def test_a_completion_without_words_is_refused(
    dscplus: Command, monkeypatch: pytest.MonkeyPatch, words: str | None, at: str | None
) -> None:
    monkeypatch.setenv("_DSCPLUS_COMPLETE", "complete_bash")
    for name, value in {"COMP_WORDS": words, "COMP_CWORD": at}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert "_DSCPLUS_COMPLETE is set, but not by a shell" in dscplus.refused()


def test_verbose_says_what_is_used_and_no_secret(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    log = logging.getLogger("dsc_host")
    for name, value in {"handlers": [], "level": log.level}.items():
        monkeypatch.setattr(log, name, value)
    database = dscplus.with_cards("IB2")
    with SimulatedCard() as card:
        done = dscplus("-v", "personalize", "IB1", "--card", card.url, stdin="1234\n")
        assert done.code == 0
    said = done.err.splitlines()
    assert {f"card: at {card.url}", f"records: in {database}", "card: info: ok"} <= set(said)
    dscplus.assert_no_secret_was_printed()
