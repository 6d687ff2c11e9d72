"""Phone numbers: which are valid, and in which order they are used."""

from functools import partial

import pytest
from tests.host.login.letters import code_letters
from tests.host.login.scenario import PASSWORD, PHONE, Scenario

from dsc_host.errors import InputError
from dsc_host.login.accounts import contacts, phone_numbers
from dsc_host.login.messages import notices
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, user_named

NEW = "+41795550123"


@pytest.mark.parametrize(
    "number",
    ["", "0791234567", "+0791234567", "0123", "1123", "+41", "+4179123456789012", "+1800FLOWERS", "tel", "0" * 10_000, None],
)
def test_what_is_no_number(number: str) -> None:
    with pytest.raises(InputError, match=r"^phone: must begin with \+ or 00 and the country code, and have 7 to 15 digits"):
        phone_numbers.check_phone(number)


@pytest.mark.parametrize(
    ("number", "prefix", "right"),
    [
        ("+410791234567", "0", "+41791234567"),
        ("+4901711234567", "0", "+491711234567"),
        ("+4407911123456", "0", "+447911123456"),
        ("+112125551234", "1", "+12125551234"),
        ("+1112125551234", "11", "+12125551234"),
        ("+789161234567", "8", "+79161234567"),
        ("+3606201234567", "06", "+36201234567"),
        ("+37580291234567", "80", "+375291234567"),
        # These countries have no trunk prefix, or have one no more.
        ("+9980912345678", "0", "+998912345678"),
        ("+5214423456789", "1", "+524423456789"),
    ],
)
def test_a_trunk_prefix_is_not_dialed_from_abroad_and_the_right_number_is_named(number: str, prefix: str, right: str) -> None:
    with pytest.raises(InputError, match=rf"^phone: must be \{right}, without the {prefix} after \+") as raised:
        phone_numbers.check_phone(number)
    phone_numbers.check_phone(raised.value.values["right"])


@pytest.mark.parametrize(
    ("number", "prefix"),
    [("+11234567890", "1"), ("+10123456789", "0"), ("+78800123456", "8"), ("+36061234567", "06"), ("+310000000000", "0")],
)
def test_a_number_that_is_as_long_as_one_without_the_trunk_prefix_is_none(number: str, prefix: str) -> None:
    with pytest.raises(InputError, match=rf"^phone: must not have the {prefix} after \+.*; type all digits after it$"):
        phone_numbers.check_phone(number)


@pytest.mark.parametrize(
    ("number", "residence"),
    [
        ("0041791234567", ""),
        ("41791234567", ""),
        ("+41 (0)79 123-45-67", ""),
        ("079 123 45 67", "CH"),
        ("011 41 79 123 45 67", "US"),
    ],
)
def test_a_number_as_it_is_typed_in_a_country_is_refused_with_the_one_that_is_meant(number: str, residence: str) -> None:
    with pytest.raises(InputError, match=r"^phone: must begin with the country code; enter \+41791234567$"):
        phone_numbers.check_phone(number, residence)


@pytest.mark.parametrize(
    "typed",
    [
        PHONE,
        "+41 79 123 45 67",
        " +41-79-123-45-67 ",
        "+41 (79) 123 45 67",
        "+41 (0)79 123 45 67",
        "+41(0) 79/123.45.67",
        "0041 79 123 45 67",
        "0041 (0)79 123 45 67",
        "(0041) 79\u00a0123\u201145\u201367",
    ],
)
def test_spaces_signs_and_an_international_prefix_do_not_matter(scenario: Scenario, typed: str) -> None:
    assert phone_numbers.without_signs(typed) == PHONE
    token = scenario.session("carl")
    assert scenario.system.ask_to_confirm_phone(token, typed) == "+41…67"
    scenario.system.deliver()
    assert [each.address for each in code_letters(scenario.letters, "sms")] == [PHONE]


@pytest.mark.parametrize("typed", ["079 123 45 67", "(079) 123 45 67", "+41 079 123 45 67", "+41x79", "", None, "0" * 41])
def test_no_digit_is_taken_away_that_may_be_meant(typed: str) -> None:
    with pytest.raises(InputError):
        phone_numbers.check_phone(phone_numbers.without_signs(typed))


def test_the_owners_country_helps_to_name_the_right_number(scenario: Scenario) -> None:
    with pytest.raises(InputError, match=r"^phone: must begin with the country code; enter \+41791234567$"):
        scenario.system.ask_to_confirm_phone(scenario.session("ben"), "0791234567")
    assert not [each for each in code_letters(scenario.letters, "sms") if each.address == "+41791234567"]


@pytest.mark.parametrize("number", ["+4179123456", "+417912345678", "+15005550", "+22507123456", "+41999999"])
def test_a_number_has_a_length_that_its_country_has(number: str) -> None:
    with pytest.raises(InputError, match=r"^phone: must have as many digits as a number that begins with \+(41|1|225)$"):
        phone_numbers.check_phone(number)


def test_a_number_begins_with_the_code_of_a_country() -> None:
    with pytest.raises(InputError, match=r"^phone: must begin with the code of a country, such as \+41$"):
        phone_numbers.check_phone("+99912345678")


@pytest.mark.parametrize(
    "number",
    [PHONE, "+390612345678", "+2290197123456", "+2250707123456", "+24106123456", "+4920123456", "+15005550006", "+78001234567"],
)
def test_a_digit_that_belongs_to_the_number_stays(number: str) -> None:
    phone_numbers.check_phone(number)


def _confirm(user: User, number: str, tx: LoginTransaction) -> None:
    contacts.add_phone(tx, user, number, notified=notices.new_user())
    # There are so many numbers that random ids would not stand in this order by chance.


def test_the_number_that_was_confirmed_last_comes_first(scenario: Scenario) -> None:
    ben = scenario.system.context.read(lambda tx: user_named(tx.db, "ben"))

    def confirmed(*numbers: str) -> list[str]:
        for number in numbers:
            scenario.clock.advance(1)
            scenario.system.change(partial(_confirm, ben, number))
        return scenario.system.context.read(lambda tx: [each.number for each in contacts.phones_of(tx.db, ben)])

    # So many that ids drawn at random do not stand in this order.
    many = [f"+4179555010{digit}" for digit in range(8)]
    assert confirmed(*many) == [*reversed(many), PHONE]
    assert confirmed(PHONE) == [PHONE, *reversed(many)]
    assert scenario.system.phones.begin("ben", PASSWORD).phones[0] == contacts.masked(PHONE)


@pytest.mark.parametrize("phone", [0, 1])
def test_the_token_goes_to_the_number_that_was_chosen(scenario: Scenario, phone: int) -> None:
    scenario.clock.advance(1)
    scenario.confirm(scenario.session("ben"), NEW)
    begun = scenario.system.phones.begin("ben", PASSWORD, phone=phone)
    assert begun.phones == ("+41…23", "+41…67")
    assert code_letters(scenario.letters, "sms")[-1].address == (NEW, PHONE)[phone]
