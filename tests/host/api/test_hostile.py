"""Requests that no sane client sends: each is refused with a clear reason, and changes nothing."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from tests.host import verifier_samples
from tests.host.api.api_client import Api, ask, problem
from tests.host.databases import verifier as verifier  # On SQLite and PostgreSQL.

SQL = "A-1'; DROP TABLE cards; --"
JSON = {"Content-Type": "application/json"}
SERIALS = [SQL, "A-1\0", "A-\u0661", "\uff21-1", "..", "a+1", "", "A 1", "A" * 33, "A-1\n", "%", 1, None, ["A-1"], True]


def test_a_serial_that_is_none_is_refused(api: Api) -> None:
    before = api.rows()
    for serial in SERIALS:
        assert "DROP" not in problem(api("POST", "/challenge", serial=serial), 400, "malformed", "serial")
    problem(api("POST", "/challenge", serial="A" * 1_000_000), 413, "too-large")
    assert api.rows() == before


def test_a_path_with_such_a_serial_is_not_found(api: Api) -> None:
    before = api.rows(), api.logged()
    for serial in (SQL, "A-1\0", "A-\u0661", "A-1\n", "%", "A" * 33):
        path = f"/cards/{quote(serial, safe='')}"
        for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/suspend")):
            assert "DROP" not in problem(api(method, path + end), 404, "unknown-card")
    assert (api.rows(), api.logged()) == before


def test_a_body_that_does_not_say_how_long_it_is_is_not_read_to_its_end(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"id": "'
        while sent < 10_000_000:
            sent += 4096
            yield b"1" * 4096

    problem(api.send("POST", "/verify", content=endless(), headers=JSON), 413, "too-large")
    assert sent < 32 * 1024


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


def test_a_body_that_is_malformed_is_refused(api: Api) -> None:
    before = api.rows(), api.logged()
    for name, body in BODIES.items():
        answer = api.send("POST", "/challenge", content=body, headers=JSON)
        assert (answer.status_code, answer.json()["error"]) == (400, "malformed"), name
        assert "A-1" not in answer.text
    assert (api.rows(), api.logged()) == before


def test_a_body_that_is_not_plain_json_is_refused(api: Api) -> None:
    before = api.rows()
    for kind in (
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json, text/plain"},
        {**JSON, "Content-Encoding": "gzip"},
    ):
        assert api.send("POST", "/challenge", content=b'{"serial": "A-1"}', headers=kind).status_code == 415
    assert api.rows() == before


def test_a_length_that_is_none_or_too_large_is_refused(api: Api) -> None:
    for length in ("-1", "1e9", "\u0663", "99999999999999999999", "0x10", "16385"):
        headers = {**JSON, "Content-Length": length.encode()}
        problem(api.send("POST", "/challenge", content=b'{"serial": "A-1"}', headers=headers), 413, "too-large")


def test_the_largest_body_is_read(api: Api) -> None:
    body = b'{"serial": "A-1"' + b" " * (16 * 1024 - 17) + b"}"
    assert len(body) == 16 * 1024
    assert api.send("POST", "/challenge", content=body, headers=JSON).status_code == 201
    problem(api.send("POST", "/challenge", content=body + b" ", headers=JSON), 413, "too-large")


QUERIES = [
    *(f"limit={text}" for text in ("1.0", "1e2", "%D9%A3", "%2B1", "1_0", "%201", "1%0A", "", "0", "501", "9" * 10_000)),
    "limit=1&limit=1",
    "offset=1",
    "state=decoy",
    "owner=a%00",
    "owner=" + "a" * 65,
    "owner=%FF",
    f"after={quote(SQL)}",
]


def test_a_query_that_is_malformed_is_refused(api: Api) -> None:
    for query in QUERIES:
        answer = api.send("GET", f"/cards?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, "malformed"), query


def test_a_query_where_none_belongs_is_refused(api: Api) -> None:
    challenge = ask(api)
    before = api.rows(), api.logged()
    answer = api.send(
        "POST", f"/verify?response={verifier_samples.right(challenge)}", json={"id": challenge.id, "response": "1"}
    )
    refusal = problem(answer, 400, "malformed")
    assert verifier_samples.right(challenge) not in refusal
    assert "this call takes no query" in refusal
    assert (api.rows(), api.logged()) == before
