"""`make mutants`: break firmware and host on purpose in one place after another. Each time the tests that guard it must fail.

A mutant is a copy of one package in which one text is replaced by another. The tests run on the copy, on both engines. Words as
arguments choose some of the mutants: `make mutants ARGS="journal.py properties"`.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.checkout import ROOT
from tests.reliability import device_mutants, gateway_mutants, login_mutants
from tests.reliability.mutant import FIRMWARE, HOST, Mutant

_SECONDS = 600
_RACES = "tests/host/verifier/test_reliability.py::test_no_promise_is_broken"
_POWER = "tests/properties/test_power_cuts.py::test_no_promise_is_broken"


_TRY = """        record.failures += 1
        if not self.journal.store():
            return states.FAULT
        code_of(record.key, card.pin, self._tried)
        right = same(self._tried, record.code)
"""
_COMPARED_FIRST = """        code_of(record.key, card.pin, self._tried)
        right = same(self._tried, record.code)
        record.failures += 1
        if not right:
            card.failures = record.failures
            self.apply(card.step(states.WRONG, 0), 0)
        if not self.journal.store():
            return states.FAULT
"""
_COUNT = "        record.failures += 1\n"
_OPEN = "        right = self._opens(number)\n"
_FORGIVEN_FIRST = (
    "        counted, record.failures = record.failures, 0\n        self.journal.store()\n"
    "        record.failures = counted\n" + _OPEN
)
_SPEND = """        if self.ocra.counter and not self._spend(counter):
            return states.FAULT
