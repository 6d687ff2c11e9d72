"""The card's journal as on a board: FileFlash, on the boards' own littlefs, on a flash chip that fails wherever it can."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from tests.reliability.nor import BLOCK, Disk, Fault, Nor, PowerCut, Tear
from tests.reliability.report import Row, Scale

from dsc_firmware.drivers import chip
from dsc_firmware.journal import BLANK, BROKEN, READY, SIZE, Journal

BLOCKS = 16
_KEY = bytes(range(0x40, 0x60))
_PROMISES = ("records lost", "counters repeated", "tries gained", "cards stuck")


@dataclass(frozen=True)
class Contents:
    """The data that a card remembers. `whole` is the stored record."""

    status: int
    whole: bytes = b""
    key: bytes = b""
    counter: int = 0
    failures: int = 0


Act = Callable[[Any], object]
Point = tuple[bytes, Act]


class Card:
    """A card that was switched on: mounted and loaded. `kept` is its journal's last promise, `tried` what it began to store."""

    def __init__(self, nor: Nor) -> None:
        self._disk = Disk(nor)
        self._journal: Any = Journal(chip.FileFlash())
        self._store = self._journal.store
        # The journal's own calls, in `load`, `store_twice` and `erase`, are promises too.
        vars(self._journal)["store"] = self._watched_store
        self.kept = self.tried = Contents(BROKEN)
        self.refused = False
        self.do(lambda journal: journal.load())
        self.found = self.kept = self.tried = self._contents(self._journal.status)

    def do(self, act: Act) -> None:
        with patch.object(chip, "open", self._disk.open, create=True):
            act(self._journal)

    def _watched_store(self) -> bool:
        self.tried = self._contents(BLANK if self._journal.record.blank else READY)
        held = bool(self._store())
        if held:
            self.kept = self.tried
        self.refused = self.refused or not held
        return held

    def _contents(self, status: int) -> Contents:
        if status == BROKEN:
            return Contents(BROKEN)
        record, whole = self._journal.record, bytearray(SIZE)
        record.encode_into(whole, 1)
        return Contents(status, bytes(whole), bytes(record.key), record.counter, record.failures)


# ---- the operations of a card ----


def personalize(journal: Any) -> None:
    record = journal.record
    record.assign(b"IB3000123", b"OCRA-1:HOTP-SHA256-8:C-QN06", _KEY)
    record.checks_pin = True
    record.code[:] = bytes(range(16))
    record.counter = 7
    journal.store_twice()


def respond(journal: Any) -> None:
    journal.record.counter += 1
    journal.store()


def try_pin(journal: Any) -> None:
    journal.record.failures += 1
    journal.store()


def accept_pin(journal: Any) -> None:
    journal.record.failures = 0
    journal.store()


def wipe(journal: Any) -> None:
    journal.erase()


def go_on(journal: Any) -> None:
    """Use the card once more, whatever it remembers."""
    if journal.status != BROKEN:
        (personalize if journal.status == BLANK else respond)(journal)


# By name: the operation, and what the card did before it.
OPERATIONS: dict[str, tuple[Act, tuple[Act, ...]]] = {
    "personalizing": (personalize, (wipe,)),
    "response": (respond, ()),
    "PIN try": (try_pin, ()),
    "successful PIN": (accept_pin, (try_pin, try_pin)),
    "wipe": (wipe, ()),
}


# ---- the flash under the card ----


def formatted() -> bytes:
    """Return a board's file system with the firmware's files and without a card's record."""
    nor = Nor(b"\xff" * BLOCK * BLOCKS)
    disk = Disk(nor, format_first=True)
    disk.put("/main.py", b"#" * 40)
    disk.put("/board.json", b" " * 600)
    return bytes(nor.buffer)


def after(image: bytes, *acts: Act) -> bytes:
    """Return the chip after a card did all this, switched off and on between each step."""
    nor = Nor(image)
    for act in acts:
        Card(nor).do(act)
    return bytes(nor.buffer)


def course(image: bytes, act: Act) -> str:
    """Return the erases and programs of a start that is followed by the operation."""
    nor = Nor(image)
    Card(nor).do(act)
    return nor.course


def used(image: bytes, updates: int) -> list[bytes]:
    """Return the chip before each of the updates, after the first 50, in which littlefs compacts or moves blocks."""
    nor = Nor(image)
    card = Card(nor)
    window: deque[bytes] = deque(maxlen=4)
    ways: set[str] = set()
    found: dict[bytes, None] = {}
    for update in range(updates):
        window.append(bytes(nor.buffer))
        nor.course = ""
        card.do(respond)
        if update >= 50 and nor.course not in ways:
            ways.add(nor.course)
            # Start some updates earlier too, so that the last store of a longer operation meets this.
            found.update(dict.fromkeys(window))
    return list(found)


