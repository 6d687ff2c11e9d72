"""Phone numbers: which are valid, and in which order they are used."""

from functools import partial

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.town import PASSWORD, PHONE, Town

from dsc_host.errors import InputError
from dsc_host.login.accounts import contacts, phone_numbers
from dsc_host.login.messages import notices
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, user_named

NEW = "+41795550123"


@pytest.mark.parametrize(
    "number", ["", "0791234567", "+0791234567", "+41", "+41 79 123 45 67", "+4179123456789012", "tel", None]
)
def test_what_is_no_number(number: str) -> None:
    with pytest.raises(InputError, match=r"^phone: must be \+"):
        phone_numbers.check_phone(number)


@pytest.mark.parametrize("number", ["+410791234567", "+4901711234567", "+4407911123456", "+35308612345", "+31012345678"])
def test_the_trunk_0_is_not_dialled_from_abroad(number: str) -> None:
    with pytest.raises(InputError, match=r"^phone: must not have the 0 after \+(41|49|44|353|31), which"):
        phone_numbers.check_phone(number)


@pytest.mark.parametrize("number", ["+4179123456", "+417912345678", "+15005550", "+22507123456", "+41999999"])
def test_a_number_has_a_length_that_its_country_has(number: str) -> None:
    with pytest.raises(InputError, match=r"^phone: is too long or too short for a number that begins with \+(41|1|225)$"):
        phone_numbers.check_phone(number)


def test_a_number_begins_with_the_code_of_a_country() -> None:
    with pytest.raises(InputError, match=r"^phone: must begin with the code of a country, such as \+41$"):
        phone_numbers.check_phone("+99912345678")


@pytest.mark.parametrize(
    "number", [PHONE, "+390612345678", "+2290197123456", "+2250707123456", "+24106123456", "+4920123456", "+15005550006"]
)  # fmt: skip
def test_a_0_that_belongs_to_the_number_stays(number: str) -> None:
    phone_numbers.check_phone(number)


def _confirm(user: User, number: str, tx: LoginTransaction) -> None:
    contacts.add_phone(tx, user, number, told=notices.new_user())
    # There are so many numbers that random ids would not stand in this order by chance.


def test_the_number_that_was_confirmed_last_comes_first(town: Town) -> None:
    ben = town.system.context.read(lambda tx: user_named(tx.db, "ben"))

    def confirmed(*numbers: str) -> list[str]:
        for number in numbers:
            town.clock.advance(1)
            town.system.change(partial(_confirm, ben, number))
        return town.system.context.read(lambda tx: [each.number for each in contacts.phones_of(tx.db, ben)])

    # So many that ids drawn at random do not stand in this order.
    many = [f"+4179555010{digit}" for digit in range(8)]
    assert confirmed(*many) == [*reversed(many), PHONE]
    assert confirmed(PHONE) == [PHONE, *reversed(many)]
    assert town.system.phones.begin("ben", PASSWORD).phones[0] == contacts.masked(PHONE)


@pytest.mark.parametrize("phone", [0, 1])
def test_the_token_goes_to_the_number_that_was_chosen(town: Town, phone: int) -> None:
    town.clock.advance(1)
    town.confirm(town.session("ben"), NEW)
    begun = town.system.phones.begin("ben", PASSWORD, phone=phone)
    assert begun.phones == ("+41…23", "+41…67")
    assert code_letters(town.letters, "sms")[-1].address == (NEW, PHONE)[phone]
