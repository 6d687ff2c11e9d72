"""Export and import of cards: each row that is left out is reported, and no wrong file or passphrase changes anything."""

import base64
import codecs
import json
from pathlib import Path

import pytest
from tests.host.command_runner import KEY, MASTER, PIN, SECRETS, SUITE, Command, challenge
from tests.host.databases import new_postgresql
from tests.host.exchange import transfer_samples

from dsc_host import InputError, Suite, Verifier
from dsc_host.cli import exchange
from dsc_host.cli.key_files import read_key_file

PASSPHRASE = "correct horse battery\n"
SUITE_WITHOUT_PIN = "OCRA-1:HOTP-SHA256-8:C-QN06"
TRANSPORT_KEY = bytes(range(16)).hex()


few_iterations = transfer_samples.few_iterations


@pytest.fixture
def desk(dscplus: Command) -> Command:
    """Return the command, with records of `IB1`, `IB2` and `IB3`."""
    dscplus.with_cards("IB1", "IB2", "IB3")
    return dscplus


@pytest.fixture
def file(desk: Command) -> Path:
    """Export all cards under the passphrase, and return the file."""
    path = desk.folder / "cards.pskc"
    assert desk("export", str(path), stdin=PASSPHRASE).code == 0
    return path


@pytest.fixture
def key_file(dscplus: Command) -> Path:
    path = dscplus.folder / "transport.key"
    path.write_text(f"{TRANSPORT_KEY}\n")
    return path


def other_records(dscplus: Command, name: str = "other.db") -> tuple[str, str]:
    return "--db", f"sqlite:///{dscplus.folder / name}"


def names(dscplus: Command) -> list[str]:
    return sorted(path.name for path in dscplus.folder.iterdir())