"""
_WRITTEN = "self._write(1 - self._slot)"
_WRITE = f"held = {_WRITTEN}"
_UNCHECKED = 'if struct.unpack_from("<I", data, _AT_CRC)[0] != _check(data):'
_SHOWN_FIRST = """        self.ocra.respond(card.cells[: self.ocra.digits], record.key, card.question, counter, card.pin)
"""


def _broken(tests: str, *broken: tuple[str, str, str, str], package: Path = FIRMWARE) -> Iterator[Mutant]:
    """Return mutants that one module of tests notices: what each breaks, the module, the old text, and the new."""
    for breaks, module, old, new in broken:
        yield Mutant(breaks, module, old, new, tests, package)


MUTANTS = (
    *_broken(
        _POWER,
        (
            "a counter is stored before its response is shown",
            "app.py",
            _SPEND,
            _SHOWN_FIRST + "        self.board.display.show(card.cells)\n" + _SPEND,
        ),
        ("a try is stored before the PIN is compared", "app.py", _TRY, _COMPARED_FIRST),
        (
            "the record is written to the older slot",
            "journal.py",
            _WRITE,
            "held = self._write(self._slot)",
        ),
        ("a slot counts only if its check holds", "journal.py", _UNCHECKED, "if False:"),
    ),
    *_broken(
        "tests/firmware/test_pin_table.py",
        ("what is written is read back", "journal.py", "return self._flash.read(slot) == self._buffer", "return True"),
        ("a right PIN gives all tries back", "app.py", "        if right:\n            record.failures = 0\n", ""),
        ("a PIN counts as one try", "app.py", _COUNT, "        record.failures += 2\n"),
        ("a PIN moves no counter", "app.py", _COUNT, _COUNT + "        record.counter += 1\n"),
        ("a PIN changes no other PIN's code", "app.py", _COUNT, _COUNT + "        record.code[0] ^= 1\n"),
        ("no try is given back before a code is compared", "app.py", _OPEN, _FORGIVEN_FIRST),
        (
            "a wrong unlock code costs time",
            "app.py",
            "self.card.wait.start(self.record.unlock_failures,",
            "self.card.wait.start(0,",
        ),
        ("a card without tries is locked", "journal.py", "self.failures >= self.tries", "self.failures > self.tries"),
        (
            "an error is shown until restart",
            "card.py",
            "        self.condition = states.BROKEN\n        return self._notice()\n",
            "        before, self.condition = self.condition, states.BROKEN\n        effects = self._notice()\n"
            "        self.condition = before\n        return effects\n",
        ),
    ),
    *_broken(
        "tests/firmware/test_journal.py",
        ("a damaged record loses nothing", "journal.py", "if slots[0] is not None and slots[1] is not None:", "if False:"),
    ),
    *_broken(
        "tests/firmware/test_unlock.py",
        ("a wrong unlock code is counted", "app.py", "        record.unlock_failures += 1\n", ""),
        (
            "an unlock challenge is for one code",
            "app.py",
            "        number = record.asked - 1\n        record.asked = 0\n",
            "        number = record.asked - 1\n",
        ),
        (
            "the wait outlives the battery",
            "app.py",
            "        # The time without power is unknown, so the wait starts again.\n        self._wait()\n",
            "",
        ),
    ),
    *_broken(
        "tests/simulator/test_secrets.py",
        ("the PIN is overwritten", "card.py", "        wipe(self.pin)\n", ""),
        ("what a hash has seen is overwritten", "ports.py", "    wipe(bytearray_at(id(made) + _HASH_STATE, _HASH_SIZE))\n", ""),
    ),
    *_broken(
        "tests/firmware/test_entropy.py",
        ("a stuck source of entropy is noticed", "entropy.py", "_REPEATS = const(6)", "_REPEATS = const(7)"),
        ("a biased source of entropy is noticed", "entropy.py", "_PROPORTION = const(62)", "_PROPORTION = const(63)"),
    ),
    *_broken(
        "tests/firmware/test_link.py",
        (
            "a line that fails its check is ignored",
            "link.py",
            "            if not self._check_holds(end):",
            "            if False:",
        ),
    ),
    *_broken(
        "tests/properties/test_littlefs.py",
        (
            "a record fits its file on a real file system",
            "drivers/chip.py",
            "_SLOT_MAX = const(1024)",
            "_SLOT_MAX = const(208)",
        ),
        ("each slot is a file of its own", "drivers/chip.py", '"/dsc1.bin"', '"/dsc0.bin"'),
        ("every update of a record is stored", "journal.py", _WRITE, f"held = self.record.failures > 0 or {_WRITTEN}"),
        ("a card stores more than one response", "journal.py", _WRITE, f"held = self.record.counter <= 8 and {_WRITTEN}"),
        ("the counter is stored as it is", "journal.py", "            self.counter,\n", "            min(self.counter, 7),\n"),
        ("a bad block is noticed", "journal.py", _WRITE, f"held = {_WRITTEN} or True"),
        ("a record without its check is not taken", "journal.py", _UNCHECKED, "if False:"),
        (
            "a damaged record is not overwritten",
            "journal.py",
            "is not None:\n            return self._break()\n",
            "is not None:\n            self.store_twice()\n            return self._break()\n",
        ),
    ),
    *_broken(
        _RACES,
        (
            "one response is accepted once (PostgreSQL)",
            "verifier/rows.py",
            "Statement(_CARD_OF.with_for_update(of=cards))",
            "Statement(_CARD_OF)",
        ),
        (
            "one response is accepted once (PostgreSQL, set by set)",
            "verifier/card_sets.py",
            "Statement(found.with_for_update(of=cards, skip_locked=True)) for found in (_CARDS, _ASKED_CARDS)",
            "Statement(found) for found in (_CARDS, _ASKED_CARDS)",
        ),
        ("one response is accepted once (SQLite)", "records/backends/sqlite.py", 'text("BEGIN IMMEDIATE")', 'text("BEGIN")'),
        package=HOST,
    ),
    *_broken(
        "tests/host/records/test_turns.py",
        (
            "writers of one process take turns in the order in which they came",
            "records/backends/turns.py",
            "self._waiting.popleft().release()",
            "self._waiting.pop().release()",
        ),
        (
            "a turn that comes as the waiting ends is not lost",
            "records/backends/turns.py",
            "return not self._leave(called)",
            "return self._leave(called) is None",
        ),
        package=HOST,
    ),
    *_broken(
        "tests/host/records/test_audit_tampering.py",
        (
            "a log that somebody has touched is not sealed anew",
            "records/audit_writer.py",
            "if is_sealed and hmac.compare_digest(keys.opener(key_id).sign_log(end(number, digest)), bytes_of(seal)):",
            "if is_sealed:",
        ),
        package=HOST,
    ),
    *_broken(
        "tests/host/verifier/test_timing.py",
        (
            "every refusal takes the same time",
            "verifier/judgment.py",
            "    responses, new_pin = [response for _, response in asked.answers], asked.new_pin\n",
            "    responses, new_pin = [response for _, response in asked.answers], asked.new_pin\n"
            "    if card.locked_until is not None:\n        return _Finding(Reason.WRONG, card.counter)\n",
        ),
        (
            "the right response of a refused card takes the time of a wrong one (PostgreSQL)",
            "verifier/judgment.py",
            "whole=refusal is not None",
            "whole=False",
        ),
        (
            "the right response of a refused card takes the time of a wrong one (SQLite)",
            "verifier/judgment.py",
            "whole=True",
            "whole=False",
        ),
        (
            "a change of PIN with the duress PIN takes the time of a wrong response",
            "verifier/judgment.py",
            "whole or new_pin is not None",
            "whole",
        ),
        package=HOST,
    ),
    *_broken(
        "tests/host/link/test_line_under_fire.py",
        ("the host ignores a line that fails its check", "link/frames.py", " or int(check, 16) != crc32(body):", ":"),
        package=HOST,
    ),
    *login_mutants.MUTANTS,
    *gateway_mutants.MUTANTS,
    *device_mutants.MUTANTS,
)


def passes(tests: str, mutant: Mutant | None) -> bool:
    """Return whether these tests pass on copies of firmware and host, one of them mutated, or both unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        for package in (FIRMWARE, HOST):
            shutil.copytree(package, Path(folder) / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        if mutant:
            (Path(folder) / mutant.package.name / mutant.module).write_text(mutant.source(), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n0", tests]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    # A mutant may make the file system's library abort the process. The unchanged code does not, so this counts as a failure.
    if done.returncode not in (0, 1, -signal.SIGABRT):
        raise RuntimeError(f"{tests} did not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def chosen(arguments: list[str] | None) -> list[Mutant]:
    """Return the mutants whose module or tests contain one of the words, or all if there is no word."""
    parser = argparse.ArgumentParser(prog="mutants", description="Break the code on purpose, and see the tests notice.")
    parser.add_argument("words", nargs="*", help="part of the name of a module or of a test file; all mutants without any")
    words = parser.parse_args(arguments).words
    mutants = [mutant for mutant in MUTANTS if not words or any(word in f"{mutant.module} {mutant.tests}" for word in words)]
    if not mutants:
        parser.error(f"no mutant's module or tests contain {' or '.join(words)}; leave the words out to run all {len(MUTANTS)}")
    return mutants


def main(arguments: list[str] | None = None) -> int:
    mutants = chosen(arguments)
    survivors = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # First the tests must pass on an unchanged copy: otherwise a failure would mean nothing.
        guards = sorted({mutant.tests for mutant in mutants})
        sound = pool.map(lambda tests: passes(tests, None), guards)
        if failing := [tests for tests, good in zip(guards, sound, strict=True) if not good]:
            print(f"On unchanged code, these fail: {', '.join(failing)}", file=sys.stderr)
            return 1
        alive = pool.map(lambda mutant: passes(mutant.tests, mutant), mutants)
        for mutant, survived in zip(mutants, alive, strict=True):
            guard = mutant.tests.partition("::")[0]
            print(f"{'SURVIVED' if survived else 'caught':<10}{mutant.breaks:<52}{guard}", flush=True)
            survivors += survived
    print(f"\n{len(mutants)} mutants, {survivors} survived.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
