"""The app on a phone, over HTTP against the pages' own server: its life, its file, and its handling of wrong answers."""

import gzip
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import product
from pathlib import Path

import httpx
import pytest
from tests.host.login.letters import newest_code
from tests.host.login.scenario import PASSWORD, Scenario
from tests.host.portal.portal_server import nothing_due, served

from dsc_host.errors import DscError, InputError
from dsc_host.login import Kind, Status
from dsc_host.phone.app import PhoneApp
from dsc_host.phone.http_client import Refused, Remote, Unreachable
from dsc_host.phone.keys import biometrics_key, pin_key
from dsc_host.phone.protocol import Activated, Begun
from dsc_host.portal import application
from dsc_host.portal.phone_api import CALLS

PIN = "7t&2"


@pytest.fixture
def server(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("dsc_host.portal.app._do_due", nothing_due)
    with served(application(scenario.system, secure=False)) as url:
        yield url


@pytest.fixture
def app(scenario: Scenario, server: str, tmp_path: Path) -> PhoneApp:
    """Return an app that is activated for ben."""
    app = PhoneApp(tmp_path / "phone.json", Remote(server))
    activated(app, scenario)
    return app


def activated(app: PhoneApp, scenario: Scenario, name: str = "ben", *, pin: str = PIN, finger: bool = True) -> None:
    begun = app.begin(name, PASSWORD)
    assert begun.phones[0].startswith("+4")
    app.activate(begun, newest_code(scenario.letters), pin, finger=finger)


# ---- its life ----


@pytest.mark.parametrize("pin", [PIN, None], ids=["pin", "finger"])
def test_a_push_is_approved(scenario: Scenario, app: PhoneApp, pin: str | None) -> None:
    step = scenario.chosen("ben", Kind.PHONE_APP)
    ((user, push),) = app.waiting()
    assert (user.name, push.where) == ("ben", "192.0.2.1")
    with pytest.raises(InputError, match=r"^number: must be the number"):
        app.approve(user, push, "100", pin=pin)
    assert step.offer is not None
    app.approve(user, push, f" {step.offer.shows['number']} ", pin=pin)
    assert scenario.answered(step.token, "")
    assert app.waiting() == []


def test_a_wrong_pin_is_refused_and_the_right_one_after_it_is_not(scenario: Scenario, app: PhoneApp) -> None:
    step = scenario.chosen("ben", Kind.PHONE_APP)
    ((user, push),) = app.waiting()
    with pytest.raises(Refused, match="the PIN is wrong"):
        app.approve(user, push, push.number, pin="0000")
    app.approve(user, push, push.number, pin=PIN)
    assert scenario.answered(step.token, "")


def test_a_new_phone_takes_the_place_of_the_old_one_with_its_pin(
    scenario: Scenario, app: PhoneApp, server: str, tmp_path: Path
) -> None:
    new = PhoneApp(tmp_path / "new.json", Remote(server))
    begun = new.begin("ben", PASSWORD)
    assert (len(begun.replaces), begun.needs_recovery) == (1, True)
    code = newest_code(scenario.letters)
    with pytest.raises(Refused, match="agree that this activation takes it out of use"):
        new.activate(begun, code, "n3w!")
    with pytest.raises(Refused, match="PIN of your previous app is wrong"):
        new.activate(begun, code, "n3w!", replace=True)
    new.activate(begun, code, "n3w!", replace=True, recovery=PIN)
    with pytest.raises(Refused, match="not activated"):
        app.waiting()
    assert new.waiting() == []


def test_a_new_number_is_refused_unless_the_policy_allows_it(scenario: Scenario, server: str, tmp_path: Path) -> None:
    app = PhoneApp(tmp_path / "phone.json", Remote(server))
    with pytest.raises(Refused, match="takes confirmed numbers only") as refused:
        app.begin("ben", PASSWORD, number="+12125551234")
    assert (refused.value.code, scenario.letters) == ("NotAllowed", [])


def test_a_push_is_denied(scenario: Scenario, app: PhoneApp) -> None:
    step = scenario.chosen("ben", Kind.PHONE_APP)
    app.deny(*app.waiting()[0])
    assert scenario.system.answer(step.token, "").status is Status.REFUSED


def test_without_network_a_response_string_is_typed(scenario: Scenario, app: PhoneApp, tmp_path: Path) -> None:
    offline = PhoneApp(tmp_path / "phone.json", Remote("https://nowhere.invalid"))
    for pin in (PIN, None):
        begun = scenario.system.begin("ben", PASSWORD)
        step = scenario.system.choose(begun.token, begun.choices[0].id, manual=True)
        assert step.offer is not None
        assert scenario.answered(step.token, offline.respond("ben", step.offer.shows["challenge"], pin=pin))


def test_several_users_have_one_pin(scenario: Scenario, app: PhoneApp, tmp_path: Path) -> None:
    begun = app.begin("carl", PASSWORD)
    code = newest_code(scenario.letters)
    with pytest.raises(Refused, match="the PIN of the app is wrong"):
        app.activate(begun, code, "0000")
    app.activate(begun, code, PIN)
    assert [user.name for user in app.users] == ["ben", "carl"]
    assert [user.name for user in PhoneApp(tmp_path / "phone.json", Remote("https://x.example")).users] == ["ben", "carl"]
    with pytest.raises(InputError, match=r"^PIN: must be entered, because neither a finger"):
        app.respond("carl", "482913")


def test_who_is_forgotten_logs_in_no_more(scenario: Scenario, app: PhoneApp) -> None:
    app.forget("ben")
    assert app.users == ()
    assert scenario.system.begin("ben", PASSWORD).choices == ()
    for call in (lambda: app.forget("ben"), lambda: app.respond("ben", "482913", pin=PIN)):
        with pytest.raises(InputError, match=r"^name: ben is not activated"):
            call()


def test_an_app_that_its_owner_removed_elsewhere_is_activated_again_or_forgotten(
    scenario: Scenario, app: PhoneApp, tmp_path: Path
) -> None:
    def remove(name: str) -> None:
        user = next(user for user in app.users if user.name == name)
        scenario.system.phones.remove(user.device, user.device_token)

    activated(app, scenario, "carl")
    remove("ben")
    scenario.chosen("carl", Kind.PHONE_APP)
    assert [user.name for user, _ in app.waiting()] == ["carl"]
    scenario.clock.now += 60
    begun = app.begin("ben", PASSWORD)
    with pytest.raises(Refused, match="the PIN of the app is wrong"):
        app.activate(begun, newest_code(scenario.letters), "0000")
    app.activate(begun, newest_code(scenario.letters), PIN)
    for name in ("ben", "carl"):
        remove(name)
    with pytest.raises(Refused, match="not activated"):
        app.waiting()
    app.forget("carl")
    scenario.clock.now += 60
    activated(app, scenario, pin="n3w!")
    assert ([user.name for user in app.users], app.waiting()) == (["ben"], [])


def test_another_program_uses_the_app_during_a_call(app: PhoneApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = PhoneApp(tmp_path / "phone.json", Remote("https://login.example.com"))
    given = Activated("d", "a token", "carl")
    monkeypatch.setattr(Remote, "activate", lambda *_, **__: (other.respond("ben", "482913", pin=PIN), given)[1])
    app.activate(Begun("a ticket", ()), "a token", PIN)
    monkeypatch.setattr(Remote, "remove", lambda *_: other.respond("ben", "482913", pin=PIN))
    app.forget("carl")
    (user,) = PhoneApp(tmp_path / "phone.json", Remote("https://login.example.com")).users
    assert (user.name, user.counters["pin"]) == ("ben", 3), "one for the proof, and one for each response"


# ---- its file ----


def test_the_pin_is_nowhere(app: PhoneApp, tmp_path: Path) -> None:
    (file,) = tmp_path.iterdir()
    kept = file.read_text()
    assert PIN not in kept
    assert pin_key(bytes.fromhex(app.users[0].key), PIN).hex() not in kept
    assert file.stat().st_mode & 0o777 == 0o600
    assert app.users[0].key not in repr(app.users[0])


def test_each_pin_makes_a_key_of_its_own() -> None:
    key = bytes(range(32))
    made = {pin_key(key, pin) for pin in ("1234", "12345", "123456", "abcd", "ABCD")}
    assert len(made | {biometrics_key(key), key}) == 7


@pytest.mark.parametrize("pin", ["", "123", "1234567", "12 4", "12\xe44", "1234\n", None, 1234])
def test_what_is_no_pin(pin: str) -> None:
    with pytest.raises(InputError, match=r"^PIN: must have 4 to 6"):
        pin_key(bytes(32), pin)


def test_no_two_responses_share_a_counter_whatever_fails(scenario: Scenario, app: PhoneApp, tmp_path: Path) -> None:
    scenario.chosen("ben", Kind.PHONE_APP)
    ((user, push),) = app.waiting()
    broken = PhoneApp(tmp_path / "phone.json", Remote("http://127.0.0.1:9"))
    with pytest.raises(Unreachable):
        broken.approve(user, push, push.number, pin=PIN)
    responses = [each.respond("ben", "482913", pin=PIN) for each in (app, broken, app)]
    assert len(set(responses)) == 3
    with pytest.raises(DscError):
        app.respond("ben", "no challenge", pin=PIN)
    assert json.loads((tmp_path / "phone.json").read_text())["users"][0]["counters"]["pin"] == 4


def test_no_two_responses_of_several_threads_share_a_counter(app: PhoneApp, tmp_path: Path) -> None:
    apps = [PhoneApp(tmp_path / "phone.json", Remote("https://login.example.com")) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda number: apps[number % 4].respond("ben", "482913", pin=PIN), range(40)))
    assert len(set(responses)) == 40


def test_one_command_at_a_time(app: PhoneApp) -> None:
    with app.alone(), pytest.raises(InputError, match="another command uses the app"), app.alone():
        pass
    with app.alone():
        assert app.users


DAMAGED = [
    b"", b"{", b"[]", b"\xff", b'{"format": 2, "users": []}', b'{"format": 1}', b'{"format": 1, "users": [{}]}', b"[" * 100_000,
    b'{"format": 1, "users": 3}', b"x" * 300_000,
]  # fmt: skip


@pytest.mark.parametrize("data", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "phone.json"
    file.write_bytes(data)
    with pytest.raises(InputError, match="is not a file of this app, or it is damaged"):
        PhoneApp(file, Remote("https://login.example.com"))
    assert file.read_bytes() == data


def test_a_file_name_without_room_for_the_name_of_the_draft_is_told(tmp_path: Path) -> None:
    app = PhoneApp(tmp_path / ("f" * 250), Remote("https://login.example.com"))
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        app._keep({})


def test_a_file_with_another_value_is_damaged(app: PhoneApp, tmp_path: Path) -> None:
    file = tmp_path / "phone.json"
    whole = file.read_text()
    wrong = [
        *product(("name", "device", "device_token", "key", "biometrics", "counters"), (3, ["pin", "biometrics"])),
        *(("key", key) for key in ("", "00" * 31, "zz" * 32)),
        *(("counters", each) for each in ({}, {"pin": 0}, {"pin": -1, "biometrics": 0}, {"pin": True, "biometrics": 0})),
    ]
    for field, value in wrong:
        kept = json.loads(whole)
        kept["users"][0][field] = value
        file.write_text(json.dumps(kept))
        with pytest.raises(InputError, match="is not a file of this app, or it is damaged"):
            PhoneApp(file, Remote("https://login.example.com"))


# ---- the server's answers ----


@pytest.mark.parametrize("url", [
    "", "login.example.com", "http://login.example.com", "ftp://x", "https://a:b@x", "https://", "https://[::1", "https://a b",
    "https://login.example.com/\xe4", "https://\xfc.example", "https://login.exa\nmple.com", "https://\ud800",
])  # fmt: skip
def test_what_is_no_login_system(url: str) -> None:
    with pytest.raises(InputError, match=r"^server: must"):
        Remote(url)


@pytest.mark.parametrize("host", ["a..example", "x" * 64 + ".example", "."])
def test_a_name_that_no_machine_can_have(host: str) -> None:
    with pytest.raises(InputError, match=r"^server: must be the address"):
        Remote(f"https://{host}").begin("ben", PASSWORD)


def test_what_the_server_gives_an_app_is_in_no_traceback() -> None:
    given = (Begun("a ticket", ("+41\u202667",)), Activated("d", "a token", "ben"))
    assert not re.search("a ticket|a token", repr(given))


def test_a_port_that_cannot_be() -> None:
    with pytest.raises(InputError, match=r"^server: must have a port"):
        Remote("http://127.0.0.1:99999").begin("ben", PASSWORD)


def http_answer(status: int, body: str, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n{body}".encode()


ANSWERS = [
    http_answer(200, "[]"), http_answer(200, "{}"), http_answer(500, "{}"), http_answer(200, '{"ticket": 42}'),
    http_answer(200, '{"ticket": "t"}'), http_answer(200, '{"ticket": "t", "phones": 3}'),
    http_answer(200, '{"ticket": "t", "phones": ["\\u001b[2J"]}'), http_answer(200, '{"ticket": "t", "phones": [null]}'),
    http_answer(403, '{"error": "no"}'),
    http_answer(403, '{"error": {"code": "a", "message": "\\u001b["}}'), http_answer(200, "[" * 100_000),
    http_answer(200, '{"ticket": "t", "phones": [], "more": "' + "x" * 2_000_000 + '"}'),
    b"HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\n\r\n" + gzip.compress(b'{"ticket": "t", "phones": []}'),
    b"HTTP/1.1 302 Found\r\nlocation: https://evil.example\r\ncontent-length: 0\r\n\r\n",
]  # fmt: skip
BROKEN = [b"", b"junk\r\n\r\n", http_answer(200, "{}", 4)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        *((each, "the server there is not a login system; correct the address") for each in ANSWERS),
        *((each, "cannot be reached") for each in BROKEN),
    ],
    ids=range(len(ANSWERS) + len(BROKEN)),
)
def test_what_answers_like_no_login_system(answer: bytes, told: str, tmp_path: Path) -> None:
    class Answering(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            # Read all of the request: closing before would end the connection with an error.
            head = list(iter(self.rfile.readline, b"\r\n"))
            self.rfile.read(next(int(line.split()[1]) for line in head if line.lower().startswith(b"content-length")))
            with suppress(ConnectionError):  # The client does not read all of an answer that is too long.
                self.wfile.write(answer)

    with socketserver.TCPServer(("127.0.0.1", 0), Answering) as listening:
        thread = threading.Thread(target=listening.handle_request)
        thread.start()
        app = PhoneApp(tmp_path / "phone.json", Remote(f"http://127.0.0.1:{listening.server_address[1]}"))
        with pytest.raises(Unreachable, match=told):
            app.begin("ben", PASSWORD)
        thread.join()
    assert not (tmp_path / "phone.json").exists()


def test_a_proxy_of_the_environment_gets_nothing(app: PhoneApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert app.waiting() == []


def test_a_text_that_no_server_takes_is_not_sent() -> None:
    for password in ("\udc80", "x" * 257):
        with pytest.raises(InputError, match=r"^password: must be a line of at most 256 characters"):
            Remote("https://nowhere.invalid").begin("ben", password)


# ---- the calls, from any client ----

BODIES = [
    b"", b"{", b"[]", b"3", b"\xff", b"{}", b'{"name": 3}', b'{"device": null, "device_token": []}', b"[" * 30_000,
    b'{"name": "' + b"x" * 300 + b'"}', b'{"name": "ben", "password": "x", "phone": true}',
    b'{"ticket": "x", "token": "y", "pin_key": "zz"}', b'{"ticket": "x", "token": "y", "proof": 3, "pin_key": "00"}',
    b'{"device": "\\ud800", "device_token": "\\u0000", "push": "x", "method": "y", "response": "z"}', b"x" * 70_000,
    b'{"name":NaN}', b'{"name":1e999,"password":"x"}', b'{"name":"x","password":"\\ud800"}',
    b'{"name":"x","password":"y","phone":-1}',
    b'{"name":"x","password":"y","phone":' + b"9" * 4000 + b"}",
]  # fmt: skip


def test_garbage_is_refused_in_words(server: str) -> None:
    with httpx.Client(base_url=f"{server}/api/phone") as client:
        for call in CALLS:
            for body in BODIES:
                answer = client.post(call, content=body, headers={"content-type": "application/json"})
                assert answer.status_code in {400, 401, 404, 413}, (call, body[:60], answer.text)
                assert set(answer.json()["error"]) == {"code", "message"}
            assert client.post(call, data={"name": "ben"}).status_code == 415
            assert client.get(call).status_code == 405


NO_OBJECT, NO_LINE = "must be a JSON object", "must be a line of at most 256 characters"
TOLD = [
    (b"[", "malformed", NO_OBJECT), (b"[]", "malformed", NO_OBJECT), (b'{"ticket": "\xff"}', "malformed", NO_OBJECT),
    (b"{}", "InputError", f"ticket: {NO_LINE}"),
    (b'{"ticket": "a\\nb", "token": "x", "pin_key": ""}', "InputError", f"ticket: {NO_LINE}"),
    (b'{"ticket": "x", "token": "x", "pin_key": "zz"}', "InputError", "pin_key: must be hex digits"),
    (b'{"ticket": "x", "token": "x", "pin_key": "", "proof": 3}', "InputError", f"proof: {NO_OBJECT}"),
    (b'{"ticket": "x", "token": "x", "pin_key": "", "proof": {}}', "InputError", f"id: {NO_LINE}"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "code", "message"), TOLD)
def test_the_field_that_is_wrong_is_named(server: str, body: bytes, code: str, message: str) -> None:
    answer = httpx.post(f"{server}/api/phone/activate", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"error": {"code": code, "message": message}})


@pytest.mark.parametrize("phone", ["true", "1.5", '"1"', "1e999", "null"])
def test_a_number_is_a_whole_number(server: str, phone: str) -> None:
    body = f'{{"name": "ben", "password": "x", "phone": {phone}}}'
    answer = httpx.post(f"{server}/api/phone/begin", content=body, headers={"content-type": "application/json"})
    assert answer.json()["error"] == {"code": "InputError", "message": "phone: must be a whole number"}


def test_guessing_passwords_over_the_phones_calls_is_told_when_to_go_on(server: str) -> None:
    statuses = [
        httpx.post(f"{server}/api/phone/begin", json={"name": "ben", "password": "a wrong one, surely"}) for _ in range(5)
    ]  # fmt: skip
    assert [each.status_code for each in statuses] == [401, 401, 401, 429, 429]
    assert 0 < int(statuses[-1].headers["retry-after"]) <= 30
