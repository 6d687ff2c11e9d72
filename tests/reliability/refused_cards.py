"""The work of refusing a right response: it must be that of refusing a wrong one, or the time would tell a thief the PIN.

The responses that the verifier computes are counted: among other tests, seconds show only noise.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.host.databases import new_database
from tests.host.verifier_samples import KEY, MASTER, PIN, Clock, fail
from tests.reliability import races
from tests.reliability.report import Row, Scale

from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge, Enrollment, Policy, Verdict, Verifier

SUITES = (
    "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256",
    "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256-T1M",
    "OCRA-1:HOTP-SHA256-8:QN06-PSHA256",
)
DURESS, NEW = "7391", "2580"
"""The card's duress PIN, and the PIN that is to replace its PIN."""
GUESSES = {"wrong": "9146", "right": PIN, "duress": DURESS}
"""The PIN that each guess is made with."""
SERIAL = "A-1"
_POLICY = Policy(pause=30, resync_window=30)
_HOUR = 3600.0
_AWAITING, _IN_USE = "awaiting its PIN", "in use"

REFUSED: dict[str, Callable[[Verifier, Clock], object]] = {
    "locked": lambda verifier, _: verifier.lock(SERIAL),
    "paused": lambda verifier, _: fail(verifier, SERIAL, _POLICY.attempts),
    "suspended": lambda verifier, _: verifier.suspend(SERIAL),
    "lost": lambda verifier, _: verifier.lost(SERIAL),
    "retired": lambda verifier, _: verifier.retire(SERIAL),
    "not yet valid": lambda verifier, clock: clock.advance(-_HOUR),
    "no longer valid": lambda verifier, clock: clock.advance(_POLICY.validity / 2),
    _AWAITING: lambda *_: None,
    _IN_USE: lambda *_: None,
}
"""Each state in which every response of a card is refused, and the usual state, with what brings a card into it."""


@contextmanager
def counted() -> Iterator[list[bytes]]:
    """Provide a list that gets an item for each response that is computed."""
    macs: list[bytes] = []
    shorten = Suite._shorten

    def noticed(suite: Suite, mac: bytes) -> str:
        macs.append(mac)
        return shorten(suite, mac)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Suite, "_shorten", noticed)
        yield macs


def response(suite: str, challenge: Challenge, pin: str, clock: Clock, counter: int = 0) -> str:
    """Return the response that the card shows now if this PIN is typed."""
    parsed = Suite.parse(suite)
    step = None if parsed.time_step is None else parsed.time_steps(clock())
    return parsed.response(KEY, challenge.question, counter=counter if parsed.counter else None, pin=pin, timestamp=step)


def told_apart(url: str, suite: str, state: str) -> tuple[int, list[str]]:
    """Return how many guesses were made at a card in this state, and those that cost more or less than a wrong one."""
    clock, costs = Clock(), dict[tuple[str, str], int]()
    with Verifier.open(url, master_key=MASTER, policy=_POLICY, clock=clock) as verifier, counted() as macs:
        assert verifier.enroll_all([_card(suite, state, clock())]) == 1
        issued = {name: [verifier.challenge(SERIAL) for _ in range(4)] for name in GUESSES}
        REFUSED[state](verifier, clock)
        for name, challenges in issued.items():
            for call, judge in _calls(verifier, suite, clock, name, challenges).items():
                if _is_refused(state, call, name):
                    macs.clear()
                    assert not judge(), f"a card that is {state} accepts {name}, by {call}"
                    costs[call, name] = len(macs)
        verifier.remove(SERIAL)
    assert all(costs.values()), f"nothing was computed: {costs}"
    return len(costs), [f"{state}, {call}, {name}" for call, name in costs if costs[call, name] != costs[call, "wrong"]]


def _is_refused(state: str, call: str, name: str) -> bool:
    if call == "change_pin":
        # A card that awaits its PIN gets it by this call, and nobody changes a PIN with the duress PIN.
        return state != _AWAITING and (state, name) != (_IN_USE, "right")
    # Without this, the third wrong response would pause the card that is in use.
    return state != _IN_USE


def _card(suite: str, state: str, now: float) -> Enrollment:
    """Return a card that is valid around `now`. All states begin with it, so that it gets challenges."""
    awaits, until = state == _AWAITING, now + _POLICY.validity / 2
    secrets = {"awaits_pin": True} if awaits else {"pin": PIN, "duress_pin": DURESS}
    return Enrollment(SERIAL, KEY, suite, **secrets, valid_from=now - 1, valid_until=until)  # type: ignore[arg-type]


def _calls(
    verifier: Verifier, suite: str, clock: Clock, name: str, challenges: Sequence[Challenge]
) -> dict[str, Callable[[], Verdict]]:
    """Return each call that judges this guess, by its name."""
    pin, (one, first, second, change) = GUESSES[name], challenges
    alone, earlier = (response(suite, challenge, pin, clock) for challenge in (one, first))
    later = response(suite, second, pin, clock, 1)
    # The right response of a change is made with the new PIN.
    changed = response(suite, change, NEW if name == "right" else pin, clock)
    return {
        "verify": lambda: verifier.verify(one.id, alone),
        "resync": lambda: verifier.resync(first.id, earlier, second.id, later),
        "change_pin": lambda: verifier.change_pin(change.id, changed, NEW),
    }


def compared(kind: str) -> Row:
    """Guess in every call at a card in every state. Count the refused guesses that cost more or less than a wrong one."""
    tried, apart = 0, list[str]()
    with tempfile.TemporaryDirectory() as folder, new_database(kind, Path(folder)) as database:
        for suite in SUITES:
            for state in REFUSED:
                guesses, found = told_apart(database.url, suite, state)
                tried += guesses
                apart += found
    return Row("right responses of refused cards", kind, tried, {"told apart": len(apart)}, "; ".join(apart))


def run(_scale: Scale) -> Iterator[Row]:
    """Yield a row for each database."""
    for kind in races.kinds():
        yield compared(kind)
