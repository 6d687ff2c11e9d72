"""The published table of limits, row by row in its order, and the published order of the devices that are shared."""

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from tests.checkout import ROOT

from dsc_host.login import Kind, Policy
from dsc_host.login.protection import limits
from dsc_host.login.protection.limits import Allowance

PUBLISHED = json.loads((ROOT / "tests" / "vectors" / "limits.json").read_text("utf-8"))
POLICY = Policy.default()
NOON = 1_795_107_600.0
"""Thursday, 2026-11-19, at noon in New York."""
CENT = Decimal("0.01")


def asked(kind: str, amount: Decimal, *, today: int = 0, before: int = 0) -> Allowance:
    """Ask for an amount with a device of this kind, after so much was taken out today and on the days before."""
    start = POLICY.business_days.start(POLICY.business_days.day(NOON))

    def spent(since: float) -> Decimal:
        return Decimal(today + before if since < start else today)

    return limits.allowance(amount, NOON, spent, limits.level_of([kind], POLICY), POLICY.business_days)


@pytest.mark.parametrize("row", PUBLISHED["withdrawals"], ids=[row["kind"] for row in PUBLISHED["withdrawals"]])
def test_a_device_withdraws_what_its_row_says_and_no_cent_more(row: dict[str, Any]) -> None:
    kind, day, five = row["kind"], row["per_day"], row["per_five_days"]
    if day is None:
        assert asked(kind, Decimal(10**12), today=10**12) == Allowance(True, None, None)
        return
    assert asked(kind, Decimal(day))
    assert not asked(kind, day + CENT)
    assert not asked(kind, CENT, today=day)
    assert asked(kind, Decimal(day), before=five - day)
    assert not asked(kind, CENT, before=five)


def test_every_kind_with_limits_of_its_own_is_a_row() -> None:
    named = {row["kind"] for row in PUBLISHED["withdrawals"]}
    limited = {level.kind: (level.per_day, level.per_five_days) for level in POLICY.levels}
    # A call says the code of an SMS, an online card is a card of codes on a page, and a temporary code protects from nothing.
    alike = {Kind.VOICE: Kind.SMS, Kind.ONLINE_CARD: Kind.CODE_CARD, Kind.TEMPORARY_CODE: "none"}
    assert set(limited) == named | set(alike)
    assert all(limited[kind] == limited[other] for kind, other in alike.items())


def test_the_most_secure_device_that_is_shared_comes_first() -> None:
    assert [level.kind for level in POLICY.levels if level.shareable] == PUBLISHED["sharing"]
    assert all(POLICY.level(better) < POLICY.level(worse) for better, worse in pairwise(PUBLISHED["sharing"]))


def test_what_is_marked_as_old_is_not_issued_except_the_code_card() -> None:
    old = {row["kind"] for row in PUBLISHED["withdrawals"] if row.get("old")}
    assert {level.kind for level in POLICY.levels if not level.issued} == old - {Kind.CODE_CARD}
