"""Decoys: rows that stand for cards which there are not, so that asking for one is like asking for any other card.

A decoy is counted, paused and locked as a card is, and takes as long to judge; only it is never accepted. Nothing of it is
shown, its serial may be enrolled at any time, and it goes when what was asked of it can no longer be told apart.
"""

import secrets

from sqlalchemy import Connection

from dsc_host.ocra import DEFAULT_SUITE, Suite
from dsc_host.verifier import lookup, records
from dsc_host.verifier.keys import Secret
from dsc_host.verifier.model import Policy
from dsc_host.verifier.office import Office
from dsc_host.verifier.records import CardRecord
from dsc_host.verifier.schema import DECOY

_KEY_BYTES = 32
_FORGOTTEN = 10
"""At most so many are removed when one is asked for."""


def standing(office: Office, db: Connection, found: CardRecord | None, serial: str, now: float) -> CardRecord:
    """What stands for a card that there is not: a row like any other, but its key is nobody's, and it is never accepted."""
    if found is None:
        records.forget_decoys(db, now - _decoys_last(office.policy), _FORGOTTEN)
        records.add_decoy(db, _new_decoy(office, serial, records.any_suite(db) or DEFAULT_SUITE, now))
        # Perhaps another's, which came a moment before; or by now a card.
        found = _row(db, serial)
    records.change_card(db, serial, state_since=now)
    return found._replace(state_since=now)


def _row(db: Connection, serial: str) -> CardRecord:
    """The row of this serial, decoy or not, which is there."""
    found = records.lock_card(db, serial)
    if found is None:
        raise lookup.unknown(serial)
    return found


def _decoys_last(policy: Policy) -> float:
    """For how long what was asked of a decoy can be seen from outside."""
    return max(policy.validity, policy.challenges_within)


def _new_decoy(office: Office, serial: str, suite: str, now: float) -> CardRecord:
    has_pin = Suite.parse(suite).pin_hash is not None
    return CardRecord(
        serial=serial,
        suite=suite,
        counter=0,
        failures=0,
        locked_until=None,
        enrolled_at=now,
        key_id=office.keys.current.id,
        sealed_key=office.keys.current.seal(secrets.token_bytes(_KEY_BYTES), serial, Secret.KEY),
        sealed_pin=office.sealed("0000" if has_pin else None, serial, Secret.PIN),
        sealed_unlock_key=None,
        unlock_codes=0,
        unlock_times=(),
        asked=0,
        state=DECOY,
        state_since=now,
        state_reason="",
        sealed_duress_pin=None,
    )
