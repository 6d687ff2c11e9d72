"""The asynchronous verifier: it answers the same, never blocks the event loop, and handles canceled calls as promised."""

import asyncio
import inspect
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.host import verifier_samples
from tests.host.databases import verifier as verifier  # On SQLite and PostgreSQL.
from tests.host.event_loop import awaited
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE

from dsc_host.errors import InputError, StoreError, UnknownCard
from dsc_host.records.group_commit import MOST_TOGETHER
from dsc_host.records.store import Store
from dsc_host.verifier import Enrollment, Policy, Reason, Verifier
from dsc_host.verifier import async_service as awaiting_module
from dsc_host.verifier.async_service import AsyncVerifier, default_threads


def test_it_has_every_call_of_the_verifier() -> None:
    own = {name for name in vars(Verifier) if not name.startswith("_")}
    assert own - set(vars(AsyncVerifier)) == set()


@pytest.mark.parametrize(
    "name", [n for n, call in vars(AsyncVerifier).items() if inspect.iscoroutinefunction(call) and hasattr(Verifier, n)]
)
def test_each_call_takes_what_the_verifiers_takes(name: str) -> None:
    if name not in ("open", "close"):
        assert inspect.signature(getattr(AsyncVerifier, name)) == inspect.signature(getattr(Verifier, name))


@awaited
async def test_a_login(verifier: Verifier) -> None:
    async with AsyncVerifier(verifier) as awaiting:
        page = awaiting.by("page")
        challenge = await page.challenge("A-1")
        answers = [verifier_samples.wrong(challenge), verifier_samples.right(challenge), verifier_samples.right(challenge)]
        reasons = [(await page.verify(challenge.id, answer)).reason for answer in answers]
        assert (await awaiting.card("A-1")).counter == 1
        entries = [entry async for entry in awaiting.audit.entries()]
        assert [entry.actor for entry in entries if entry.action == "verify"] == ["page"] * 3
        assert (await awaiting.audit.check()).sound
        assert reasons == [Reason.WRONG, Reason.ACCEPTED, Reason.USED]


@awaited
async def test_errors_are_the_verifiers(verifier: Verifier) -> None:
    async with AsyncVerifier(verifier) as awaiting:
        with pytest.raises(UnknownCard):
            await awaiting.card("B-2")
        with pytest.raises(InputError, match="reason"):
            await awaiting.suspend("A-1", "\0")
        with pytest.raises(InputError, match="actor"):
            awaiting.by("")


@pytest.mark.parametrize("threads", [0, 16, -1, True, 1.5, "1"])
def test_a_number_of_threads_that_is_none_is_refused(threads: Any) -> None:
    with Verifier.open("sqlite://", master_key=MASTER) as verifier, pytest.raises(InputError, match="threads"):
        AsyncVerifier(verifier, threads=threads)


@awaited
async def test_it_opens_as_the_verifier_does(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'dsc.db'}"
    async with await AsyncVerifier.open(url, master_key=MASTER, policy=Policy(validity=7)) as awaiting:
        await awaiting.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        assert [card.serial async for card in awaiting.cards()] == ["A-1"]
        with pytest.raises(InputError):
            await AsyncVerifier.open("mysql://x", master_key=MASTER)
        with pytest.raises(InputError, match="threads"):
            await AsyncVerifier.open(url, master_key=MASTER, threads=99)
        assert awaiting.policy.validity == 7


def test_a_server_has_more_threads_than_a_file() -> None:
    assert default_threads("sqlite:///dsc.db") == 1
    assert default_threads("postgresql://host/database") == 5


