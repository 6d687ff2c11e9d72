"""Messages: in every language, sent at least once, tried five times; by mail, and into a folder."""

import ast
import json
import re
import socketserver
import string
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import ClassVar

import pytest
from tests.login.town import Town

import dsc_host.login
from dsc_host.login import Letter, outbox
from dsc_host.login.outbox import TRIES
from dsc_host.login.people import LANGUAGES
from dsc_host.login.senders import Mail, Spool
from dsc_host.verifier import schema

SOURCES = Path(dsc_host.login.__file__).parent
LETTER = Letter("0123456789abcdef", "email", "anna@example.com", "Смена PIN", "Ваш код: 42.\n.\nConfirmed.", "ru", 1.0)


def wanted(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def told() -> set[str]:
    """The templates that the code tells."""
    found = set()
    for file in SOURCES.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "tell":
                template = ast.unparse(call.args[3])
                found |= (
                    set(re.findall(r"'(\w+)'", template)) if "{" not in template else {"activation_near", "activation_imminent"}
                )
    return found


def test_each_message_is_there_in_each_language_with_the_same_values() -> None:
    templates = outbox.templates()
    assert set(templates) == told()
    for name, languages in templates.items():
        assert set(languages) == set(LANGUAGES), name
        assert len({frozenset(wanted(words["subject"] + words["text"])) for words in languages.values()}) == 1, name
        assert all(set(words) == {"subject", "text"} and "\n" not in words["subject"] for words in languages.values())


def test_what_cannot_be_sent_is_tried_five_times_and_its_code_is_gone_afterwards(town: Town) -> None:
    sent: list[Letter] = []

    class Broken:
        def send(self, letter: Letter) -> None:
            sent.append(letter)
            raise OSError("no line")

    senders = {"email": Broken()}
    user = town.system.at.read(lambda db: dsc_host.login.records.users.one(db))
    assert user is not None
    town.system.change(lambda db: outbox.tell(town.system.at, db, user, "opted_in"))
    for _ in range(TRIES + 3):
        assert outbox.deliver(town.system.at, senders) == 0
    assert len(sent) == TRIES
    state = town.system.at.read(lambda db: dsc_host.login.records.messages.all(db)[-1])
    assert (state.state, state.trouble) == ("failed", "OSError")


def test_a_channel_without_a_sender_keeps_nobody_elses_waiting(town: Town) -> None:
    town.system.phones.begin("ben", "a quiet harbour at dawn")
    before = len(town.letters)
    user = town.system.at.read(lambda db: dsc_host.login.records.users.one(db))
    assert user is not None
    town.system.change(lambda db: outbox.tell(town.system.at, db, user, "code", channel="fax", code="1"))
    town.system.change(lambda db: outbox.tell(town.system.at, db, user, "opted_in"))
    assert town.system.deliver() == 1
    assert len(town.letters) == before + 1


def test_what_was_being_sent_when_its_process_ended_is_sent_again(town: Town) -> None:
    records, at = dsc_host.login.records, town.system.at
    user = at.read(lambda db: records.users.one(db))
    assert user is not None
    at.change(lambda db: outbox.tell(at, db, user, "opted_in"))
    at.change(lambda db: outbox._taken(at, db, records.messages.all(db)[-1].id))
    assert town.system.deliver() == 0
    town.clock.advance(301)
    town.system.operator.run_due()
    assert town.letters[-1].subject == "Opted in"


def test_a_message_that_was_tampered_with_keeps_nobody_elses_waiting(town: Town) -> None:
    records, at = dsc_host.login.records, town.system.at
    user = at.read(lambda db: records.users.one(db))
    assert user is not None
    messages = schema.vault.c.name.like("message:%")
    for spoil in (schema.vault.update().values(sealed=bytes(60)).where(messages), schema.vault.delete().where(messages)):
        at.change(lambda db: [outbox.tell(at, db, user, template) for template in ("opted_in", "opted_out")])
        at.change(lambda db, spoil=spoil: db.execute(spoil))
        at.change(lambda db: outbox.tell(at, db, user, "closed"))
        town.letters.clear()
        assert town.system.deliver() >= 1
        assert "Account closed" in {letter.subject for letter in town.letters}
        assert town.system.deliver() == 0


def test_what_was_sent_is_nowhere_any_more(town: Town) -> None:
    town.enter_by_sms("ben")
    kept = town.system.at.read(lambda db: db.exec_driver_sql("SELECT name FROM vault WHERE name LIKE 'message:%%'").all())
    assert kept == []


# ---- senders ----


def test_a_letter_in_the_folder_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / f".{LETTER.id}").write_text("half of an earlier try")
    Spool(tmp_path).send(LETTER)
    (file,) = tmp_path.iterdir()
    assert file.name == f"{LETTER.id}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text("utf-8"))["text"] == LETTER.text
    with pytest.raises(OSError, match="nowhere"):
        Spool(tmp_path / "nowhere").send(LETTER)


class _Session(socketserver.StreamRequestHandler):
    """As much of SMTP as a letter needs."""

    received: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.received.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return


@pytest.fixture
def post_office() -> Iterator[int]:
    _Session.received.clear()
    with socketserver.TCPServer(("127.0.0.1", 0), _Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_letter_by_mail(post_office: int) -> None:
    Mail("127.0.0.1", post_office, "desk@example.com").send(LETTER)
    received = message_from_bytes(_Session.received[0], policy=policy.default)
    assert (received["To"], received["From"], received["Subject"]) == (LETTER.address, "desk@example.com", LETTER.subject)
    assert received["Content-Language"] == "ru"
    # A line that is one dot is doubled on its way.
    assert received.get_content().replace("\r\n", "\n").replace("\n..\n", "\n.\n").strip() == LETTER.text


def test_mail_takes_no_second_header(post_office: int) -> None:
    for part in ("subject", "address"):
        with pytest.raises(ValueError, match="Header"):
            Mail("127.0.0.1", post_office, "desk@example.com").send(replace(LETTER, **{part: "x\r\nBcc: thief@example.com"}))
    assert _Session.received == []


def test_mail_without_a_server_is_told(post_office: int) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), _Session) as closed:
        port = closed.server_address[1]
    with pytest.raises(OSError, match="refused"):
        Mail("127.0.0.1", port, "desk@example.com").send(LETTER)
