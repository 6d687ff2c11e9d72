"""Events between two steps of another transaction, placed there by the tests."""

from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from tests.host.login.scenario import Scenario

from dsc_host.records.store import Store

PATIENCE = 60


class Beside:
    """A call of somebody else, in its own thread."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.given: list[object] = []
        self._thread = Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            self.given.append(call())
        except Exception as error:
            self.given.append(error)

    def waits(self, scenario: Scenario) -> bool:
        """Wait until the call is blocked by another transaction. Return False as soon as it is done."""
        until = monotonic() + PATIENCE
        held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while self._thread.is_alive():
            if scenario.system.context.read(lambda tx: tx.db.exec_driver_sql(held).scalar_one()):
                return True
            assert monotonic() < until, "it neither ends nor waits"
        return False

    def result(self) -> object:
        self._thread.join(PATIENCE)
        assert self.given, "it does not end"
        return self.given[0]


def before(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, work: Callable[..., None], only: Callable[..., bool] | None = None
) -> None:
    """Do `work` before the first call of this function, or the first call that `only` accepts."""
    real, done = getattr(owner, name), []

    def first(*args: Any, **values: Any) -> Any:
        if not done and (only is None or only(*args, **values)):
            done.append(True)
            work(*args)
        return real(*args, **values)

    monkeypatch.setattr(owner, name, first)


def before_locking(monkeypatch: pytest.MonkeyPatch, table: Any, work: Callable[[], None]) -> None:
    """Do `work` before a row of this table is locked for the first time."""
    before(monkeypatch, type(table), "locked", lambda *_: work(), only=lambda asked, *_: asked is table)


def after(
    monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, work: Callable[[], object], only: Callable[..., bool] | None = None
) -> None:
    """Do `work` after the first call of this function, or the first that `only` accepts, before it returns."""
    real = getattr(owner, name)

    def first(*args: Any) -> Any:
        found = real(*args)
        if only is None or only(*args):
            monkeypatch.setattr(owner, name, real)
            work()
        return found

    monkeypatch.setattr(owner, name, first)


def conflicts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the failures that the database reports from now on, including those that cause a retry."""
    seen: list[str] = []
    real = Store._raise_store_error

    def tell(self: Store, error: Any) -> None:
        seen.append(type(error.orig).__name__)
        real(self, error)

    monkeypatch.setattr(Store, "_raise_store_error", tell)
    return seen
