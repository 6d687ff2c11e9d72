"""The service around its calls: who may make which call, what it refuses to read, and what it logs."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.host import verifier_samples
from tests.host.api import raw_requests
from tests.host.api.api_client import Api, problem
from tests.host.verifier_samples import Clock

from dsc_host.api import Scope, documentation, health
from dsc_host.api.app import DESCRIPTION_PATH
from dsc_host.api.operations import OPERATIONS, Operation
from dsc_host.server import bodies
from dsc_host.server.logs import JsonLines
from dsc_host.verifier import Challenge, Verifier

NOBODYS = "dsc_" + 43 * "A"


class Lines(logging.Handler):
    """The lines that the service logs, as they would be on stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in map(json.loads, self.texts) if line["event"] == "request"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, logger = Lines(), logging.getLogger("dsc_host.api")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)


def url(operation: Operation[Any]) -> str:
    return operation.path.replace("{serial}", "A-1")


GUARDED = [operation for operation in OPERATIONS if operation.scope]


def test_without_a_token_or_with_one_for_something_else_nothing_is_done(api: Api) -> None:
    before = api.rows(), api.logged()
    for operation in GUARDED:
        answer = api.runner.run(api.client.request(operation.method, url(operation), json={"serial": "A-1"}))
        assert "Authorization: Bearer" in problem(answer, 401, "token")
        assert answer.headers["www-authenticate"] == 'Bearer realm="dscplus"'
        for scope in set(Scope) - {operation.scope}:
            answer = api.send(operation.method, url(operation), scope)
            assert str(operation.scope) in problem(answer, 403, "scope")
            assert f'scope="{operation.scope}"' in answer.headers["www-authenticate"]
    assert (api.rows(), api.logged()) == before


def test_what_is_no_token_is_refused(api: Api) -> None:
    token = api.tokens[Scope.DESK]
    garbage = [
        "Bearer",
        "Bearer ",
        f"Basic {token}",
        token,
        f"Bearer {token}x",
        f"Bearer {token} {token}",
        f"Bearer {token[:-1]}",
    ]
    for header in (f"Bearer {NOBODYS}", *garbage):
        answer = api.send("GET", "/cards", headers={"Authorization": header})
        detail = problem(answer, 401, "token")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        known_form = header.startswith("Bearer ") and header.count(" ") == 1 and len(header) > 8
        assert detail.startswith("the token is unknown" if known_form else "send one header"), header
        assert token not in answer.text
    twice = [("Authorization", f"Bearer {token}")] * 2
    problem(api.runner.run(api.client.get("/cards", headers=twice)), 401, "token")
    problem(api.runner.run(api.client.get("/cards", params={"access_token": token})), 401, "token")
    assert api.send("GET", "/cards", headers={"Authorization": f"bEARER {token}"}).status_code == 200


def test_the_body_of_somebody_unknown_is_not_read(api: Api) -> None:
    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body is read")
        yield b""

    problem(api.runner.run(api.client.post("/verify", content=body())), 401, "token")


def test_what_is_not_there_is_not_found(api: Api) -> None:
    for path in ("/", "/cards/", "/cards/A-1/", "/challenge/", "/cards/A/B/C", "/docs/", "/docs/x.js", "/..", "/%00"):
        assert DESCRIPTION_PATH in problem(api.send("GET", path), 404, "path")


def test_a_wrong_method_says_which_there_are(api: Api) -> None:
    answer = api.send("PATCH", "/cards/A-1")
    problem(answer, 405, "method")
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "DELETE"}


def test_each_answer_has_a_name_and_is_not_kept(api: Api) -> None:
    answers = [api.send("GET", path) for path in ("/health", "/cards", "/nowhere", DESCRIPTION_PATH)]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 4
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_a_database_that_fails_is_told_without_its_words(api: Api, lines: Lines) -> None:
    api.verifier.close()
    for method, path, body in (("POST", "/challenge", {"serial": "A-1"}), ("GET", "/cards", {}), ("GET", "/health", {})):
        answer = api(method, path, **body)
        assert "memory" not in problem(answer, 503, "database")
        assert int(answer.headers["retry-after"]) > 0
    assert all("database in memory: it has been closed" in line["problem"] for line in lines.requests())
    assert {line["level"] for line in lines.requests()} == {"error"}