def starts(name: str, blank: bytes, own: list[bytes]) -> list[Point]:
    """Return where an operation is swept, on a blank chip and on a card's own: one point for each way that littlefs takes."""
    act, before = OPERATIONS[name]
    images = [after(image, *before) for image in own]
    ways: dict[str, bytes] = {}
    for image in [blank, *images] if act is personalize else images:
        ways.setdefault(course(image, act), image)
    return [(image, act) for image in ways.values()]


# ---- the promises ----


@dataclass
class Tally:
    """The number of tries, and which promises were broken."""

    tried: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    def row(self, what: str) -> Row:
        return Row(what, "littlefs", self.tried, {name: self.broken[name] for name in _PROMISES})

    def judge(self, found: Contents, allowed: set[Contents]) -> bool:
        if found in allowed:
            return True
        own = [each for each in allowed if each.status == READY and each.key == found.key]
        if own and found.counter < min(each.counter for each in own):
            self.broken["counters repeated"] += 1
        elif own and found.failures < min(each.failures for each in own):
            self.broken["tries gained"] += 1
        else:
            self.broken["records lost"] += 1
        return False


def look(nor: Nor) -> Contents:
    """Return what a card that is switched on here remembers. MicroPython formats a drive that it cannot mount: all is lost."""
    try:
        return Card(nor).found
    except OSError:
        return Contents(BROKEN)


def check(nor: Nor, allowed: set[Contents], tally: Tally) -> None:
    """Check that the card remembers one of these states, and works from there."""
    tally.tried += 1
    if not tally.judge(look(nor), allowed):
        return
    card = Card(nor)
    card.do(go_on)
    if card.refused or look(nor) != card.kept:
        tally.broken["cards stuck"] += 1


def until_cut(nor: Nor, act: Act, before: set[Contents]) -> set[Contents]:
    """Switch on and act until the power fails. Return what may then be remembered."""
    card = None
    try:
        card = Card(nor)
        card.do(act)
    except PowerCut:
        nor.repair()
        return before if card is None else {card.kept, card.tried}
    raise AssertionError("the power did not fail")


def sweep(image: bytes, act: Act, before: set[Contents], tears: int) -> Iterator[tuple[Nor, set[Contents]]]:
    """Let the power fail in every erase and every program: before it, several times in it, and after it."""
    for at in range(len(course(image, act))):
        for seed, tear in enumerate([Tear.BEFORE, Tear.AFTER] + [Tear.TORN] * tears):
            nor = Nor(image, seed)
            nor.cut_power(at, tear)
            yield nor, until_cut(nor, act, before)


def cuts(points: Sequence[Point], tears: int, stride: int, once: Tally, twice: Tally) -> None:
    """Cut the power everywhere. After some of these cuts, cut it again everywhere in the next boot and the next use."""
    number = 0
    for image, act in points:
        uncut = Nor(image)
        card = Card(uncut)
        before = {card.found}
        card.do(act)
        check(uncut, {card.kept}, once)
        for nor, allowed in sweep(image, act, before, tears):
            cut = bytes(nor.buffer)
            check(nor, allowed, once)
            number += 1
            if number % stride == 0:
                for again, then in sweep(cut, go_on, allowed, 1):
                    check(again, then, twice)


def trouble(nor: Nor, act: Act, relieve: Callable[[Nor], None], tally: Tally) -> bool:
    """Check that a store in trouble reports truly whether it held, and that the card recovers. Return whether one failed."""
    image = bytes(nor.buffer)
    card = Card(nor)
    card.do(act)
    allowed = {card.kept, card.tried} if card.refused else {card.kept}
    if card.found.status == BROKEN and card.refused:
        # It could not repair a slot at boot. What it still holds is what it reports without the trouble.
        allowed = {look(Nor(image))}
    still = look(nor)
    # A card that cannot write may also be BROKEN for the time being, which loses nothing.
    if tally.judge(still, allowed | {Contents(BROKEN)} if card.refused else allowed):
        relieve(nor)
        check(nor, allowed, tally)
    return card.refused


