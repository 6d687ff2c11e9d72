"""A card's state, flash and serial line as lines of text. Secrets are shown only on request."""

from collections.abc import Iterable, Mapping

from dsc_firmware import journal
from dsc_firmware.journal import Record, epoch_of
from dsc_simulator.board import Flash
from dsc_simulator.desktop.live_card import TrafficLine

_HIDDEN = "··"
_ROW = 16


def state_lines(facts: Mapping[str, str], interpreter: str, *, wide: bool) -> list[str]:
    """Return the firmware's state as lines, in two columns if `wide` is set."""
    profile = {
        "state": facts.get("state", "?"),
        "serial": facts.get("serial") or "none: the card is blank",
        "suite": facts.get("suite") or "-",
        "PIN": {"ocra": "part of the response", "card": "checked by the card"}.get(facts.get("pin", ""), "-"),
    }
    left = {
        "counter": facts.get("counter", "?"),
        "tries left": facts.get("tries") or "-",
        "locked": "yes" if facts.get("locked") == "1" else "no",
        "unlock codes": facts.get("unlock") or "-",
    }
    memory = f", {facts['free']} bytes free" if facts.get("free") else ""
    firmware = [f"firmware {facts.get('firmware', '?')} on {interpreter}{memory}"]
    return (_side_by_side(_table(profile), _table(left)) if wide else _table(profile) + _table(left)) + firmware


def _table(rows: Mapping[str, str]) -> list[str]:
    width = max(map(len, rows))
    return [f"{name:{width}}  {value}" for name, value in rows.items()]


def flash_lines(flash: Flash, *, secrets: bool = False) -> list[str]:
    """Return the lines of both slots: their meaning and their bytes. `secrets` shows the key and other secrets too."""
    return [line for number in (0, 1) for line in _slot_lines(number, flash.slots[number], secrets)]


def _slot_lines(number: int, data: bytes | None, secrets: bool) -> list[str]:
    if data is None:
        return [f"slot {number}: never written"]
    epoch = epoch_of(data)
    if epoch < 0:
        # Hide all bytes of a damaged slot: a key may be at any position in it.
        return [f"slot {number}: damaged, {len(data)} bytes", *(_hex(data, range(0)) if secrets else ())]
    record = Record()
    record.decode(data)
    lines = [f"slot {number}: epoch {epoch}, {'blank' if record.blank else 'a card'}, counter {record.counter}"]
    if record.checks_pin:
        lines[0] += f", {record.failures} wrong PINs of {record.tries}"
    if secrets and not record.blank:
        lines.append(f"  key {bytes(record.key).hex()}")
    # Hide the checksum too: with it, a search through all PINs would find the PIN.
    return lines + _hex(data, range(0) if secrets else range(journal._AT_KEY, journal.SIZE))


def _hex(data: bytes, hidden: range) -> list[str]:
    shown = [_HIDDEN if at in hidden else f"{byte:02x}" for at, byte in enumerate(data)]
    return [f"  {at:03x}  {' '.join(shown[at : at + _ROW])}" for at in range(0, len(shown), _ROW)]


def traffic_lines(traffic: Iterable[TrafficLine]) -> list[str]:
    """Return the lines that went over the serial line, oldest first."""
    return [f"{at:8.2f} {'→' if to_card else '←'} {text}" for at, to_card, text in traffic]


def _side_by_side(left: list[str], right: list[str]) -> list[str]:
    """Join two columns with the same number of lines."""
    width = max(map(len, left))
    return [f"{one:{width}}   {other}" for one, other in zip(left, right, strict=True)]
