"""The whole PIN table: every number of tries that a card can have, right and wrong PINs, and every write failing in every way.

Everything is enumerated, not sampled, at both scales. The scales differ in the byte at which a write is torn or wrong. FULL
takes every byte. TEST takes the bytes that count failures, and one in a hundred of the others. For a wrong bit, it also takes
the bytes of the checksum.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from tests.firmware.fakes import TapedDisplay
from tests.firmware.taped_card import CARD_PIN, record
from tests.reliability.report import Row, Scale
from tests.reliability.write_faults import CUTS, DRIED, Fate, FatedFlash, Fault, faults

from dsc_firmware.app import App
from dsc_firmware.journal import READY, UNLOCKS, Journal
from dsc_host import Suite
from dsc_simulator import Flash, PowerCut
from dsc_simulator.board import Entropy, SimulatedBoard

Slots = tuple[bytes | None, bytes | None]

TRIES = range(1, 10)
LOCKED_TRIES = 3
"""The number of tries of a card that is to be unlocked."""
_PIN, _WRONG_PIN = "1234", "1235"
_COUNTER = 7
_UNLOCK_KEY = bytes(range(0x80, 0xA0))
_UNLOCK_SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
# Longer than any wait after a wrong unlock code, and longer than a card stays on.
_LATER_MS = 8_000_000

_PROMISES = ("tries gained", "tries lost", "records lost", "counters moved", "answers uncounted", "locks misplaced")
PIN_PROMISES = (*_PROMISES, "errors forgotten", "right PINs refused", "writes untried")
UNLOCK_PROMISES = (*PIN_PROMISES, "right codes refused", "challenges mistaken")


# ---- a card ----


class Card:
    """A card that was switched on, in this interpreter."""

    def __init__(self, flash: Flash) -> None:
        self._tape: list[tuple[str, object]] = []
        self.board = SimulatedBoard(Entropy(1), flash, display=TapedDisplay(self._tape))
        self._app = App(self.board)
        self._dead = False

    def told(self, *keys: str) -> list[object]:
        """Return what the card shows, one after another, because of these keys. A card without power shows nothing more."""
        self._tape.clear()
        for key in keys:
            self.board.keypad.push(key)
        try:
            while len(self.board.keypad) and not self._dead:
                self._app.poll()
        except PowerCut:
            self._dead = True
        return [shown for _, shown in self._tape]

    def press(self, *keys: str) -> str:
        self.told(*keys)
        return self.board.display.cells.decode().rstrip()

    def enter(self, text: str) -> str:
        return self.press(*text, "OK")

    def later(self) -> str:
        """Return what the card shows when it is woken after it went off and every wait is over."""
        self.board.clock.now_ms += _LATER_MS
        self._app.poll()
        return self.press("PRESS")


def _slots(flash: Flash) -> Slots:
    return flash.slots[0], flash.slots[1]


@cache
def used(tries: int, failures: int, unlock_failures: int = 0) -> Slots:
    """Return the flash of a card after these failures, made one by one. The older slot holds one failure less."""
    flash = replace(CARD_PIN, tries=tries, counter=_COUNTER, unlock_key=_UNLOCK_KEY).flash()
    journal: Any = Journal(flash)
    journal.load()
    for journal.record.failures in range(1, failures + 1):
        journal.store()
    for journal.record.unlock_failures in range(1, unlock_failures + 1):
        journal.store()
    return _slots(flash)


def _identity(kept: Any) -> tuple[object, ...]:
    """Return everything of a record that no try may change, except the counter."""
    buffers = (kept.serial, kept.suite, kept.key, kept.code, kept.unlock_key)
    return kept.checks_pin, kept.can_unlock, kept.tries, *map(bytes, buffers)


def _kept(flash: Flash, tries: int) -> tuple[Any, set[str]]:
    """Return the record that a flash holds, and the promises that it breaks whatever was tried."""
    journal: Any = Journal(Flash(_slots(flash)))
    lost = journal.load() != READY or _identity(journal.record) != _identity(record(Flash(used(tries, 0))))
    return journal.record, _broken({"records lost": lost, "counters moved": journal.record.counter != _COUNTER})


def _broken(promises: dict[str, bool]) -> set[str]:
    return {promise for promise, is_broken in promises.items() if is_broken}


def _compare(found: int, expected: int) -> set[str]:
    """Compare failures: exactly the stored ones count. So a cut costs one try at most, and no more than a wrong PIN does."""
    return _broken({"tries gained": found < expected, "tries lost": found > expected})


def _forgets_error(card: Card, flash: FatedFlash) -> bool:
    """Return whether a card that has shown ERROR shows anything else, or stores anything, before its restart."""
    writes = flash.writes
    return [card.press("PRESS"), card.press("PRESS"), card.enter(_PIN)] != ["", "ERROR", "ERROR"] or flash.writes > writes


# ---- what the card must then show ----


def _after_wrong(tries: int, failures: int) -> str:
    return "LOCKED" if failures == tries else f"FAIL {failures}"


def _use_pin(flash: Flash, tries: int, failures: int) -> set[str]:
    """Return the promises that a card with this number of failures breaks when it is used.

    One copy of it gets wrong PINs until it locks, another copy gets the right PIN.
    """
    card, spare = Card(flash), Flash(_slots(flash))
    wrong = [_after_wrong(tries, failure) for failure in range(failures + 1, tries + 1)]
    card.press("PRESS")
    locks = [card.enter(_WRONG_PIN) for _ in wrong] == wrong
    stays = [card.press(*_PIN), card.press("PRESS"), card.press("PRESS")] == ["LOCKED", "", "LOCKED"]
    opens = failures == tries or (Card(spare).told("PRESS", *_PIN, "OK")[-1:], record(spare).failures) == (["CHALLNG>"], 0)
    return _broken({"locks misplaced": not (locks and stays), "right PINs refused": not opens})


@cache
def _code(challenge: object, right: bool) -> str:
    if not str(challenge).isdigit():
        return "00000000"
    code: str = _UNLOCK_SUITE.response(_UNLOCK_KEY, str(challenge))
    return code if right else code[:-1] + str((int(code[-1]) + 1) % 10)


def _after_wrong_code(failures: int) -> str:
    return "LOCKED" if failures == UNLOCKS else f"WAIT{30 << failures - 1:4}"


def _try_code(card: Card, right: bool) -> str:
    challenge, _ = card.press("OK"), card.press("OK")
    return card.enter(_code(challenge, right))


def _use_unlock(flash: Flash, failures: int) -> set[str]:
    """Return the promises that a locked card breaks when it is used after this number of wrong codes."""
    card, twin = Card(flash), Card(Flash(_slots(flash)))
    waits = card.told("PRESS", "OK")[0] == "LOCKED" and (not failures or card.press() == _after_wrong_code(failures))
    wrong = [("LOCKED", _after_wrong_code(failure)) for failure in range(failures + 1, UNLOCKS + 1)]
    ends = [(card.later(), _try_code(card, right=False)) for _ in wrong] == wrong
    stays = [card.later(), card.press("OK")] == ["LOCKED", "LOCKED"]
    twin.later()
    opens = failures == UNLOCKS or [_try_code(twin, right=True), twin.enter(_PIN)] == ["PIN>", "CHALLNG>"]
    return _broken({"locks misplaced": not (waits and ends and stays), "right codes refused": not opens})


# ---- the PIN ----


@dataclass(frozen=True)
class Case:
    """A right or wrong PIN or unlock code after some failures, and the fate of one of its writes, by number from 0."""

    failures: int
    right: bool
    write: int
    fault: Fault
    tries: int = LOCKED_TRIES

    @property
    def whole(self) -> bool:
        return self.fault.fate is Fate.SUCCEEDS

    @property
    def silence(self) -> list[str]:
        """Everything that may be shown if the write failed before the answer."""
        return [] if self.fault.fate in CUTS else ["ERROR"]

    def count_left(self, count: int, held: bool) -> int:
        """Return how many failures must be stored if write number `count` counts one and the next write resets them."""
        if self.whole or self.write > count:
            return 0 if self.right and (self.whole or held) else self.failures + 1
        return self.failures + (held and self.write == count)


def pin_cases(chosen: Iterable[Fault]) -> Iterator[Case]:
    """Yield the cases of a PIN: a try is counted, and a right PIN then resets the count."""
    writes = ((True, 0), (True, 1), (False, 0))
    for tries, (right, write), fault in product(TRIES, writes, chosen):
        for failures in range(tries):
            yield Case(failures, right, write, fault, tries)


def try_pin(case: Case) -> set[str]:
    """Return the promises that a card breaks in this case."""
    flash = FatedFlash(used(case.tries, case.failures))
    card = Card(flash)
    card.press("PRESS", *(_PIN if case.right else _WRONG_PIN))
    flash.spoil(case.write, case.fault)
    told = card.told("OK")
    broken = _answer_broken(case, told, "CHALLNG>", _after_wrong(case.tries, case.failures + 1), "right PINs refused")
    if not case.whole and case.silence and _forgets_error(card, flash):
        broken.add("errors forgotten")
    broken |= _broken({"writes untried": case.whole and flash.writes != 1 + case.right})
    flash.repair()
    kept, wrong = _kept(flash, case.tries)
    left = case.count_left(0, flash.held)
    return broken | wrong | _compare(kept.failures, left) | _use_pin(flash, case.tries, left)


def _answer_broken(case: Case, told: list[object], right: str, wrong: str, refused: str) -> set[str]:
    """Return the broken promises of an answer. It may be shown only if all writes of the try held."""
    if not case.whole:
        return _broken({"answers uncounted": told != case.silence})
    promise, answer = (refused, right) if case.right else ("locks misplaced", wrong)
    return _broken({promise: told != [answer]})


# ---- the unlock code ----


def unlock_cases(chosen: Iterable[Fault]) -> Iterator[Case]:
    """Yield the cases of a code: a challenge is stored, a try is counted, and a right code resets the counts."""
    writes = ((True, 0), (True, 1), (True, 2), (False, 0), (False, 1))
    for failures, (right, write), fault in product(range(UNLOCKS), writes, chosen):
        yield Case(failures, right, write, fault)
    for failures, right, fault in product(range(UNLOCKS), (True, False), DRIED):
        yield Case(failures, right, 0, fault)


def try_code(case: Case) -> set[str]:
    """Return the promises that a card breaks in this case of an unlock code."""
    flash = FatedFlash(used(LOCKED_TRIES, LOCKED_TRIES, case.failures))
    card = Card(flash)
    card.later()
    flash.spoil(case.write, case.fault)
    if case.fault.fate is Fate.DRY:
        card.board.entropy.read = lambda n: bytes(n * case.fault.at)  # type: ignore[method-assign]
    asked = card.told("OK")
    broken = _challenge_broken(case, flash, asked)
    card.press("OK", *_code(asked[0] if asked else "", case.right))
    told = card.told("OK")
    if case.write or case.whole:
        broken |= _answer_broken(case, told, "PIN>", _after_wrong_code(case.failures + 1), "right codes refused")
    else:
        # ERROR was shown instead of a challenge, and nothing more is shown.
        broken |= _broken({"answers uncounted": told != []})
    if not case.whole and case.silence and _forgets_error(card, flash):
        broken.add("errors forgotten")
    broken |= _broken({"writes untried": case.whole and flash.writes != 2 + case.right})
    return broken | _restart_unlock(case, flash)


def _challenge_broken(case: Case, flash: FatedFlash, asked: list[object]) -> set[str]:
    """Return the broken promises of a challenge. It may be shown only once it is stored, with nothing else."""
    stored = case.write or case.whole
    return _broken({"challenges mistaken": asked != ([f"{record(flash).asked - 1:06}"] if stored else case.silence)})


def _restart_unlock(case: Case, flash: FatedFlash) -> set[str]:
    flash.repair()
    kept, broken = _kept(flash, LOCKED_TRIES)
    left = case.count_left(1, flash.held)
    opened = case.right and (case.whole or (case.write == 2 and flash.held))
    broken |= _compare(kept.failures, 0 if opened else LOCKED_TRIES) | _compare(kept.unlock_failures, left)
    # A challenge stays until a code for it was counted, and no longer.
    asks = not case.whole and (flash.held if case.write == 0 else case.write == 1 and not flash.held)
    broken |= _broken({"challenges mistaken": (kept.asked > 0) != asks})
    return broken | (_use_pin(flash, LOCKED_TRIES, 0) if opened else _use_unlock(flash, left))


# ---- the tables ----


def pin_row(cases: Iterable[Case]) -> Row:
    return _row("PIN table", PIN_PROMISES, try_pin, cases)


def unlock_row(cases: Iterable[Case]) -> Row:
    return _row("unlock table", UNLOCK_PROMISES, try_code, cases)


def _row(what: str, promises: tuple[str, ...], attempt: Callable[[Case], set[str]], cases: Iterable[Case]) -> Row:
    tried, broken = 0, Counter(dict.fromkeys(promises, 0))
    for case in cases:
        tried += 1
        broken.update(attempt(case))
    return Row(what, "cpython", tried, dict(broken))


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for PINs, and one for unlock codes."""
    yield pin_row(pin_cases(faults(scale)))
    yield unlock_row(unlock_cases(faults(scale)))
