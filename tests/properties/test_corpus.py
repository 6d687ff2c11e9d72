"""Every input that fuzzing has kept passes the check that it was kept for. Broken code fails these checks."""

import random
from hashlib import sha1

import pytest
from tests.reliability import fuzz
from tests.reliability.fuzz import CORPUS, TARGETS, check_of, kept
from tests.reliability.fuzzers import card_frames, host_frames, journal_slots, suites
from tests.reliability.report import Row, Scale

from dsc_firmware import journal, profile
from dsc_firmware.link import Request
from dsc_host import Suite
from dsc_host.errors import SuiteError
from dsc_host.link import frames


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_kept_keeps_every_promise(target: str) -> None:
    corpus = kept(target)
    assert len(corpus) >= 10
    for data in corpus:
        check_of(target)(data)


@pytest.mark.parametrize("target", TARGETS)
def test_mutations_of_it_keep_every_promise(target: str) -> None:
    row = fuzz.mutated(target, 300, check_of(target))
    assert row.good, row
    assert row.where == "mutations"


def test_the_corpus_is_small_and_named_by_its_content() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    paths = list(CORPUS.glob("*/*"))
    assert [path.name for path in paths] == [sha1(path.read_bytes()).hexdigest()[:16] for path in paths]
    assert sum(path.stat().st_size for path in paths) < 200_000
    assert max(path.stat().st_size for path in paths) <= fuzz.MAX_INPUT


def test_the_journal_s_slots_reach_every_status() -> None:
    # Use the current length of a record: the corpus must keep up with it.
    statuses = {journal.Journal(journal_slots.slots_of(data)).load() for data in kept("journal_slots")}
    assert statuses == {journal.BLANK, journal.READY, journal.BROKEN}


def believe_all(data: bytes | None) -> int:
    return -1 if data is None or len(data) != journal.SIZE else int.from_bytes(data[4:8], "little")


def crash_at_colons(text: str) -> None:
    raise (SuiteError("no") if ":" not in text else ValueError(text))


@pytest.mark.parametrize(
    ("where", "name", "careless", "target"),
    [
        (Request, "_check_holds", lambda self, end: True, "card_frames"),
        (card_frames, "decode", lambda line: None, "card_frames"),
        (frames, "MAX_VALUES", 99, "card_frames"),
        (host_frames, "decode", lambda line: frames.Reply(0x10000), "host_frames"),
        (frames, "MAX_LINE", 250, "host_frames"),
        (Suite, "parse", crash_at_colons, "suites"),
        (suites, "COUNTER", 2**64, "suites"),
        (journal, "epoch_of", believe_all, "journal_slots"),
        (profile, "ProfileError", ValueError, "staging"),
        (profile.Profile, "check", lambda self: None, "staging"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_found_by_the_corpus(
    monkeypatch: pytest.MonkeyPatch, where: object, name: str, careless: object, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check = check_of(target)  # Import it first, so that the check has the firmware's own names.
    monkeypatch.setattr(where, name, careless)
    assert fuzz.mutated(target, 0, check).broken["crashes"] > 0
    assert "Traceback" in capsys.readouterr().err, "what broke the promise is shown"


def test_without_atheris_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "find_spec", lambda name: None)
    monkeypatch.setattr(fuzz, "_RUNS", {Scale.TEST: {"suites": 10}})
    assert list(fuzz.run(Scale.TEST)) == [Row("fuzz: suites", "mutations", 10 + len(kept("suites")), {"crashes": 0})]


def test_mutations_are_the_same_each_time() -> None:
    def made() -> list[bytes]:
        rng, corpus = random.Random(1), kept("suites")
        return [fuzz.mutation(rng, corpus) for _ in range(100)]

    assert made() == made()
    assert len(set(made())) > 90
