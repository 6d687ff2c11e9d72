"""The login system through the command: people, accounts, users, and requested cards."""

import json
from typing import Any

import pytest
from tests.host.command_runner import KEY, PIN, SUITE, Command
from tests.host.login.letters import newest_code
from tests.host.login.scenario import CHEAP, PASSWORD

from dsc_host.login import Calling, DeviceState, Kind, Letter, LoginSystem, Policy, Stage
from dsc_host.verifier import Verifier
from dsc_simulator import SimulatedCard

ANNA = ("person", "add", "Anna", "--address", "1 Key Road, Zug", "--birth-date", "1980-05-17", "--citizenship", "CH")
PAPERS = ("--document", "passport:X1234567")
PHONE = "+41791234567"
OTHER = "another harbour at dusk"
POLICY = Policy.of(CHEAP)


def made(dscplus: Command, *arguments: str, stdin: str = "") -> str:
    """Return the id that a command prints."""
    done = dscplus(*arguments, stdin=stdin)
    assert (done.code, done.err) == (0, ""), done.err
    return done.out.strip()


@pytest.fixture
def account(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> str:
    """Add an account and return its id. Passwords cost little."""
    cheap = dscplus.folder / "cheap.toml"
    cheap.write_text("[passwords]\nmemory_kib = 8\niterations = 1\n")
    monkeypatch.setenv("DSCPLUS_POLICY", str(cheap))
    dscplus.with_records()
    person = made(dscplus, *ANNA, *PAPERS)
    return made(dscplus, "account", "add", person, "--equity", "2500000")


def test_an_empty_list_says_how_to_begin(dscplus: Command, account: str) -> None:
    assert "`dscplus user add` adds one" in dscplus("user", "list").err
    assert dscplus("user", "list", "anna").err == "There are no such users.\n"
    assert dscplus("person", "list", "ben").err == "There are no such people.\n"


def add_user(dscplus: Command, account: str, *more: str) -> str:
    return made(dscplus, "user", "add", account, "anna", "--email", "anna@example.com", *more, stdin=f"{PASSWORD}\n")


class Login:
    """A user who logs in by SMS, over the command's records."""

    def __init__(self, verifier: Verifier) -> None:
        self.letters: list[Letter] = []
        sender = Calling(self.letters.append)
        self.system = LoginSystem.over(verifier, policy=POLICY, senders=dict.fromkeys(("email", "sms", "voice"), sender))

    def enter(self, name: str) -> str:
        begun = self.system.begin(name, PASSWORD)
        device = next(each for each in begun.choices if each.kind is Kind.SMS)
        step = self.system.choose(begun.token, device.id)
        done = self.system.answer(step.token, newest_code(self.letters)).step
        assert done is not None
        assert done.stage is Stage.IN
        return done.token


def test_a_person_an_account_and_a_user_who_logs_in(dscplus: Command, account: str) -> None:
    add_user(dscplus, account, "--phone", PHONE, "--language", "de")
    assert dscplus("account", "equity", account, "1200000.50").code == 0
    with dscplus.verifier() as verifier:
        login = Login(verifier)
        assert login.enter("anna")
        assert login.letters[-1].text.startswith("Ihr Anmeldecode ist ")
    dscplus.assert_no_secret_was_printed()


def test_ids_are_printed_as_json_too(dscplus: Command, account: str) -> None:
    done = dscplus(*ANNA, *PAPERS, "--json")
    assert set(json.loads(done.out)) == {"person"}
    assert set(json.loads(dscplus("account", "add", json.loads(done.out)["person"], "--json").out)) == {"account"}
    user = dscplus("user", "add", account, "anna", "--email", "a@example.com", "--json", stdin=f"{PASSWORD}\n")
    assert set(json.loads(user.out)) == {"user"}


def test_a_card_that_is_enrolled_becomes_a_users(dscplus: Command, account: str) -> None:
    add_user(dscplus, account)
    assert dscplus("user", "card", "anna", "IB3000123").error == "card IB3000123: is not enrolled"
    with dscplus.verifier() as verifier:
        verifier.enroll("IB3000123", key=KEY, suite=SUITE, pin=PIN)
    assert dscplus("user", "card", "anna", "IB3000123").code == 0
    with dscplus.verifier() as verifier:
        (choice,) = LoginSystem.over(verifier, policy=POLICY).begin("anna", PASSWORD).choices
        assert (choice.kind, choice.label) == (Kind.DSC_PLUS, "IB3000123")
    assert dscplus("user", "card", "anna", "IB3000123").error == "serial: IB3000123 already belongs to somebody"
    again = dscplus("user", "card", "anna", "IB3000123", "--kind", "gold")
    assert again.error == "serial: IB3000123 already belongs to somebody"
    with dscplus.verifier() as verifier:
        verifier.enroll("GD-00071", key=KEY, suite=SUITE, pin=PIN)
    wrong = dscplus("user", "card", "anna", "GD-00071", "--kind", "silver")
    assert wrong.error == "kind: must be one of dsc_plus, platinum, gold, digital_card"
    assert dscplus("user", "card", "anna", "GD-00071", "--kind", "gold").code == 0
    with dscplus.verifier() as verifier:
        choices = LoginSystem.over(verifier, policy=POLICY).begin("anna", PASSWORD).choices
        assert {each.kind: each.label for each in choices}[Kind.GOLD] == "GD-00071"


def test_a_mistake_is_one_line(dscplus: Command, account: str) -> None:
    user = ("user", "add", account, "anna", "--email", "a@example.com")
    mistakes: list[tuple[tuple[str, ...], str, str]] = [
        ((*ANNA, "--document", "X1234567"), "", "document type: must be one of"),
        ((*ANNA[:6], "17.5.1980", *ANNA[7:], *PAPERS), "", "birth date: must be a date"),
        (("account", "add", "0123456789abcdef"), "", "person: there is none with the id 0123456789abcdef"),
        (("account", "add", "0123456789abcdef", "--equity", "much"), "", "equity: must be an amount"),
        (user, "short", "password: must have 12"),
        (user, "", "password: "),
        ((*user, "--role", "king"), PASSWORD, "role: must be"),
        ((*user, "--person", "x"), "", "person: there is none with the id x"),
        (("user", "password", "nobody"), "", "name: there is no user nobody"),
        (("user", "language", "nobody", "la"), "", "language: must be one of en, de, ru"),
        (("issuer", "ship", "nothing"), "", "request: there is none with the id nothing"),
    ]
    for arguments, stdin, told in mistakes:
        done = dscplus(*arguments, stdin=f"{stdin}\n" if stdin else "")
        assert done.code in (1, 2, 3, 4)
        assert done.out == ""
        assert told in done.error


def test_a_name_is_somebodys_only_once(dscplus: Command, account: str) -> None:
    add_user(dscplus, account)
    done = dscplus("user", "add", account, "anna", "--email", "b@example.com", stdin=f"{PASSWORD}\n")
    assert done.error == "name: anna is taken; choose another one"


def listed(dscplus: Command, *arguments: str) -> list[dict[str, Any]]:
    done = dscplus(*arguments, "--json")
    assert (done.code, done.err) == (0, "")
    return list(json.loads(done.out))


def test_an_id_that_was_lost_is_in_the_lists(dscplus: Command, account: str) -> None:
    add_user(dscplus, account, "--language", "de")
    (person,) = listed(dscplus, "person", "list")
    (kept,) = listed(dscplus, "account", "list")
    (user,) = listed(dscplus, "user", "list")
    assert (person["name"], person["accounts"], person["users"]) == ("Anna", [account], ["anna"])
    assert (kept["account"], kept["person"], kept["equity"]) == (account, person["person"], "2500000.00")
    assert (kept["closed_at"], kept["primary"], kept["users"]) == (None, "anna", ["anna"])
    assert (user["account"], user["person"], user["role"], user["language"]) == (account, person["person"], "customer", "de")
    assert (user["primary"], user["opted_out"], user["closed"]) == (True, False, False)
    assert dscplus("person", "list").rows == [f"{person['person']}  Anna  1980-05-17  -  {account}  anna"]
    assert dscplus("account", "list").rows == [f"{account}  Anna  2500000.00 USD  open  anna  anna"]
    words = f"{user['user']}  {account}  {person['person']}  customer  de  anna@example.com  primary"
    assert dscplus("user", "list").rows == [f"anna  {words}"]
    assert listed(dscplus, "user", "list", "nn") == [user]
    assert listed(dscplus, "person", "list", "ANN") == [person]
    assert listed(dscplus, "user", "list", "ben") == listed(dscplus, "person", "list", "ben") == []


def test_what_is_special_is_in_the_lists(dscplus: Command, account: str) -> None:
    add_user(dscplus, account, "--phone", PHONE)
    with dscplus.verifier() as verifier:
        login = Login(verifier)
        login.system.opt_out(login.enter("anna"))
        login.system.operator.set_under_review(listed(dscplus, "person", "list")[0]["person"])
    assert dscplus("user", "list").out.endswith("  primary, opted out\n")
    assert "  under review  " in dscplus("person", "list").out
    with dscplus.verifier() as verifier:
        login = Login(verifier)
        token = login.enter("anna")
        login.system.opt_in(token)
        login.system.close_account(token)
    assert dscplus("user", "list").out.endswith("  primary, account closed\n")
    assert "  closed  " in dscplus("account", "list").out
    assert str(listed(dscplus, "account", "list")[0]["closed_at"]).endswith("+00:00")


def test_there_is_nobody_yet(dscplus: Command) -> None:
    dscplus.with_records()
    groups = ("person", "account", "user")
    for group in groups:
        assert "or person add" in dscplus(group, "list").error
    with dscplus.verifier():
        pass
    for group in groups:
        assert (dscplus(group, "list").out, dscplus(group, "list", "--json").out) == ("", "[]\n")


def test_a_user_who_is_another_person(dscplus: Command, account: str) -> None:
    add_user(dscplus, account)
    other = made(dscplus, "person", "add", "Ben", *ANNA[3:], "--document", "passport:X7654321")
    made(dscplus, "user", "add", account, "ben", "--email", "b@example.com", "--person", other, stdin=f"{PASSWORD}\n")
    (user,) = listed(dscplus, "user", "list", "ben")
    assert (user["account"], user["person"], user["person_name"], user["primary"]) == (account, other, "Ben", False)
    assert listed(dscplus, "person", "list", "ben")[0]["accounts"] == []


def test_who_has_forgotten_their_password_gets_another_one(dscplus: Command, account: str) -> None:
    add_user(dscplus, account)
    done = dscplus("user", "password", "anna", stdin=f"{OTHER}\nnot read\n")
    assert (done.code, done.out, done.err) == (0, "", "The password of anna was changed.\n")
    with dscplus.verifier() as verifier:
        assert LoginSystem.over(verifier, policy=POLICY).begin("anna", OTHER).user == "anna"
    for bad in ("", "short\n", "anna\n"):
        assert dscplus("user", "password", "anna", stdin=bad).error.startswith("password: ")
    assert OTHER not in "".join(dscplus.printed)


def test_another_address_language_and_primary_user(dscplus: Command, account: str) -> None:
    for name in ("anna", "ben"):
        made(dscplus, "user", "add", account, name, "--email", f"{name}@example.com", stdin=f"{PASSWORD}\n")
    assert json.loads(dscplus("user", "email", "ben", "b@new.example", "--json").out)["email"] == "b@new.example"
    assert "must have 1 to 200 characters" in dscplus("user", "address", "anna", " ").err
    assert "4 Quay, Zug" in dscplus("user", "address", "anna", "4 Quay, Zug").out
    known = json.loads(dscplus("user", "profile", "anna", "--json").out)
    assert known == {"name": "anna", "email": "anna@example.com", "address": "4 Quay, Zug", "bank": ""}
    assert dscplus("user", "language", "ben", "ru").rows[0].endswith("  ru  b@new.example  -")
    for _ in range(2):
        assert json.loads(dscplus("account", "primary", account, "ben", "--json").out)["primary"] == "ben"
    assert dscplus("account", "primary", account, "anna").rows == [f"{account}  Anna  2500000.00 USD  open  anna  anna, ben"]
    (ben,) = listed(dscplus, "user", "list", "ben")
    assert (ben["email"], ben["language"], ben["primary"]) == ("b@new.example", "ru", False)


def test_a_person_is_put_under_review_and_no_more(dscplus: Command, account: str) -> None:
    (person,) = listed(dscplus, "person", "list")
    assert "  under review  " in dscplus("person", "review", str(person["person"])).out
    assert json.loads(dscplus("person", "review", str(person["person"]), "--off", "--json").out) == person


WITH_POLICY = [
    ("account", "add", "0123456789abcdef"), ("account", "equity", "0123456789abcdef", "5"),
    ("user", "add", "0123456789abcdef", "anna", "--email", "a@example.com"), ("user", "card", "anna", "IB3000123"),
    ("user", "password", "anna"), ("issuer", "list"), ("issuer", "make"), ("issuer", "ship", "0123456789abcdef"),
]  # fmt: skip


def test_where_rules_matter_a_file_may_hold_them(dscplus: Command, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = dscplus.folder / "rules.toml"
    file.write_text("[passwords]\nshortest = 0\n")
    told = (2, f"policy: {file}: [passwords] shortest: must be more than 0")
    for command in WITH_POLICY:
        done = dscplus(*command, "--policy", str(file))
        assert (done.code, done.error) == told
        with monkeypatch.context() as patched:
            patched.setenv("DSCPLUS_POLICY", str(file))
            done = dscplus(*command)
        assert (done.code, done.error) == told


@pytest.fixture
def asked_for(dscplus: Command, account: str) -> str:
    """Request a card for anna, and return the request's id."""
    add_user(dscplus, account, "--phone", PHONE)
    with dscplus.verifier() as verifier:
        login = Login(verifier)
        token = login.enter("anna")
        return login.system.confirm_request(token, login.system.draft_request(token, PIN).id).id


def test_a_card_that_was_asked_for_is_made_and_sent(dscplus: Command, asked_for: str) -> None:
    (waiting,) = json.loads(dscplus("issuer", "list", "--json").out)
    assert (waiting["request"], waiting["user"], waiting["serial"]) == (asked_for, "anna", "")
    with SimulatedCard() as card:
        done = dscplus("issuer", "make", "--card", card.url, stdin="\n")
        assert (done.code, done.err.splitlines()[-1]) == (0, "1 of 1: IB3000000 for anna")
        assert dscplus("issuer", "make", "--card", card.url, "--yes").out.strip() in ("", "[]")
        sent = json.loads(dscplus("issuer", "ship", asked_for, "--json").out)
        assert (sent["state"], sent["serial"]) == ("shipped", "IB3000000")
        assert dscplus("issuer", "ship", asked_for).code != 0
        with dscplus.verifier() as verifier:
            login = Login(verifier)
            token = login.enter("anna")
            device = next(each for each in login.system.devices(token) if each.kind is Kind.DSC_PLUS)
            assert device.state is DeviceState.SHIPPED
            card.press("PRESS")
            card.enter(PIN)
            response = card.enter(login.system.ask_to_activate(token, device.id).shows["challenge"])
            assert login.system.activate(token, response)
    dscplus.assert_no_secret_was_printed()


def test_a_card_that_is_not_there_leaves_the_request(dscplus: Command, asked_for: str) -> None:
    assert dscplus("issuer", "make", "--card", "socket://127.0.0.1:9", "--yes").error
    nobody = dscplus("issuer", "make", stdin="")
    assert (nobody.code, nobody.error) == (2, "confirmation: give it on standard input, one line")
    assert [each["request"] for each in json.loads(dscplus("issuer", "list", "--json").out)] == [asked_for]
