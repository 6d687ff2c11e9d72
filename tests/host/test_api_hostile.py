"""What nobody in their right mind would send: a clear refusal each, and nothing changed."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.host import verifying
from tests.host.api_client import Api, ask, problem
from tests.host.databases import verifier as verifier  # On SQLite and PostgreSQL.

from dsc_host.api import Scope

SQL = "A-1'; DROP TABLE cards; --"
JSON = {"Content-Type": "application/json"}
SERIALS = {
    "SQL": SQL,
    "NUL": "A-1\0",
    "a megabyte": "A" * 1_000_000,
    "Unicode digits": "A-\u0661",
    "full-width letters": "\uff21-1",
    "lower case": "a-1",
    "nothing": "",
    "a blank": "A 1",
    "17 letters": "A" * 17,
    "a newline at the end": "A-1\n",
    "a wildcard": "%",
    "a number": 1,
    "null": None,
    "a list": ["A-1"],
    "true": True,
}
RESPONSES = {
    "Unicode digits": "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668",
    "full-width digits": "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    "superscripts": "\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078",
    "NUL": "1234567\0",
    "SQL": "' OR '1'='1",
    "nothing": "",
    "64 letters": "x" * 64,
    "a sign": "+1234567",
    "a newline at the end": "12345678\n",
    "emoji": "\U0001f511" * 8,
}


@pytest.mark.parametrize("serial", SERIALS.values(), ids=SERIALS)
def test_a_serial_that_is_none_is_refused(api: Api, serial: object) -> None:
    before = api.rows()
    answer = api("POST", "/challenge", serial=serial)
    if isinstance(serial, str) and len(serial) > 16_000:
        problem(answer, 413, "too-large")
    else:
        problem(answer, 400, "malformed", "serial")
    assert api.rows() == before
    assert "DROP" not in answer.text


@pytest.mark.every_database
@pytest.mark.parametrize("name", ["SQL", "NUL", "Unicode digits", "a newline at the end", "a wildcard", "17 letters"])
def test_a_path_with_such_a_serial_is_not_found(api: Api, name: str) -> None:
    before = api.rows(), api.logged()
    path = f"/cards/{quote(str(SERIALS[name]), safe='')}"
    for method, end, body in (
        ("GET", "", {}),
        ("DELETE", "", {}),
        ("POST", "/suspend", {}),
        ("POST", "/add-owner", {"owner": "x"}),
    ):
        answer = api(method, path + end, **body)
        assert "DROP" not in problem(answer, 404, "unknown-card")
    assert (api.rows(), api.logged()) == before


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_what_could_be_no_response_is_not_accepted_and_counts(api: Api, response: str) -> None:
    challenge = ask(api)
    answer = api("POST", "/verify", id=challenge.id, response=response)
    assert (answer.status_code, answer.json()) == (200, {"accepted": False})
    assert api.verifier.card("A-1").failures == 1
    assert api("POST", "/verify", id=challenge.id, response=verifying.right(challenge)).json() == {"accepted": True}


@pytest.mark.parametrize("name", ["SQL", "NUL", "Unicode digits", "emoji", "nothing"])
def test_what_could_be_no_challenge_is_not_accepted(api: Api, name: str) -> None:
    before = api.rows()
    assert api("POST", "/verify", id=RESPONSES[name], response="12345678").json() == {"accepted": False}
    assert api.rows() == before


def test_a_megabyte_response_is_refused(api: Api) -> None:
    challenge = ask(api)
    before = api.rows(), api.logged()
    problem(api("POST", "/verify", id=challenge.id, response="1" * 1_000_000), 413, "too-large")
    problem(api("POST", "/verify", id=challenge.id, response="1" * 65), 400, "malformed", "response")
    assert (api.rows(), api.logged()) == before


def test_a_body_that_does_not_say_how_long_it_is_is_not_read_to_its_end(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"id": "'
        while sent < 10_000_000:
            sent += 4096
            yield b"1" * 4096

    received = 0

    async def counted() -> int:
        messages: list[Any] = []
        source = endless()

        async def receive() -> dict[str, Any]:
            nonlocal received
            chunk = await anext(source)
            received += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": True}

        async def send(message: Any) -> None:
            messages.append(message)

        headers = [(b"content-type", b"application/json")]
        headers += [(name.lower().encode(), value.encode()) for name, value in api.bearer(Scope.LOGIN).items()]
        scope = {"type": "http", "method": "POST", "path": "/verify", "headers": headers, "query_string": b""}
        await api.app(scope, receive, send)
        return int(messages[0]["status"])

    assert api.runner.run(counted()) == 413
    assert received < 32 * 1024


BODIES = {
    "nothing": b"",
    "no JSON": b"serial=A-1",
    "half": b'{"serial": "A-1"',
    "two": b'{"serial": "A-1"}{}',
    "an array": b'["A-1"]',
    "a text": b'"A-1"',
    "null": b"null",
    "a field twice": b'{"serial": "A-1", "serial": "A-1"}',
    "a field too many": b'{"serial": "A-1", "conceal": false}',
    "another field": b'{"Serial": "A-1"}',
    "no UTF-8": b'{"serial": "A\xff"}',
    "UTF-16": '{"serial": "A-1"}'.encode("utf-16"),
    "a byte-order mark": b'\xef\xbb\xbf{"serial": "A-1"}',
    "half a surrogate pair": b'{"serial": "\\ud800"}',
    "NaN": b'{"serial": NaN}',
    "a number too large": b'{"serial": 1e999}',
    "ten thousand digits": b'{"serial": ' + b"1" * 10_000 + b"}",
    "deep": b"[" * 16_000,
    "deep objects": b'{"a":' * 3_000,
    "a comment": b'{"serial": "A-1"} // hello',
    "compressed": bytes.fromhex("1f8b0800000000000003ab562a4e2dca4ccc51b25272d43554aa05006c3cf4b90f000000"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_malformed_is_refused(api: Api, body: bytes) -> None:
    before = api.rows(), api.logged()
    answer = api.send("POST", "/challenge", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "malformed"
    assert "A-1" not in answer.text
    assert (api.rows(), api.logged()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json, text/plain"},
        {**JSON, "Content-Encoding": "gzip"},
    ],
    ids=str,
)
def test_a_body_that_is_not_plain_json_is_refused(api: Api, headers: dict[str, str]) -> None:
    before = api.rows()
    assert api.send("POST", "/challenge", content=b'{"serial": "A-1"}', headers=headers).status_code == 415
    assert api.rows() == before


@pytest.mark.parametrize("length", ["-1", "1e9", "\u0663", "99999999999999999999", "0x10", "16385"])
def test_a_length_that_is_none_or_too_large_is_refused(api: Api, length: str) -> None:
    headers = {**JSON, "Content-Length": length.encode()}
    problem(api.send("POST", "/challenge", content=b'{"serial": "A-1"}', headers=headers), 413, "too-large")


def test_the_largest_body_is_read(api: Api) -> None:
    body = b'{"serial": "A-1"' + b" " * (16 * 1024 - 17) + b"}"
    assert len(body) == 16 * 1024
    assert api.send("POST", "/challenge", content=body, headers=JSON).status_code == 201
    problem(api.send("POST", "/challenge", content=body + b" ", headers=JSON), 413, "too-large")


QUERIES = {
    "a float": "limit=1.0",
    "an exponent": "limit=1e2",
    "Unicode digits": "limit=%D9%A3",
    "a sign": "limit=%2B1",
    "an underscore": "limit=1_0",
    "a blank": "limit=%201",
    "a newline": "limit=1%0A",
    "nothing": "limit=",
    "none": "limit=0",
    "too many": "limit=501",
    "ten thousand digits": "limit=" + "9" * 10_000,
    "twice": "limit=1&limit=1",
    "another name": "offset=1",
    "no state": "state=decoy",
    "a NUL owner": "owner=a%00",
    "a long owner": "owner=" + "a" * 65,
    "no UTF-8": "owner=%FF",
    "SQL": f"after={quote(SQL)}",
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_that_is_malformed_is_refused(api: Api, query: str) -> None:
    answer = api.send("GET", f"/cards?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "malformed"


@pytest.mark.every_database
def test_an_owner_may_be_anything_else(api: Api) -> None:
    for owner in ("Ána", "x' OR 1=1 --", "\U0001f511", "%", "ana smith"):
        assert api.send("GET", "/cards", params={"owner": owner}).json()["cards"] == []
        assert api("POST", "/cards/A-1/add-owner", owner=owner).status_code == 200
        assert len(api.send("GET", "/cards", params={"owner": owner}).json()["cards"]) == 1


def test_a_query_where_none_belongs_is_refused(api: Api) -> None:
    challenge = ask(api)
    before = api.rows(), api.logged()
    answer = api.send("POST", f"/verify?response={verifying.right(challenge)}", json={"id": challenge.id, "response": "1"})
    assert verifying.right(challenge) not in problem(answer, 400, "malformed")
    assert (api.rows(), api.logged()) == before


@pytest.mark.parametrize("seconds", [0, -1, 1e300, True, "60", "1e999", 10 * 365 * 86_400 + 1])
def test_a_time_that_is_none_is_refused(api: Api, seconds: object) -> None:
    before = api.rows(), api.logged()
    # "1e999" as a number, which JSON may write.
    body = json.dumps({"seconds": seconds}).replace('"1e999"', "1e999")
    answer = api.send("POST", "/cards/A-1/lock", content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert (api.rows(), api.logged()) == before


@pytest.mark.parametrize("reason", ["a\0b", "two\nlines", "\u202eright to left", "x" * 201, "\x1b[31m"])
def test_a_reason_that_would_spoil_the_log_is_refused(api: Api, reason: str) -> None:
    before = api.rows(), api.logged()
    answer: httpx.Response = api("POST", "/cards/A-1/suspend", reason=reason)
    assert answer.status_code in (400, 422), answer.text
    assert (api.rows(), api.logged()) == before


@pytest.mark.parametrize("pin", ["12345", "123", "\u0661\u0662\u0663\u0664", "1234\n", "12\x003", 1234, None])
def test_a_new_pin_that_is_none_is_refused(api: Api, pin: object) -> None:
    challenge = ask(api)
    before = api.rows(), api.logged()
    answer = api("POST", "/change-pin", id=challenge.id, response="12345678", new_pin=pin)
    assert answer.status_code in (400, 422), answer.text
    assert "1234" not in answer.text
    assert (api.rows(), api.logged()) == before


@pytest.mark.every_database
def test_half_a_surrogate_pair_is_no_text_anywhere(api: Api) -> None:
    before = api.rows(), api.logged()
    for path, body in (
        ("/verify", b'{"id": "x", "response": "\\ud800"}'),
        ("/cards/A-1/add-owner", b'{"owner": "\\udfff"}'),
        ("/cards/A-1/suspend", b'{"reason": "\\ud800x"}'),
    ):
        problem(api.send("POST", path, content=body, headers=JSON), 400, "malformed")
    assert (api.rows(), api.logged()) == before


def test_an_infinite_number_is_no_json(api: Api) -> None:
    for number in (b"1e999", b"-1e999", b"Infinity", b"NaN"):
        answer = api.send("POST", "/cards/A-1/lock", content=b'{"seconds": ' + number + b"}", headers=JSON)
        assert "one JSON object" in problem(answer, 400, "malformed")
