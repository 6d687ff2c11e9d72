"""Passwords: which are refused, what is stored, and how many threads compute the hashes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from dsc_host.errors import InputError
from dsc_host.login import Policy, passwords
from dsc_host.login.passwords import Passwords

CHEAP = Policy.of({"passwords": {"memory_kib": 8, "iterations": 1}}).passwords
GOOD = "a quiet harbour at dawn"


@pytest.mark.parametrize(
    "password", ["", "short", "x" * 129, "a" * 12, "abcabcabcabc", "anna.harbour", "Anna.Harbour", "tab\tin between", None, 7]
)
def test_what_is_no_good_password(password: str) -> None:
    with pytest.raises(InputError, match=r"^password: must"):
        Passwords(CHEAP).check_new(password, "anna.harbour")


@pytest.mark.parametrize(
    "password",
    [GOOD, "\u043f\u0430\u0440\u043e\u043b\u044c \u0437\u0438\u043c\u043e\u0439", "x" * 125 + "yzw", "\U0001f511" * 9 + "abc"],
)
def test_any_letters_make_a_password(password: str) -> None:
    made = Passwords(CHEAP)
    made.check_new(password, "anna")
    kept = made.hashed(password)
    assert made.matches(password, kept)
    assert not made.matches(password + " ", kept)


def test_what_is_kept_is_argon2id_with_its_cost_and_a_salt_of_its_own() -> None:
    made = Passwords(Policy.default().passwords)
    kept = made.hashed(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != made.hashed(GOOD)
    Argon2id.verify_phc_encoded(GOOD.encode(), kept)
    assert not made.is_outdated(kept)
    assert made.is_outdated(Passwords(CHEAP).hashed(GOOD))
    assert made.is_outdated("$argon2i$v=19$m=19456,t=2,p=1$x$y")


@pytest.mark.parametrize("password", ["", "\ud800", "x" * 100_000, None, 7, b"a quiet harbour at dawn"])
def test_garbage_is_a_wrong_password(password: object) -> None:
    made = Passwords(CHEAP)
    assert not made.matches(password, made.hashed(GOOD))
    assert not made.matches(password, None)


def test_a_hash_of_nothing_lets_nobody_in() -> None:
    made = Passwords(CHEAP)
    assert not made.matches("", made.hashed(""))
    assert not made.matches("x" * 100_000, made.hashed(""))


def test_a_few_threads_compute_them_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    computing: set[int] = set()

    class Counted:
        @staticmethod
        def verify_phc_encoded(*given: bytes) -> None:
            computing.add(threading.get_ident())
            Argon2id.verify_phc_encoded(*given)

    made = Passwords(CHEAP)
    kept = made.hashed(GOOD)
    monkeypatch.setattr(passwords, "Argon2id", Counted)
    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(lambda _: made.matches(GOOD, kept), range(200)))
    assert 1 <= len(computing) <= 4
