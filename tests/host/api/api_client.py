"""The verifier's HTTP service in this process, and a client with a token for each scope."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from dsc_host.api import Scope, Tokens, add_token, application
from dsc_host.schema import card_tables
from dsc_host.verifier import Challenge, Verifier

NAMES = {"website": Scope.LOGIN, "helpdesk": Scope.DESK, "prometheus": Scope.METRICS}


class Api:
    """The service in this process. `api("POST", "/challenge", serial="A-1")` makes one call, with the token that it needs."""

    def __init__(self, verifier: Verifier, folder: Path, **options: Any) -> None:
        path = folder / "tokens"
        self.verifier = verifier
        self.tokens = {scope: add_token(path, name, [scope]) for name, scope in NAMES.items()}
        self.app = application(lambda: verifier, Tokens.from_file(path), **options)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://service")
        self.runner = asyncio.Runner()
        self._life: AbstractAsyncContextManager[Any] = self.app.router.lifespan_context(self.app)

    def __enter__(self) -> "Api":
        self.runner.run(self._life.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self._life.__aexit__(None, None, None))
        self.runner.run(self.client.aclose())
        self.runner.close()

    def __call__(self, method: str, path: str, scope: Scope | None = None, **body: object) -> httpx.Response:
        return self.send(method, path, scope, **({"json": body} if method in ("POST", "PUT") else {}))

    def send(self, method: str, path: str, scope: Scope | None = None, **request: Any) -> httpx.Response:
        """Make a call with any body, headers or query."""
        return self.runner.run(self.asend(method, path, scope, **request))

    async def asend(self, method: str, path: str, scope: Scope | None = None, **request: Any) -> httpx.Response:
        headers = {**self.bearer(scope or needed(path)), **request.pop("headers", {})}
        return await self.client.request(method, path, headers=headers, **request)

    def bearer(self, scope: Scope) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope]}"}

    def rows(self) -> list[Any]:
        """Return all stored rows of cards, their owners and challenges."""
        with self.verifier._context.store.read() as db:
            return [
                tuple(row)
                for table in (card_tables.cards, card_tables.owners, card_tables.challenges)
                for row in db.execute(select(table))
            ]

    def logged(self) -> list[tuple[str, str, str]]:
        """Return the actor, action and outcome of each entry in the audit log."""
        return [(entry.actor, entry.action, entry.outcome) for entry in self.verifier.audit.entries()]


def needed(path: str) -> Scope:
    """Return the scope that this path needs."""
    return Scope.LOGIN if path.partition("?")[0] in ("/challenge", "/verify", "/resync") else Scope.DESK


def problem(answer: httpx.Response, status: int, error: str, field: str | None = None) -> str:
    """Check that an answer is an RFC 9457 problem with these values. Return its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert (told["status"], told["error"], told.get("field")) == (status, error, field), told
    return str(told["detail"])


def ask(api: Api, serial: str = "A-1") -> Challenge:
    """Ask for a challenge for this card."""
    answer = api("POST", "/challenge", serial=serial)
    assert answer.status_code == 201, answer.text
    given = answer.json()
    return Challenge(given["id"], serial, given["question"], given["expires_at"])