def test_cards_log_in_where_they_came_to(desk: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DSCPLUS_DB", other_records(desk)[1])
    done = desk("import", str(file), "--json", stdin=PASSPHRASE)
    assert (done.code, done.err, json.loads(done.out)) == (0, "", {"file": str(file), "cards": 3, "left_out": 0})
    assert KEY.hex() not in file.read_text()
    identity, question = challenge(desk, "IB2")
    response = Suite.parse(SUITE).response(KEY, question, counter=0, pin=PIN)
    assert desk("verify", identity, response).code == 0
    desk.assert_no_secret_was_printed()


@pytest.mark.parametrize(
    ("typed", "words"), [("correct horse batterx\n", "PSKC"), ("", "passphrase"), (b"\xff\xff\xff\xff\n", "")]
)
def test_a_passphrase_of_no_use_makes_and_changes_nothing(desk: Command, file: Path, typed: str | bytes, words: str) -> None:
    before = names(desk)
    for arguments in (other_records(desk), ()):
        assert words.lower() in desk.refused("import", str(file), *arguments, stdin=typed).lower()
    assert names(desk) == before
    assert desk.enrolled() == ["IB1", "IB2", "IB3"]


def test_what_is_not_there_is_said_before_a_secret_is_asked_for(desk: Command, file: Path) -> None:
    assert "cannot be read" in desk("import", str(desk.folder / "none.pskc"), stdin="").error
    assert "--force" in desk("export", str(file), stdin="").error
    assert "no such database" in desk("export", str(desk.folder / "new.pskc"), *other_records(desk), stdin="").error


def test_cards_that_are_there_already_are_told_one_by_one(desk: Command, file: Path) -> None:
    target = other_records(desk)
    assert desk("enroll", "IB2", *target, stdin=SECRETS).code == 0
    none = desk("import", str(file), "--atomic", "--json", *target, stdin=PASSPHRASE)
    assert (none.code, json.loads(none.out)["cards"], none.error) == (1, 0, "cards left out: 1; nothing was imported")
    assert len(desk("card", "list", *target).rows) == 1
    some = desk("import", str(file), "--json", *target, stdin=PASSPHRASE)
    assert (some.code, json.loads(some.out)) == (1, {"file": str(file), "cards": 2, "left_out": 1})
    told = [line for line in some.err.splitlines() if line.startswith("left out: line ")]
    assert len(told) == 1
    assert "card IB2: serial: is already enrolled" in told[0]
    assert len(desk("card", "list", *target).rows) == 3


def test_cards_out_of_use_stay(desk: Command) -> None:
    for verb, serial in (("suspend", "IB1"), ("lost", "IB2")):
        assert desk("card", verb, serial).code == 0
    done = desk("export", str(desk.folder / "cards.pskc"), "--json", stdin=PASSPHRASE)
    assert (done.code, json.loads(done.out)["cards"]) == (0, 1)
    assert done.err.splitlines() == ["left out: card IB1 is suspended", "left out: card IB2 is lost"]


def test_a_key_in_place_of_a_passphrase(desk: Command, key_file: Path) -> None:
    file = desk.folder / "one.pskc"
    assert json.loads(desk("export", str(file), "IB3", "--key-file", str(key_file), "--json").out)["cards"] == 1
    assert desk("import", str(file), "--key-file", str(key_file), "--allow-plain", *other_records(desk)).code == 0
    assert desk("card", "retire", "IB3", "--yes").code == 0
    assert json.loads(desk("import", str(file), "--key-file", str(key_file), "--json").out)["cards"] == 1
    key_file.write_text(TRANSPORT_KEY[::-1])
    assert desk("import", str(file), "--key-file", str(key_file), *other_records(desk, "third.db")).code == 2
    assert "third.db" not in names(desk)


@pytest.mark.parametrize(
    "content", [None, "", "00" * 15, "xy" * 15, "0x" + "00" * 15, "\N{FULLWIDTH DIGIT ONE}" * 32, "00" * 10_000]
)
def test_a_wrong_key_file(desk: Command, file: Path, key_file: Path, content: str | None) -> None:
    key_file.unlink()
    if content is not None:
        key_file.write_text(content, encoding="utf-8")
    for command in (["import", str(file)], ["export", str(desk.folder / "new.pskc")]):
        done = desk(*command, "--key-file", str(key_file))
        assert (done.code, done.out) == (2, "")
        assert done.error.startswith(f"key: {key_file} ")
        assert ("16, 24 or 32 bytes in hex" in done.error) == (content is not None)
    assert "new.pskc" not in names(desk)


BASE64 = base64.b64encode(bytes.fromhex(TRANSPORT_KEY)).decode()


@pytest.mark.parametrize(
    "content",
    [
        f"0x{TRANSPORT_KEY}\r\n".encode(),
        f"\n {BASE64} \n".encode(),
        codecs.BOM_UTF8 + TRANSPORT_KEY.encode(),
        BASE64.encode("utf-16"),
        codecs.BOM_UTF16_BE + f"0X{TRANSPORT_KEY}".encode("utf-16-be"),
    ],
)
def test_a_key_file_as_other_programs_write_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert read_key_file(tmp_path / "key").hex() == TRANSPORT_KEY


def test_a_key_file_of_bytes_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(bytes(range(240, 256)))
    with pytest.raises(InputError, match="raw bytes: write them in hex"):
        read_key_file(tmp_path / "key")


def test_the_bar_is_told_of_progress(desk: Command, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    class Bar:
        def __enter__(self) -> object:
            return lambda done, of: seen.append((done, of))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(exchange, "bar", lambda _title: Bar())
    assert desk("export", str(file), "--force", stdin=PASSPHRASE).code == 0
    assert seen[-1] == (3, 3)
    assert desk("import", str(file), *other_records(desk), stdin=PASSPHRASE).code == 0
    assert seen[-1] == (file.stat().st_size,) * 2


def test_a_list_has_no_secret(desk: Command) -> None:
    file = desk.folder / "cards.CSV"
    assert desk("export", str(file)).code == 0
    text = file.read_text()
    assert [line.split(",")[0] for line in text.splitlines()] == ["serial", "IB1", "IB2", "IB3"]
    desk.printed.append(text)


def test_each_bad_row_is_told_with_its_line(dscplus: Command) -> None:
    dscplus.with_records()
    file = dscplus.folder / "order.csv"
    file.write_text(f"serial;owner;suite\nA-1;anna;\na+2;;\nA-1;ben;\nA-3;;nonsense\n\nA-4;carol;{SUITE}\n")
    none = dscplus("import", str(file), "--atomic")
    assert (none.code, dscplus.enrolled()) == (1, [])
    done = dscplus("import", str(file), "--json")
    assert (done.code, json.loads(done.out)["left_out"], dscplus.enrolled()) == (1, 3, ["A-1", "A-4"])
    assert [line.split(",")[0].split(": ")[1] for line in done.err.splitlines()[:3]] == ["line 3", "line 4", "line 5"]
    assert done.error == "cards left out: 3"
    assert dscplus("card", "list", "--owner", "anna").rows[0].startswith("A-1 ")
    twice = dscplus("import", str(file))
    assert "line 2, card A-1: serial: is already enrolled" in twice.err
    assert dscplus("export", str(dscplus.folder / "cards.csv"), "A-1").code == 2


@pytest.mark.parametrize("options", [["--allow-plain"], ["--suite", SUITE], ["--key-file", "x"]], ids=lambda words: words[0])
def test_a_list_has_no_use_for_a_key(dscplus: Command, options: list[str]) -> None:
    dscplus.with_records()
    (dscplus.folder / "order.csv").write_text("serial\nA-1\n")
    assert dscplus.refused("import", str(dscplus.folder / "order.csv"), *options).startswith("file: a CSV ")


SEEDS = f"AB-1,{KEY.hex()},OCRA,{SUITE_WITHOUT_PIN}\nAB-2,{KEY.hex()},totp,6\nIB1,{KEY.hex()},,{SUITE_WITHOUT_PIN}\n"
MAPPED = ("--allow-plain", "--columns", "serial,seed,type,suite")


def test_a_dry_run_tells_of_each_line_and_changes_nothing(desk: Command) -> None:
    file = desk.folder / "tokens.csv"
    file.write_text(SEEDS)
    before = desk("audit", "export").out
    done = desk("import", str(file), *MAPPED, "--dry-run")
    assert (done.code, done.error) == (1, "cards that would be left out: 2")
    assert [line.split()[:3] for line in done.out.splitlines()[:4]] == [
        ["LINE", "SERIAL", "OUTCOME"],
        ["1", "AB-1", "taken"],
        ["2", "AB-2", "refused"],
        ["3", "IB1", "refused"],
    ]
    assert "algorithm: is TOTP" in done.out
    assert "serial: is already enrolled" in done.out
    rows = json.loads(desk("import", str(file), *MAPPED, "--dry-run", "--json").out)["rows"]
    assert [(row["line"], row["outcome"]) for row in rows] == [(1, "taken"), (2, "refused"), (3, "refused")]
    done = desk("import", str(file), *MAPPED, "--dry-run", "--atomic", "--json")
    assert (done.error, json.loads(done.out)["cards"]) == ("cards that would be left out: 2; nothing would be imported", 0)
    assert desk("audit", "export").out == before
    assert desk("import", str(file), *MAPPED).code == 1
    assert desk.enrolled() == ["AB-1", "IB1", "IB2", "IB3"]


def test_a_dry_run_makes_no_records(dscplus: Command) -> None:
    dscplus.with_records()
    file = dscplus.folder / "tokens.csv"
    file.write_text(f"Seed;Token\n{KEY.hex()};AB-1\n")
    mapped = ("--columns", "serial=token,seed=Seed", "--allow-plain", "--suite", SUITE_WITHOUT_PIN)
    done = dscplus("import", str(file), *mapped, "--dry-run", "--json")
    assert (done.code, json.loads(done.out)["cards"]) == (0, 1)
    assert names(dscplus) == ["tokens.csv"]


@pytest.mark.postgresql
def test_records_on_a_server(desk: Command, file: Path) -> None:
    with new_postgresql() as url:
        with Verifier.open(url, master_key=MASTER) as verifier:
            assert list(verifier.cards()) == []
        assert desk("import", str(file), "--db", url, stdin=PASSPHRASE).code == 0
        out = desk.folder / "cards.csv"
        assert desk("export", str(out), "--db", url).code == 0
        assert len(out.read_text().splitlines()) == 4
