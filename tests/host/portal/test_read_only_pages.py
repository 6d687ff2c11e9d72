"""Pages that only show something: they write nothing, take no lock, and make nobody wait."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from tests.host.login.phone_app import activated
from tests.host.login.scenario import ANNA, PASSWORD, Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host.login import rows
from dsc_host.login.signin import sessions
from dsc_host.portal.app import GET
from dsc_host.records.backends.base import Mode
from dsc_host.records.store import Store

HALF_WAY = ("/login/device", "/login/answer", "/lost/device")
"""The pages of a login that is not finished."""


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[Mode]:
    """Return a list that collects the write transactions that were started."""
    begun: list[Mode] = []
    transaction: Callable[[Store, Mode], AbstractContextManager[Any]] = Store._transaction

    def counted(store: Store, mode: Mode) -> AbstractContextManager[Any]:
        if mode is not store._backend.READ:
            begun.append(mode)
        return transaction(store, mode)

    monkeypatch.setattr(Store, "_transaction", counted)
    return begun


def test_no_page_writes_when_it_is_opened(scenario: Scenario, browser: Browsers, writes: list[Mode]) -> None:
    for name in ("anna", "sue", "ivo", "cleo"):
        visitor = enter(scenario, browser(), name)
        for path in GET:
            # Enough time since the last visit that the next visit would be recorded.
            scenario.clock.advance(61)
            writes.clear()
            assert visitor.open(path).status in (200, 403), path
            assert writes == [], path


def test_the_desk_writes_nothing_while_a_caller_is_on_the_line(
    scenario: Scenario, browser: Browsers, writes: list[Mode]
) -> None:
    sue = enter(scenario, browser(), "sue")
    sue.open("/desk")
    sue.post("/desk/caller", user="anna")
    sue.press("Check", **{name: getattr(ANNA, name) for name in ANNA.__slots__})
    writes.clear()
    assert "anna" in sue.open("/desk").text
    assert writes == []


def test_no_page_of_a_login_writes_when_it_is_opened(browser: Browsers, writes: list[Mode]) -> None:
    for name in ("anna", "ben"):
        visitor = browser()
        visitor.press("Continue", name=name, password=PASSWORD)
        for path in HALF_WAY:
            writes.clear()
            assert visitor.open(path).status == 200, path
            assert writes == [], path


def test_asking_whether_a_push_was_approved_writes_nothing(scenario: Scenario, browser: Browsers, writes: list[Mode]) -> None:
    app = activated(scenario, "ben")
    ben = browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    form = next(form for form in ben.page.forms if "csrf" in form.fields)
    for _ in range(3):
        writes.clear()
        asked = ben.client.post("/login/pushed", data=form.fields)
        assert asked.json() == {"status": "waiting"}
        assert writes == []
    app.approve()
    assert ben.client.post("/login/pushed", data=form.fields).json() == {"status": "accepted"}


def test_who_only_looks_is_not_taken_to_be_gone(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    idle = scenario.system.policy.sessions.idle
    for _ in range(4):
        scenario.clock.advance(idle - 60)
        assert anna.open("/devices").path == "/devices"
    scenario.system.operator.run_due()
    scenario.clock.advance(idle - 60)
    assert anna.open("/devices").path == "/devices"
    scenario.clock.advance(idle + 60)
    assert anna.open("/devices").path == "/login"


def test_an_earlier_use_does_not_replace_a_later_one(scenario: Scenario) -> None:
    """As if two processes had seen the same session, and the process that saw it last were the first to write."""
    session = sessions.hashed(scenario.session("anna"))
    now = scenario.clock.now
    for used in (now + 50, now + 10):
        scenario.system.change(lambda tx, used=used: sessions.write_activity(tx, {session: used, "of nobody": used}))  # type: ignore[misc]
    assert scenario.system.context.read(lambda tx: rows.sessions.all(tx.db))[0].seen_at == now + 50
