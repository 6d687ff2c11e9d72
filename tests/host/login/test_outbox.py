"""Messages: they exist in every language, are sent at least once and tried five times, by email or into a folder."""

import ast
import json
import re
import socket
import socketserver
import ssl
import string
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import Connection
from tests.host.login.scenario import DAY, Scenario

import dsc_host.login
from dsc_host.login import Letter, WaitKind
from dsc_host.login.accounts.field_checks import LANGUAGES
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import PAUSES
from dsc_host.login.messages.senders import Mail, Spool
from dsc_host.records import table_rows, tables

SOURCES = Path(dsc_host.login.__file__).parent
ADDRESS, TEXT = "anna@example.com", "Ваш код: 42.\n.\nConfirmed."
LETTER = Letter("0123456789abcdef", "email", ADDRESS, "Смена PIN", TEXT, "ru", 1.0, "code", {"code": "42"})


def wanted(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def told() -> set[str]:
    """Return the templates that the code uses."""
    found = set()
    for file in SOURCES.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in ("notices.notify", "outbox.add"):
                template = ast.unparse(call.args[2])
                if template.endswith("_waits'"):
                    found |= {f"{kind}_waits" for kind in WaitKind}
                elif "{" in template:
                    found |= {"activation_near", "activation_imminent", "activation_replaces"}
                else:
                    found |= set(re.findall(r"'(\w+)'", template))
    return found


def test_each_message_is_there_in_each_language_with_the_same_values() -> None:
    templates = outbox.templates()
    assert set(templates) == told()
    for name, languages in templates.items():
        assert set(languages) == set(LANGUAGES), name
        assert len({frozenset(wanted(words["subject"] + words["text"])) for words in languages.values()}) == 1, name
        assert all(set(words) == {"subject", "text"} and "\n" not in words["subject"] for words in languages.values())


def test_what_cannot_be_sent_is_tried_five_times_and_its_code_is_gone_afterwards(scenario: Scenario) -> None:
    sent: list[Letter] = []

    class Broken:
        def send(self, letter: Letter) -> None:
            sent.append(letter)
            raise OSError("no line")

    senders = {"email": Broken()}
    user_told = scenario.clock.now
    scenario.tell("anna", "opted_in")
    for tried, pause in enumerate(PAUSES, 1):
        scenario.clock.now = user_told + pause - 0.001
        assert outbox.deliver(scenario.system.context, senders) == 0
        assert len(sent) == tried - 1 or pause == 0
        scenario.clock.now = user_told + pause
        outbox.deliver(scenario.system.context, senders)
        outbox.deliver(scenario.system.context, senders)
        assert len(sent) == tried
    scenario.clock.advance(DAY)
    assert outbox.deliver(scenario.system.context, senders) == 0
    assert len(sent) == len(PAUSES)
    state = scenario.system.context.read(lambda tx: dsc_host.login.rows.messages.all(tx.db)[-1])
    assert (state.state, state.trouble) == ("failed", "OSError")
    assert (
        scenario.system.context.read(
            lambda tx: tx.db.exec_driver_sql("SELECT name FROM vault WHERE name LIKE 'message:%%'").all()
        )
        == []
    )


def test_a_message_is_sent_although_the_clock_was_set_back(scenario: Scenario) -> None:
    scenario.tell("anna", "opted_in")
    scenario.clock.advance(-3600)
    assert scenario.told("anna") == ["opted_in"]


def test_a_channel_without_a_sender_keeps_nobody_elses_waiting(scenario: Scenario) -> None:
    scenario.system.phones.begin("ben", "a quiet harbour at dawn")
    before = len(scenario.letters)
    scenario.tell("anna", "code", channel="fax", code="1")
    scenario.tell("anna", "opted_in")
    assert scenario.system.deliver() == 1
    assert len(scenario.letters) == before + 1
    troubles = scenario.system.context.read(lambda tx: {each.trouble for each in dsc_host.login.rows.messages.all(tx.db)})
    assert "there is no sender for fax" in troubles


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sender_is_told_what_the_words_were_made_of_and_no_log_shows_it(scenario: Scenario, language: str) -> None:
    scenario.system.operator.set_language("ben", language)
    scenario.tell("ben", "activation_near", device="IB3000901", activates=date(2026, 3, 7))
    scenario.system.deliver()
    letter = scenario.letters[-1]
    day = {"en": "Mar 7, 2026"}.get(language, "07.03.2026")
    assert (letter.template, letter.values) == ("activation_near", {"name": "ben", "device": "IB3000901", "activates": day})
    assert all(value in letter.text for value in letter.values.values())
    assert not [value for value in letter.values.values() if value in repr(letter).replace(letter.address, "")]


def test_what_was_being_sent_when_its_process_ended_is_sent_again(scenario: Scenario) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    at.change(lambda tx: outbox._take(tx, records.messages.all(tx.db)[-1].id))
    assert scenario.system.deliver() == 0
    scenario.clock.advance(301)
    scenario.system.operator.run_due()
    assert scenario.letters[-1].subject == "Opted in"


@pytest.mark.parametrize(("tries", "pause"), list(enumerate(PAUSES, 1)))
def test_a_message_that_is_being_sent_is_left_to_its_process(scenario: Scenario, tries: int, pause: float) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    sent = at.read(lambda tx: records.messages.all(tx.db)[-1].id)
    at.change(lambda tx: records.messages.change(tx.db, sent, tries=tries - 1))
    scenario.clock.advance(pause)
    at.change(lambda tx: outbox._take(tx, sent))
    for seconds, state in ((299, "sending"), (2, "queued" if tries < len(PAUSES) else "failed")):
        scenario.clock.advance(seconds)
        at.change(outbox.retry_stuck)
        assert at.read(lambda tx: records.messages.all(tx.db)[-1].state) == state


def test_a_message_that_is_sent_late_is_left_to_its_process(scenario: Scenario) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    sent = at.read(lambda tx: records.messages.all(tx.db)[-1].id)
    scenario.clock.advance(DAY)
    at.change(lambda tx: outbox._take(tx, sent))
    for seconds, state in ((299, "sending"), (2, "queued")):
        scenario.clock.advance(seconds)
        at.change(outbox.retry_stuck)
        message = at.read(lambda tx: records.messages.all(tx.db)[-1])
        assert (message.state, message.claimed_at is None) == (state, state == "queued")


def test_a_message_that_an_older_version_is_sending_is_stuck_after_its_due_time(scenario: Scenario) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    sent = at.read(lambda tx: records.messages.all(tx.db)[-1].id)
    at.change(lambda tx: records.messages.change(tx.db, sent, state="sending", tries=1))
    for seconds, state in ((300, "sending"), (1, "queued")):
        scenario.clock.advance(seconds)
        at.change(outbox.retry_stuck)
        assert at.read(lambda tx: records.messages.all(tx.db)[-1].state) == state


@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize(
    ("meanwhile", "state_if_it_fails"),
    [("queued", "queued"), ("being sent", "sending"), ("sent", "sent"), ("failed", "failed")],
)
def test_an_attempt_that_takes_too_long_disturbs_no_other(
    scenario: Scenario, fails: bool, meanwhile: str, state_if_it_fails: str
) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    message = at.read(lambda tx: records.messages.all(tx.db)[-1].id)
    if meanwhile == "failed":
        at.change(lambda tx: records.messages.change(tx.db, message, tries=len(PAUSES) - 1))
        scenario.clock.advance(PAUSES[-1])

    def slow(_letter: Letter) -> None:
        scenario.clock.advance(301)
        at.change(outbox.retry_stuck)
        if meanwhile == "being sent":
            at.change(lambda tx: outbox._take(tx, message))
        elif meanwhile == "sent":
            assert outbox.deliver(at, {"email": outbox.Calling(lambda _letter: None)}) == 1
        if fails:
            raise OSError

    outbox.deliver(at, {"email": outbox.Calling(slow)})
    assert at.read(lambda tx: records.messages.all(tx.db)[-1].state) == (state_if_it_fails if fails else "sent")
    if meanwhile == "being sent":
        at.change(lambda tx: outbox._record(tx.db, message, 2, "OSError"))
        assert at.read(lambda tx: records.messages.all(tx.db)[-1].state) == ("queued" if fails else "sent")


def test_an_attempt_that_finishes_just_before_it_is_found_stuck_is_not_repeated(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, at = dsc_host.login.rows, scenario.system.context
    scenario.tell("anna", "opted_in")
    message = at.read(lambda tx: records.messages.all(tx.db)[-1].id)
    at.change(lambda tx: outbox._take(tx, message))
    scenario.clock.advance(301)
    real = table_rows.Rows.all

    def all_and_finish(self: Any, db: Connection, *conditions: Any, **options: Any) -> Any:
        found = real(self, db, *conditions, **options)
        outbox._record(db, message, 1, "")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(table_rows.Rows, "all", all_and_finish)
        at.change(outbox.retry_stuck)
    assert at.read(lambda tx: records.messages.all(tx.db)[-1].state) == "sent"


def test_an_error_of_a_sender_is_recorded_as_its_own(scenario: Scenario) -> None:
    def fail(letter: Letter) -> None:
        raise KeyError(letter.id)

    scenario.tell("anna", "opted_in")
    outbox.deliver(scenario.system.context, {"email": outbox.Calling(fail)})
    assert scenario.system.context.read(lambda tx: dsc_host.login.rows.messages.all(tx.db)[-1].trouble) == "KeyError"


def test_a_message_that_was_tampered_with_keeps_nobody_elses_waiting(scenario: Scenario) -> None:
    messages = tables.vault.c.name.like("message:%")
    for spoil in (tables.vault.update().values(sealed=bytes(60)).where(messages), tables.vault.delete().where(messages)):
        scenario.tell("anna", "opted_in")
        scenario.tell("anna", "opted_out")
        scenario.system.change(lambda tx, spoil=spoil: tx.db.execute(spoil))
        scenario.tell("anna", "closed")
        scenario.letters.clear()
        assert scenario.system.deliver() >= 1
        assert "Account closed" in {letter.subject for letter in scenario.letters}
        assert scenario.system.deliver() == 0


def test_what_was_sent_is_nowhere_any_more(scenario: Scenario) -> None:
    scenario.session("ben")
    kept = scenario.system.context.read(
        lambda tx: tx.db.exec_driver_sql("SELECT name FROM vault WHERE name LIKE 'message:%%'").all()
    )
    assert kept == []


# ---- senders ----


def test_a_letter_in_the_folder_is_whole_and_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / f".{LETTER.id}").write_text("half of an earlier try")
    Spool(tmp_path).send(LETTER)
    (file,) = tmp_path.iterdir()
    assert file.name == f"{LETTER.id}.json"
    assert file.stat().st_mode & 0o777 == 0o600
    written = json.loads(file.read_text("utf-8"))
    assert written == {
        name: getattr(LETTER, name) for name in ("id", "channel", "address", "subject", "text", "language", "at")
    }
    assert file.read_text("utf-8").count("42") == 1, "the code is in the text alone"
    with pytest.raises(OSError, match="nowhere"):
        Spool(tmp_path / "nowhere").send(LETTER)


class _Session(socketserver.StreamRequestHandler):
    """A server for the part of SMTP that a message needs. With `tls`, it offers TLS and keeps messages without it apart."""

    received: ClassVar[list[bytes]] = []
    readable: ClassVar[list[bytes]] = []
    tls: ClassVar[ssl.SSLContext | None] = None

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"STAR" and self.tls is not None:
                self.wfile.write(b"220 go on\r\n")
                self.connection = self.tls.wrap_socket(self.connection, server_side=True)
                self.setup()
                continue
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                kept = self.received if self.tls is None or isinstance(self.connection, ssl.SSLSocket) else self.readable
                kept.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            if verb == b"EHLO" and self.tls is not None:
                self.wfile.write(b"250-post.example\r\n250-STARTTLS\r\n")
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return

    def setup(self) -> None:
        # Do not use `request`, which stays the bare socket when TLS begins.
        self.connection = getattr(self, "connection", self.request)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def finish(self) -> None:
        super().finish()
        self.connection.close()


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
    # SMTP doubles a line that is a single dot.
    assert received.get_content().replace("\r\n", "\n").replace("\n..\n", "\n.\n").strip() == LETTER.text


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the SMTP server a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1).not_valid_before(datetime(2020, 1, 1))
    signed = made.not_valid_after(datetime(2099, 1, 1)).sign(key, SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + signed.public_bytes(Encoding.PEM)
    (tmp_path / "post.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "post.pem")
    monkeypatch.setattr(_Session, "tls", context)


@pytest.mark.usefixtures("certified")
def test_mail_goes_by_tls_where_it_is_offered(post_office: int) -> None:
    Mail("127.0.0.1", post_office, "desk@example.com").send(LETTER)
    assert (len(_Session.received), _Session.readable) == (1, [])


def test_mail_takes_no_second_header(post_office: int) -> None:
    for part in ("subject", "address"):
        with pytest.raises(ValueError, match="Header"):
            Mail("127.0.0.1", post_office, "desk@example.com").send(replace(LETTER, **{part: "x\r\nBcc: thief@example.com"}))
    assert _Session.received == []


def test_mail_without_a_server_is_told(post_office: int) -> None:
    # Hold the port without listening, so that no other server gets it meanwhile.
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(OSError, match="refused"):
            Mail("127.0.0.1", closed.getsockname()[1], "desk@example.com").send(LETTER)
