"""Email addresses: which are valid, and the form in which they are stored."""

import pytest
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import email_addresses
from dsc_host.login.transaction import user_named

NO_ADDRESSES = [
    "", "a", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a\x07@b", "\ud800@b", None, 3, b"a@b",
    "a" * 65 + "@b", "a@" + "b" * 64 + ".example", "a@" + ".".join(["b" * 32] * 4), "a" * 10_000, "a@" + "b." * 5_000 + "c",
    "ä@" * 5_000, "a@" + "ä" * 10_000, "a@" + ".".join(["ä" * 20] * 5),
    "müller@example.com", '"anna"@example.com', '"a b"@example.com', "Anna <a@b.example>", "<a@b.example>", "a@b,c@d", "a;b@c",
    "a@b.example.", "a@b\u3002", ".a@b", "a.@b", "a..b@c", "a@b..c", "a@.b", "a@-b", "a@b-.c", "a@b_c", "a@[127.0.0.1]",
    "anna\u00a0@b.example", "anna@b\u00a0.example", " a@b", "a@b ", "a@\u200bb", "a\u202e@b", "a\uff20b", "a@xn--a.example",
    "a!b@c", "a|b@c", "a@b\r\nBcc: c@d",
]  # fmt: skip
STORED = {
    "Anna@EXAMPLE.com": "Anna@example.com",
    "anna@MÜLLER.example": "anna@xn--mller-kva.example",
    "anna@mu\u0308ller.example": "anna@xn--mller-kva.example",
    "anna@xn--mller-kva.example": "anna@xn--mller-kva.example",
    "anna@\uff45xample\u3002com": "anna@example.com",
    "anna@почта.рф": "anna@xn--80a1acny.xn--p1ai",
    "o'hara+bank_1%x@b": "o'hara+bank_1%x@b",
    "anna@localhost": "anna@localhost",
    "anna@mail.local": "anna@mail.local",
    "a@b.example": "a@b.example",
    "a" * 64 + "@" + ".".join(["b" * 31] * 4): "a" * 64 + "@" + ".".join(["b" * 31] * 4),
}


@pytest.mark.parametrize("email", NO_ADDRESSES, ids=range(len(NO_ADDRESSES)))
def test_what_is_no_address(email: str) -> None:
    with pytest.raises(InputError, match=r"^email: must be an email address, for example anna@example.com$"):
        email_addresses.normalized(email)


@pytest.mark.parametrize(("email", "stored"), STORED.items(), ids=range(len(STORED)))
def test_an_address_has_one_form(email: str, stored: str) -> None:
    assert email_addresses.normalized(email) == stored
    assert email_addresses.normalized(stored) == stored


def test_the_normal_form_is_stored_and_written_to(scenario: Scenario) -> None:
    operator = scenario.system.operator
    operator.add_user(scenario.accounts["anna"], "dora", PASSWORD, email="dora@EXAMPLE.com")
    operator.set_email("ben", "ben@MÜLLER.example")
    emails = {user.name: user.email for user in operator.users()}
    assert (emails["dora"], emails["ben"]) == ("dora@example.com", "ben@xn--mller-kva.example")
    scenario.system.deliver()
    assert "ben@xn--mller-kva.example" in {letter.address for letter in scenario.letters}
    with pytest.raises(InputError, match=r"^email: must be"):
        operator.add_user(scenario.accounts["anna"], "zora", PASSWORD, email="zora@example.com.")


def test_an_address_that_was_stored_before_is_used_as_it_is(scenario: Scenario) -> None:
    before = "b..en@EXAMPLE.com"
    scenario.system.context.change(lambda tx: rows.users.change(tx.db, user_named(tx.db, "ben").id, email=before))
    scenario.system.operator.set_email("ben", "ben@new.example")
    scenario.system.deliver()
    assert {before, "ben@new.example"} <= {letter.address for letter in scenario.letters}