class Held:
    """A verifier with a clock that holds one transaction until the test releases it."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.hold = threading.Event(), threading.Event(), False
        self.verifier = Verifier.open("sqlite://", master_key=MASTER, clock=self)
        self.verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)

    def __call__(self) -> float:
        if self.hold:
            self.begun.set()
            assert self.go_on.wait(30)
        return 1_700_000_000.0

    async def is_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.wait, 30)


@awaited
async def test_the_loop_goes_on_while_the_database_is_waited_for() -> None:
    held = Held()
    async with AsyncVerifier(held.verifier) as awaiting:
        held.hold = True
        waiting = asyncio.create_task(awaiting.challenge("A-1"))
        await held.is_begun()
        # The loop is free: the test runs this line while the call waits in its thread.
        assert not waiting.done()
        held.go_on.set()
        assert (await waiting).serial == "A-1"


@awaited
async def test_a_call_that_is_cancelled_before_it_begins_does_nothing() -> None:
    held = Held()
    async with AsyncVerifier(held.verifier) as awaiting:
        held.hold = True
        first = asyncio.create_task(awaiting.challenge("A-1"))
        await held.is_begun()
        second = asyncio.create_task(awaiting.suspend("A-1"))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        held.go_on.set()
        await first
        assert (await awaiting.card("A-1")).state == "enrolled"


@awaited
async def test_a_call_that_is_cancelled_after_it_began_is_done_all_the_same() -> None:
    held = Held()
    async with AsyncVerifier(held.verifier) as awaiting:
        held.hold = True
        call = asyncio.create_task(awaiting.suspend("A-1"))
        await held.is_begun()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        held.go_on.set()
        assert (await awaiting.card("A-1")).state == "suspended"


@awaited
async def test_calls_that_wait_are_committed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    held, begun, write = Held(), list[Store](), Store.write

    def noted(store: Store) -> Any:
        begun.append(store)
        return write(store)

    async with AsyncVerifier(held.verifier) as awaiting:
        held.hold = True
        first = asyncio.create_task(awaiting.challenge("A-1"))
        await held.is_begun()
        monkeypatch.setattr(Store, "write", noted)
        calls: list[Any] = [awaiting.challenge("A-1"), awaiting.challenge("B-2"), awaiting.verify("x", "x")]
        others = asyncio.gather(*calls, awaiting.card("A-1"), awaiting.by("page").challenge("A-1"), return_exceptions=True)
        await asyncio.sleep(0)
        held.go_on.set()
        asked, unknown, verdict, card, last = await others
        # A call that is not the step of a login is done between the transactions.
        assert len(begun) == 3, "one for the two challenges, one for the log of the verdict, one for the last challenge"
        assert (asked.serial, verdict.reason, card.serial, last.serial) == ("A-1", Reason.UNKNOWN, "A-1", "A-1")
        assert isinstance(unknown, UnknownCard)
        assert len({(await first).question, asked.question, last.question}) == 3
        assert (await awaiting.audit.check()).sound


@awaited
async def test_closing_lets_end_what_began_and_refuses_the_rest() -> None:
    held = Held()
    awaiting = AsyncVerifier(held.verifier)
    held.hold = True
    first = asyncio.create_task(awaiting.challenge("A-1"))
    await held.is_begun()
    second = asyncio.create_task(awaiting.by("other").card("A-1"))
    await asyncio.sleep(0)
    closing = asyncio.create_task(awaiting.close())
    while not awaiting._workers._closed:
        await asyncio.sleep(0)
    held.go_on.set()
    await closing
    assert (await first).serial == "A-1"
    # The call must not look canceled.
    with pytest.raises(StoreError, match="has been closed"):
        await second
    with pytest.raises(StoreError, match="has been closed"):
        await awaiting.card("A-1")
    await awaiting.close()


@awaited
async def test_closing_refuses_more_calls_than_one_transaction_takes() -> None:
    held = Held()
    awaiting = AsyncVerifier(held.verifier)
    held.hold = True
    first = asyncio.create_task(awaiting.card("A-1"))
    await held.is_begun()
    rest = [asyncio.create_task(awaiting.challenge("A-1")) for _ in range(3 * MOST_TOGETHER)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    closing = asyncio.create_task(awaiting.close())
    while not awaiting._workers._closed:
        await asyncio.sleep(0)
    held.go_on.set()
    await closing
    assert (await first).serial == "A-1"
    refused = await asyncio.wait_for(asyncio.gather(*rest, return_exceptions=True), 10)
    assert {str(error) for error in refused} == {"the verifier has been closed"}


@awaited
async def test_secrets_and_the_log_are_read_some_at_a_time(verifier: Verifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting_module, "PAGE", page := 10)
    serials = ["A-1", *(f"C-{index:05}" for index in range(2 * page + 3))]
    verifier.enroll_all(Enrollment(serial, KEY, SUITE, PIN) for serial in serials[1:])
    given = 0
    disclose = Verifier.disclose

    def counted(self: Verifier, serials: Any = None) -> Any:
        nonlocal given
        for enrollment in disclose(self, serials):
            given += 1
            yield enrollment

    monkeypatch.setattr(Verifier, "disclose", counted)
    async with AsyncVerifier(verifier) as awaiting:
        taken = []
        async for enrollment in awaiting.disclose():
            taken.append(enrollment.serial)
            assert given - len(taken) < page, "at most one page is read ahead"
        assert taken == serials
        assert [enrollment.key async for enrollment in awaiting.disclose(["A-1"])] == [KEY]
        with pytest.raises(UnknownCard):
            _ = [enrollment async for enrollment in awaiting.disclose(["B-2"])]
        numbers = [entry.number async for entry in awaiting.audit.entries()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) > 2 * page
        assert [entry.number async for entry in awaiting.audit.entries(after=numbers[-2])] == numbers[-1:]
        assert [entry.action async for entry in awaiting.audit.entries(serial="A-1")] == ["card.enroll"]


@awaited
async def test_callbacks_are_called_in_a_thread(verifier: Verifier) -> None:
    async with AsyncVerifier(verifier) as awaiting:
        where: list[int] = []
        enrollments = [Enrollment("B-2", KEY, SUITE, PIN)]
        assert await awaiting.enroll_all(enrollments, enrolled=lambda _: where.append(threading.get_ident())) == 1
        assert where
        assert set(where) != {threading.get_ident()}