def test_without_memory_a_caller_is_told_to_come_back(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(type(api.verifier._context.store), "change", fail)
        answer = api("POST", "/challenge", serial="A-1")
    problem(answer, 503, "busy")
    assert answer.headers["retry-after"] == "5"
    assert api("POST", "/challenge", serial="A-1").status_code == 201


def test_what_nobody_expected_is_told_without_its_words(api: Api, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the PIN is 1234")

    monkeypatch.setattr(type(api.verifier._context.store), "change", fail)
    answer = api("POST", "/cards/A-1/suspend")
    assert "1234" not in problem(answer, 500, "internal")
    failed = json.loads(lines.texts[0])
    # The request's name is random. In one of 5,000, these digits are in it by chance.
    assert "1234" not in "".join(lines.texts).replace(failed["request"], "")
    assert (failed["event"], failed["error"]) == ("failed", "RuntimeError")
    assert "fail" in failed["where"][-1]
    assert failed["request"] == answer.headers["x-request-id"]


def test_calls_beyond_the_limit_are_told_to_come_back(
    verifier: Verifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    store = verifier._context.store
    change = store.change

    def held(work: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return change(work)

    async def asked() -> tuple[httpx.Response, ...]:
        body = {"id": "x", "response": "x"}
        with monkeypatch.context() as patch:
            patch.setattr(type(store), "change", lambda _, work: held(work))
            first = asyncio.create_task(api.asend("POST", "/verify", json=body))
            await asyncio.to_thread(begun.wait, 60)
            second = await api.asend("POST", "/verify", json=body)
            # A request for the service's own state needs no free place.
            figures = await api.asend("GET", "/metrics", Scope.METRICS)
            go_on.set()
            third = await first
        # Afterwards there is room again.
        return third, second, figures, await api.asend("POST", "/verify", json=body)

    with Api(verifier, tmp_path, most_in_progress=1) as api:
        first, second, figures, last = api.runner.run(asked())
    problem(second, 503, "busy")
    assert second.headers["retry-after"] == "1"
    assert first.json() == last.json() == {"accepted": False}
    assert figures.status_code == 200


def test_a_body_that_is_slow_holds_no_place(verifier: Verifier, tmp_path: Path) -> None:
    async def asked() -> tuple[httpx.Response, httpx.Response]:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b'{"id": "x", '
            begun.set()
            await go_on.wait()
            yield b'"response": "x"}'

        headers = {"Content-Type": "application/json"}
        slow = asyncio.create_task(api.asend("POST", "/verify", content=body(), headers=headers))
        await begun.wait()
        other = await api.asend("POST", "/verify", json={"id": "x", "response": "x"})
        go_on.set()
        return await slow, other

    with Api(verifier, tmp_path, most_in_progress=1) as api:
        assert [answer.status_code for answer in api.runner.run(asked())] == [200, 200]


def test_health_asks_the_database_once_a_second_however_many_ask(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    read = type(api.verifier._context.store).read

    def counted(store: Any) -> Any:
        looks.append(1)
        return read(store)

    async def asked() -> list[httpx.Response]:
        return await asyncio.gather(*(api.client.get("/health") for _ in range(3)))

    monkeypatch.setattr(health, "FRESH_SECONDS", 1000)
    monkeypatch.setattr(type(api.verifier._context.store), "read", counted)
    answers = [*api.runner.run(asked()), *api.runner.run(asked())]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"status": "ok"})] * 6
    assert len(looks) == 1
    monkeypatch.setattr(health, "FRESH_SECONDS", 0)
    api.runner.run(api.client.get("/health"))
    assert len(looks) == 2


def test_a_body_that_does_not_come_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)

    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = api.send("POST", "/verify", content=body(), headers={"Content-Type": "application/json"})
    problem(answer, 408, "slow")
    assert answer.headers["connection"] == "close"


def test_a_client_that_goes_away_in_a_body_is_no_error(api: Api, lines: Lines) -> None:
    headers = [(name.lower().encode(), text.encode()) for name, text in api.bearer(Scope.LOGIN).items()]
    answer = raw_requests.ask(
        api.app, "POST", "/verify", [*headers, (b"content-type", b"application/json")], b'{"a', aborted=True
    )
    assert answer.status == 0
    assert [(line["route"], line["status"], line["level"]) for line in lines.requests()] == [("/verify", None, "info")]
    assert len(lines.texts) == 1


def test_each_request_has_one_line_and_no_secret_is_in_it(api: Api, lines: Lines) -> None:
    api("POST", "/challenge", serial="SECRET-1")
    api("POST", "/verify", id="secret-2", response="secret-3")
    api.send("GET", "/cards", params={"owner": "secret-4"})
    api.send("GET", "/secret-5")
    api.send("SECRET", "/health")
    api.send("GET", "/cards/SECRET-7")
    api.send("GET", "/cards", headers={"Authorization": "Bearer secret-8"})
    told = "".join(lines.texts)
    assert "secret" not in told.lower()
    assert not [token for token in api.tokens.values() if token in told]
    requests = lines.requests()
    assert [(line["method"], line["route"], line["status"], line["token"]) for line in requests] == [
        ("POST", "/challenge", 201, "website"),
        ("POST", "/verify", 200, "website"),
        ("GET", "/cards", 200, "helpdesk"),
        ("GET", None, 404, None),
        ("other", None, 405, None),
        ("GET", "/cards/{serial}", 404, "helpdesk"),
        ("GET", "/cards", 401, None),
    ]
    assert all(line["milliseconds"] > 0 and line["time"].endswith("+00:00") for line in requests)


def test_figures_count_without_saying_of_whom(api: Api, clock: Clock) -> None:
    given = api("POST", "/challenge", serial="A-1").json()
    challenge = Challenge(given["id"], "A-1", given["question"], given["expires_at"])
    api("POST", "/verify", id=given["id"], response=verifier_samples.wrong(challenge))
    api("POST", "/verify", id=given["id"], response=verifier_samples.right(challenge))
    api.send("GET", "/nowhere")
    answer = api.send("GET", "/metrics", Scope.METRICS)
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'dscplus_challenges_total{outcome="given"} 1.0' in answer.text
    assert 'dscplus_verdicts_total{operation="verify",outcome="accepted"} 1.0' in answer.text
    assert 'dscplus_verdicts_total{operation="verify",outcome="refused"} 1.0' in answer.text
    assert 'dscplus_request_seconds_count{operation="verify",status="200"} 2.0' in answer.text
    assert 'dscplus_request_seconds_count{operation="none",status="404"} 1.0' in answer.text
    assert "A-1" not in answer.text
    assert "website" not in answer.text


def test_the_documentation_shows_every_call_and_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.runner.run(api.client.get("/docs"))
    assert all(f"{each.method} {each.path}<" in page.text for each in OPERATIONS)
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in page.headers["content-security-policy"]
    loaded = re.findall('(?:src|rel="stylesheet" href)="([^"]*)"', page.text)
    assert {each.rpartition(".")[2] for each in loaded} == {"css", "js"}
    answers = [api.runner.run(api.client.get(path)) for path in loaded]
    assert [(each.status_code, each.headers["x-content-type-options"]) for each in answers] == [(200, "nosniff")] * len(loaded)
    assert "<script>" not in page.text
    assert "style=" not in page.text


def test_the_documentation_names_the_package_that_it_needs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "_folder", lambda: None)
    for path in ("/docs", "/docs/swagger-ui.css"):
        assert "dscplus[swagger]" in problem(api.send("GET", path), 404, "path")


def test_the_description_has_every_call_and_needs_no_token(api: Api) -> None:
    answer = api.runner.run(api.client.get(DESCRIPTION_PATH))
    described = answer.json()
    assert described["openapi"].startswith("3.1")
    calls = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert calls == {(operation.method, operation.path) for operation in OPERATIONS}
    assert described["paths"]["/change-pin"]["post"]["security"] == [{"bearer": ["desk"]}]
