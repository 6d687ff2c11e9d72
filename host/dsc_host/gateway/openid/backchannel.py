"""Back-channel logout: when a session ends, the clients at which the user has logged in during the session are notified.

Three promises:

1. The grants of an ended session are found, whatever has ended the session. Each of their clients is notified if it has an
   address for notices and has fetched its tokens.
2. No user waits for a client. A client that does not answer is notified again, after longer and longer pauses, for about two
   hours.
3. Any number of processes may do this work. Before a process calls a client, it reserves the row of the grant for a while.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import httpx
from starlette.concurrency import run_in_threadpool

from dsc_host.gateway.openid import clients, id_tokens, logins
from dsc_host.gateway.openid.grants import Grant, State, grants
from dsc_host.gateway.openid.provider import Provider
from dsc_host.login.transaction import LoginTransaction

MOST_TRIES = 9
"""The maximum number of calls for one notice. The last call is made about two hours after the first."""
_PAUSE_SECONDS = 30
_PATIENCE_SECONDS = 5.0
_AT_ONCE = 20
_log = logging.getLogger("dsc_host.gateway")


@dataclass(frozen=True, slots=True)
class Notice:
    """A logout token to send to a client."""

    grant: str
    url: str
    token: str
    tries: int


async def notify_clients(provider: Provider, users: Sequence[str] | None = None) -> int:
    """Find the ended sessions of these users (None means all users), and notify their clients.

    Return the number of notices that were accepted.
    """
    notices = await run_in_threadpool(due, provider, users)
    if not notices:
        return 0
    async with httpx.AsyncClient(timeout=_PATIENCE_SECONDS, trust_env=False) as http:
        accepted = await asyncio.gather(*(_sent(http, notice) for notice in notices))
    for notice, each in zip(notices, accepted, strict=True):
        await run_in_threadpool(provider.context.change, partial(finish, notice=notice, accepted=each))
    return sum(accepted)


def due(provider: Provider, users: Sequence[str] | None = None) -> list[Notice]:
    """Find the ended sessions of these users (None means all users). Reserve some due rows, and return their notices."""
    context = provider.context
    for user in context.read(partial(_to_end, users=users)):
        context.change(partial(_end, user=user))
    return context.change(partial(_take, issuer=provider.issuer)) if context.read(_due) else []


def finish(tx: LoginTransaction, notice: Notice, *, accepted: bool) -> None:
    """Remove the grant if its client has accepted the notice, or if this was the last try."""
    if not accepted and notice.tries < MOST_TRIES:
        return
    if (grant := grants.locked(tx.db, notice.grant)) is not None:
        grants.remove(tx.db, grants.c.id == grant.id)
        outcome, reason = ("done", "told") if accepted else ("refused", "no answer")
        tx.log("openid.logout", None, outcome, reason, client=grant.client)


async def _sent(http: httpx.AsyncClient, notice: Notice) -> bool:
    try:
        # The timeout of httpx begins again with each part of the answer.
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await http.post(notice.url, data={"logout_token": notice.token})
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        _log.warning("a client was not notified of a logout: %s", type(error).__name__)
        return False
    return answer.status_code in (200, 204)


def _to_end(tx: LoginTransaction, users: Sequence[str] | None) -> list[str]:
    """Return the ids of the users with a grant whose session or code is over. `users` restricts the search."""
    wanted = grants.c.state != State.ENDED
    found = grants.all(tx.db, wanted if users is None else wanted & grants.c.user_id.in_(users))
    open_sessions = logins.open_ids(tx, {grant.user_id for grant in found})
    return sorted({grant.user_id for grant in found if _is_over(tx, grant, open_sessions)})


def _end(tx: LoginTransaction, user: str) -> None:
    # Lock the user. Otherwise a login could move the grants to a new session at the same time.
    logins.lock(tx, user)
    open_sessions = logins.open_ids(tx, {user})
    for grant in grants.all(tx.db, grants.c.user_id == user, grants.c.state != State.ENDED):
        if _is_over(tx, grant, open_sessions):
            if grant.state == State.CODE:
                # The client has not fetched its tokens, so it has no session to end.
                grants.remove(tx.db, grants.c.id == grant.id)
            else:
                grants.change(tx.db, grant.id, state=State.ENDED, due_at=tx.now())


def _is_over(tx: LoginTransaction, grant: Grant, open_sessions: frozenset[str]) -> bool:
    """Return whether the session of a grant has ended, or the code was not used in time."""
    if grant.state == State.CODE and tx.now() >= grant.made_at + tx.policy.openid.code_validity:
        return True
    return grant.session not in open_sessions


def _due(tx: LoginTransaction) -> list[Grant]:
    """Return some grants whose clients are due to be notified, sorted by id."""
    over = grants.all(tx.db, grants.c.state == State.ENDED, grants.c.due_at <= tx.now(), order=grants.c.due_at, most=_AT_ONCE)
    return sorted(over, key=lambda grant: grant.id)


def _take(tx: LoginTransaction, issuer: str) -> list[Notice]:
    notices = []
    for found in _due(tx):
        grant, client = grants.locked(tx.db, found.id), clients.find(tx, found.client)
        if grant is None or grant.due_at is None or grant.due_at > tx.now():
            # Another process has taken this row.
            continue
        if client is None or not client.backchannel:
            grants.remove(tx.db, grants.c.id == grant.id)
            continue
        tries = grant.tries + 1
        grants.change(tx.db, grant.id, tries=tries, due_at=tx.now() + _PAUSE_SECONDS * 2**grant.tries)
        notices.append(Notice(grant.id, client.backchannel, id_tokens.logout_token(tx, issuer, grant), tries))
    return notices
