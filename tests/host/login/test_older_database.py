"""A database of the previous version opens without any loss: each login, session and change in it continues.

`schema_8.sql` was written by the last version whose login system kept its rows in flat modules. Its users are those of
`scenario`. Anna's code card has two open indexes, and she confirms a new number. Ben has asked to share her card, and a
new number of his waits. Carl's app has a push that nobody has answered. Sue has identified Ben on the telephone.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.host.login.phone_app import App
from tests.host.login.scenario import PASSWORD, Scenario, opened_scenario
from tests.host.verifier_samples import Clock

from dsc_host.login import Activated, Kind, NotIn, Scope, ShareState, Stage, Status, WaitKind
from dsc_host.verifier import rows

ANNA_ANSWERS = "Xl4hjQm0ObgvfD0kbICWUjHJZyE49dxf5RtUtVla28A"
INDEXES, CODES = "146 88", "TMH8 6KSY"
ANNA_CONFIRMS, CODE = "1UVu_E9ZGQErzXBhEmpEhQ-u8AUiq_RNicvZDc4PMo4", "779256"
BEN, SHARE = "eh2z_UhPEEgLS7PIv7kW7tycvCprCsOY2kmcORPUnf8", "a5963b24597c882c"
STOP = "FAW58YGUATJD2ESF"
CARL, CARL_WAITS = "8jhfJsW6U1OndpYe5iXt43jF-EZDPPKa5EsNJGmNpzo", "a0EaSF3N4ajPXqQfVV2IFm6njxoMkBLLnMhcwo7Njiw"
APP = Activated("030383f3eb86ce75", "YJeTUFhsrgOF4QqxlDAA30ufoRhDEdPA5G0yv0ynYVc", "carl")
SUE = "_HUx-UAeQC0um52GVQx-icHB12OMXpYIM_mrXJ6DPWM"


DECOY = "INSERT INTO cards SELECT 'x[y',{} FROM cards WHERE serial = 'IB3000901'"
OPEN = """
    INSERT INTO challenges
    SELECT 'decoy','x[y',number,question,question_digest,issued_at,expires_at,failures,used_at,judged,seal
    FROM challenges WHERE serial = 'IB3000901' LIMIT 1
"""


@pytest.fixture
def older(tmp_path: Path) -> Iterator[Scenario]:
    with closing(sqlite3.connect(tmp_path / "dsc.db")) as db:
        db.executescript(Path(__file__).with_name("schema_8.sql").read_text("utf-8"))
        columns = [column for _, column, *_ in db.execute("PRAGMA table_info(cards)")][1:]
        db.execute(DECOY.format(",".join("'decoy'" if column == "state" else column for column in columns)))
        db.execute(OPEN)
        db.commit()
    with opened_scenario(f"sqlite:///{tmp_path / 'dsc.db'}", Clock(), {}) as scenario:
        scenario.counters.update({"IB3000901": 4, "IB3000902": 3})
        yield scenario


def test_its_cards_log_in_and_its_log_is_whole(older: Scenario) -> None:
    written = len(older.events())
    assert older.verifier.audit.check().sound
    assert older.system.visitor(older.enter("anna")).scope is Scope.FULL
    assert older.verifier.audit.check().sound
    assert len(older.events()) > written > 50


def test_a_decoy_of_it_makes_room_for_a_serial_of_another_maker(older: Scenario) -> None:
    serial = "acme/2027_x.y-0123456789-abcdefg"
    older.verifier.enroll(serial, key=bytes(32), pin="1234")
    assert older.verifier.card(serial).serial == serial
    with older.verifier.context.reading() as tx:
        assert rows.find_card(tx.db, "x[y") is None
    assert older.verifier.challenge(serial.upper(), conceal=True)
    assert older.verifier.challenge(serial).serial == serial


def test_the_open_indexes_of_a_code_card_are_answered(older: Scenario) -> None:
    step = older.system.step(ANNA_ANSWERS)
    assert step.stage is Stage.ANSWERING
    assert step.offer is not None
    assert step.offer.shows == {"indexes": INDEXES}
    assert older.system.answer(ANNA_ANSWERS, "AAAA AAAA").status is Status.REFUSED
    assert older.answered(ANNA_ANSWERS, CODES)


def test_a_number_is_confirmed_by_the_code_that_was_sent(older: Scenario) -> None:
    assert not older.system.confirm_phone(ANNA_CONFIRMS, "000000")
    assert older.system.confirm_phone(ANNA_CONFIRMS, CODE)
    assert older.system.phone_numbers(ANNA_CONFIRMS).popitem()[1] == "+41…99"


def test_a_share_that_the_card_has_agreed_to_is_confirmed(older: Scenario) -> None:
    assert [each.id for each in older.system.shares(BEN)] == [SHARE]
    assert older.system.confirm_share(BEN, SHARE) is ShareState.DONE
    assert Kind.DSC_PLUS in {each.kind for each in older.system.begin("ben", PASSWORD).choices}


def test_a_change_that_waits_is_seen_by_support_and_stopped_by_its_owner(older: Scenario) -> None:
    assert older.system.staff.caller_devices(SUE)[0] == "ben"
    assert [(each.kind, each.what) for each in older.system.staff.caller_waits(SUE)] == [(WaitKind.NUMBER, "+41…23")]
    assert older.system.stop_change(STOP)
    assert older.system.waiting(BEN) == []


def test_a_push_is_approved(older: Scenario) -> None:
    assert older.system.is_waiting(CARL_WAITS)
    App(older, APP).approve()
    assert older.answered(CARL_WAITS, "")


def test_a_temporary_code_opens_only_what_it_opened(older: Scenario) -> None:
    assert older.system.visitor(CARL).scope is Scope.FULL
    older.clock.advance(4 * 86_400)
    with pytest.raises(NotIn):
        older.system.visitor(CARL)
    step = older.chosen("carl", Kind.TEMPORARY_CODE)
    assert older.system.visitor(older.answered(step.token, "99V5EJA5HG")).scope is Scope.ACCOUNT
