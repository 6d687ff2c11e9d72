"""Requests that no browser sends: none causes an error or a 500, and none is logged as an error."""

import asyncio
import gzip
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product

import pytest
from starlette.applications import Starlette
from tests.host.api import raw_requests
from tests.host.api.raw_requests import Answer
from tests.host.login.scenario import new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.login.passwords import Passwords
from dsc_host.portal import application
from dsc_host.portal.app import POST
from dsc_host.portal.security import csrf
from dsc_host.portal.site import Visit
from dsc_host.records.store import Store
from dsc_host.server import bodies

TOKEN = "v." + "A" * 43
FORM = b"csrf=" + csrf(TOKEN).encode()
HEADERS = {
    b"host": b"portal.example",
    b"cookie": b"session=" + TOKEN.encode(),
    b"content-type": b"application/x-www-form-urlencoded",
}
JSON = (b"content-type", b"application/json")
CALL = "/api/phone/begin"
NAMES = (
    b"host", b"origin", b"cookie", b"content-type", b"content-length", b"content-encoding", b"accept-language",
    b"x-forwarded-for", b"x-forwarded-host", b"sec-fetch-site", b"range", b"if-range", b"if-modified-since", b"if-none-match",
    b"authorization", b"expect",
)  # fmt: skip
TEXTS = (
    b"", b"[", b"http://[x", b"\xff\xfe", b"%", b"%ff", b"\0", b"a" * 8000, b";q=;q=nan, ;q=1e999,de;q=nan", b",,;;",
    b"\xd9\xa1",    b"bytes=a-b,9-1", b"bytes=0-0,-1,5-", b"9" * 5000, b"-1", b"\"\\", b"lang=\"\\999\"; notice=\"\\",
    b"Thu, 01 Jan 99999999999999 00:00:00 GMT", b"::ffff:192.0.2.1%eth0",
)  # fmt: skip
HOSTS = (
    b"portal.example:[", b"portal.example:x", b"portal.example:80/a", b"portal.example:1?x", b"portal.example:1#x",
    b"portal.example:\xff", b"portal.example:999999", b"user@portal.example:1", b"[::1]]", b"[::1]x:[", b"[::1]@[", b":80",
)  # fmt: skip
PATHS = (
    "", "*", "[", "//[", "http://[x", "/[", "/%", "/\0", "/\x80", "/a" * 4000, "/static/", "/static", "/static/\0",
    "/static/" + "a" * 300, "/static/" + "a/" * 3000, "/static/../app.py", "/static//etc/passwd", "/login/",
    "//evil.example/login/", "/api/phone/", "/api/phone/\0", " ",
)  # fmt: skip
QUERIES = (b"%ff", b"[", b"\xff", b"&" * 5000, b"name=%00", b"=")
FORMS = (
    b"%", b"%zz=1", b"=", b"&", b"a", b"a=%ff", b"a=%00", b"a=%ed%a0%80", b"\xff", b"a=1&a=2", b"+=+", b"csrf=%C3%A9", b"=&=",
    b"\0",
)  # fmt: skip


@pytest.fixture(scope="module")
def app() -> Iterator[Starlette]:
    """Yield one application for most tests. Their requests change nothing but the counts of failed logins."""
    with new_application() as made:
        yield made


@contextmanager
def new_application() -> Iterator[Starlette]:
    with new_scenario(Clock()) as made:
        yield application(made.system, secure=False, hosts=("portal.example", "[::1]"))