def bad_blocks(points: Sequence[Point], seeds: int, tally: Tally) -> int:
    """Let blocks go bad while they are used. Return how many stores failed."""
    refused = 0
    for image, act in points:
        for at in range(len(course(image, act))):
            for fault in Fault:
                for seed in range(seeds):
                    nor = Nor(image, seed)
                    nor.spoil(at, fault)
                    refused += trouble(nor, act, Nor.repair, tally)
    return refused


def wear_out(endurance: int, tally: Tally) -> int:
    """Use a chip until it stores nothing more. Return the number of responses until then."""
    nor = Nor(after(formatted(), personalize), endurance)
    nor.endurance = endurance
    for number in range(BLOCKS * BLOCK):
        card = Card(nor)
        card.do(respond)
        if card.refused:
            allowed = {card.kept, card.tried}
            if tally.judge(look(nor), allowed | {Contents(BROKEN)}):
                nor.repair()
                check(nor, allowed, tally)
            return number
        tally.tried += 1
        if not tally.judge(look(nor), {card.kept}):
            return number
    raise AssertionError("it never wears out")


def full(image: bytes) -> Iterator[bytes]:
    """Yield the chip with other files up to the last block, then with fewer and fewer of them."""
    for sizes in ((BLOCK,), (BLOCK, 400), (BLOCK, 400, 100)):
        nor = Nor(image)
        disk = Disk(nor)
        for size in sizes:
            disk.fill(size)
        yield bytes(nor.buffer)
        for _ in range(2):
            disk.free(1)
            yield bytes(nor.buffer)


def make_room(nor: Nor) -> None:
    Disk(nor).free(3)


def full_disk(points: Sequence[Point], updates: int, tears: int, tally: Tally) -> int:
    """Try an operation, cut and uncut, and a series of updates on a full disk. Return how many stores failed."""
    refused = 0
    for image, act in points:
        for nor, allowed in sweep(image, act, {look(Nor(image))}, tears):
            look(nor)  # it may try to repair the cut record, and have no room for it
            make_room(nor)
            check(nor, allowed, tally)
        now = image
        for number in range(updates):
            use = go_on if number else act
            if trouble(Nor(now), use, make_room, tally):
                refused += 1
                break
            now = after(now, use)
    return refused


def damaged(image: bytes, at: int, *slots: int) -> bytes:
    """Return the chip with one bit changed at the same byte of each of these slots' files."""
    nor = Nor(image)
    disk = Disk(nor)
    for slot in slots:
        with disk.open(f"/dsc{slot}.bin", "rb") as file:
            data = bytearray(file.read(SIZE))
        data[at] ^= 1 << at % 8
        disk.put(f"/dsc{slot}.bin", data)
    return bytes(nor.buffer)


def damage(image: bytes, step: int) -> Row:
    """Damage both slots. The card must be BROKEN, and must not overwrite what may still be saved."""
    broken = {"taken for good": 0, "overwritten": 0}
    places = range(0, SIZE, step)
    for at in places:
        nor = Nor(damaged(image, at, 0, 1))
        before = bytes(nor.buffer)
        broken["taken for good"] += look(nor).status != BROKEN
        broken["overwritten"] += bytes(nor.buffer) != before
    return Row("both slots damaged", "littlefs", len(places), broken)


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for everything that is tried on a file system."""
    small = scale is Scale.TEST
    blank = formatted()
    own = after(blank, personalize)
    # So many updates that littlefs moves its blocks twice, including the first two of the chip.
    updates = 3500
    histories = [own, *used(own, updates)]
    twice, bad, crowded, worn = Tally(), Tally(), Tally(), Tally()
    sections = {name: starts(name, blank, histories) for name in OPERATIONS}
    sections["mending"] = [(damaged(image, 8, slot), go_on) for image in histories[:4] for slot in (0, 1)]
    for name, points in sections.items():
        once = Tally()
        cuts(points, 6 if small else 100, 17 if small else 5, once, twice)
        yield once.row(f"cuts on littlefs: {name}")
        bad_blocks(points, 2 if small else 40, bad)
    yield twice.row("second cuts on littlefs")
    yield bad.row("bad blocks")
    for blank_one, own_one in list(zip(full(blank), full(own), strict=True))[:: 3 if small else 1]:
        histories = [own_one] if small else [own_one, *used(own_one, updates)]
        for name in OPERATIONS:
            full_disk(starts(name, blank_one, histories), 2 if small else 5, 1 if small else 3, crowded)
    yield crowded.row("full file system")
    for endurance in (3,) if small else (2, 5, 12, 30):
        wear_out(endurance, worn)
    yield worn.row("flash worn out")
    yield damage(after(own, respond), 8 if small else 1)