@pytest.fixture(autouse=True)
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that no request was logged as an error."""
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def ask(app: Starlette, method: str, path: str, *headers: tuple[bytes, bytes], **given: bytes) -> Answer:
    answer = raw_requests.ask(app, method, path, raw_requests.merged(HEADERS, *headers), **given)
    assert 200 <= answer.status < 500, (method, path, headers, given)
    return answer


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.long)])
def test_no_header_is_an_error(app: Starlette, every: int) -> None:
    sent = (("GET", "/login", b""), ("POST", "/login", FORM), ("GET", "/static/portal.css", b""), ("POST", CALL, b"{}"))
    for name, text, (method, path, body) in list(product(NAMES, TEXTS, sent))[::every]:
        ask(app, method, path, *([JSON] if path == CALL else []), (name, text), body=body)


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_no_host_is_not_ours(app: Starlette, host: bytes) -> None:
    for method, path in (("GET", "/login"), ("POST", "/login"), ("GET", "/static/portal.css")):
        assert ask(app, method, path, (b"host", host)).status == 421


@pytest.mark.parametrize("host", [b"portal.example:8480", b"PORTAL.example", b"[::1]:8480", b"[::1]", b"portal.example:"])
def test_a_host_may_have_a_port(app: Starlette, host: bytes) -> None:
    assert ask(app, "GET", "/login", (b"host", host)).status == 200


def test_no_path_or_query_is_an_error(app: Starlette) -> None:
    for method, path in product(("GET", "HEAD", "POST", "OPTIONS", "CONNECT", "X!"), PATHS):
        ask(app, method, path, body=FORM if method == "POST" else b"")
    for query in QUERIES:
        ask(app, "GET", "/login", query=query)
        ask(app, "POST", "/login", query=query, body=FORM)


def test_no_body_is_an_error(app: Starlette) -> None:
    for body, path in product(FORMS, list(POST)[:12]):
        ask(app, "POST", path, body=body)


@pytest.mark.parametrize(("path", "kind"), [("/login", HEADERS[b"content-type"]), ("/api/phone/begin", JSON[1])])
def test_a_client_that_goes_away_in_a_body_is_no_error(app: Starlette, path: str, kind: bytes) -> None:
    headers = raw_requests.merged(HEADERS, (b"content-type", kind))
    assert raw_requests.ask(app, "POST", path, headers, b"{", aborted=True).status == 0


@pytest.mark.parametrize(("path", "kind"), [("/login", HEADERS[b"content-type"]), ("/api/phone/begin", JSON[1])])
def test_a_body_that_does_not_come_is_not_waited_for(
    app: Starlette, path: str, kind: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    headers = raw_requests.merged(HEADERS, (b"content-type", kind))
    answer = raw_requests.ask(app, "POST", path, headers, b"{", stalled=asyncio.Event)
    assert (answer.status, answer.headers["connection"]) == (408, "close")


def test_only_a_picture_has_the_policy_of_a_picture(app: Starlette) -> None:
    # A page has our forms, scripts and styles, and nobody may show it in a frame, whatever its path ends in.
    page = ask(app, "GET", "/nowhere").headers["content-security-policy"]
    for path in ("/nowhere.svg", "/static/nowhere.svg", "/login/.svg"):
        answer = ask(app, "GET", path)
        assert (answer.status, answer.headers["content-security-policy"]) == (404, page)
    assert ask(app, "GET", "/static/icon.svg").headers["content-security-policy"] != page
    assert ask(app, "GET", "/nowhere.svg", (b"host", b"evil.example")).headers["content-security-policy"] == page


def test_only_a_file_is_kept_in_a_cache(app: Starlette) -> None:
    # The page for a missing file contains a visitor's cookie and token.
    assert ask(app, "GET", "/static/nowhere").headers["cache-control"] == "no-store"
    assert ask(app, "GET", "/static/portal.css").headers["cache-control"] == "max-age=300"


def test_only_a_file_is_compressed(app: Starlette) -> None:
    accepts = (b"accept-encoding", b"gzip")
    file = ask(app, "GET", "/static/portal.css", accepts)
    assert (file.headers["content-encoding"], file.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(file.body) == ask(app, "GET", "/static/portal.css").body
    for path in ("/login", "/nowhere", "/static/nowhere"):
        assert "content-encoding" not in ask(app, "GET", path, accepts).headers


def out_of_memory(*_: object) -> None:
    raise MemoryError


def out_of_threads(*_: object) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize(
    ("where", "what", "fail"),
    [
        (Passwords, "_run", out_of_memory),
        (Store, "change", out_of_memory),
        (Visit, "show", out_of_memory),
        (threading.Thread, "start", out_of_threads),
    ],
    ids=["a hash", "the database", "a page", "a thread"],
)
def test_without_memory_a_visitor_is_told_to_come_back(
    monkeypatch: pytest.MonkeyPatch, where: type, what: str, fail: Callable[..., None]
) -> None:
    headers = raw_requests.merged(HEADERS)
    called = raw_requests.merged(HEADERS, JSON)
    # In an application of its own, no other test has used up the attempts to log in.
    with new_application() as app, monkeypatch.context() as patch:
        patch.setattr(where, what, fail)
        login = raw_requests.ask(app, "POST", "/login", headers, FORM + b"&name=anna&password=wrong")
        answers = [login]
        if where is not Visit:
            answers.append(raw_requests.ask(app, "POST", "/api/phone/begin", called, b'{"name":"anna","password":"x"}'))
    for answer in answers:
        assert (answer.status, answer.headers.get("retry-after")) == (503, "5")
        assert b"again" in answer.body
        assert b"Traceback" not in answer.body
        assert "set-cookie" not in answer.headers
