"""The pages as a visitor without JavaScript uses them."""

import re

import pytest
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.portal.browser import Browsers, enter

from dsc_host.login import Kind, Role, Scope, Visitor, rows
from dsc_host.portal.app import GET, POST
from dsc_host.portal.components import DANGER, SUCCESS, WARNING
from dsc_host.portal.languages import load
from dsc_host.portal.navigation import is_for, section_of, sections
from dsc_host.portal.views import Shown
from dsc_host.portal.wording import NOTICE_KINDS, notice_kind, notice_words


def test_a_wrong_response_is_told_and_can_be_put_right(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    question = anna.press("Continue", name="anna", password=PASSWORD).shown
    page = anna.press("Log in", answer="00000000")
    assert page.status in (200, 401)
    assert "Wrong response" in page.error + page.notice
    if page.path == "/login/answer":
        assert page.shown == question


def test_a_response_with_too_few_digits_is_shown_again_and_does_not_count(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    right = scenario.respond(SERIALS["anna"], anna.press("Continue", name="anna", password=PASSWORD).shown)
    for _ in range(4):
        page = anna.press("Log in", answer="12-3")
    assert (page.status, page.error) == (400, "A response has 8 digits; yours has 3.")
    assert anna.press("Log in", answer=f"{right[:4]}-{right[4:]}").path == "/"


def test_an_unknown_name_and_a_wrong_password_get_the_same_page(browser: Browsers) -> None:
    pages = [browser().press("Continue", name=name, password="wrong, all of it") for name in ("anna", "nobody")]
    texts = [re.sub(r'value="(?:anna|nobody|[0-9a-f]{64})"', "", page.html) for page in pages]
    assert texts[0] == texts[1]
    assert [page.status for page in pages] == [401, 401]
    assert pages[0].error == "The user name or password is wrong."


def test_every_page_opens_for_its_own_people(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    refused = {path for path in GET if anna.open(path).status != 200}
    assert refused == {"/desk", "/issuer", "/compliance"}
    assert {anna.open(path).status for path in refused} == {403}
    for name, own in (("sue", "/desk"), ("ivo", "/issuer"), ("cleo", "/compliance")):
        worker = enter(scenario, browser(), name)
        assert {path: worker.open(path).status for path in refused} == dict.fromkeys(refused, 403) | {own: 200}
    assert "Only an issuer, logged in with a device, may do this." in anna.open("/issuer").text
    for path in ("/login", "/login/device", "/login/answer"):
        assert anna.open(path).path == "/"
    assert "Logged in as anna" in anna.page.text


def test_the_health_says_whether_the_database_answers(scenario: Scenario, browser: Browsers) -> None:
    client = browser().client
    assert (client.get("/health").status_code, client.get("/health").text) == (200, "ok\n")
    scenario.system.context.cards.store.close()
    assert client.get("/health").status_code == 503


def test_a_password_is_changed_and_other_sessions_end(scenario: Scenario, browser: Browsers) -> None:
    anna, elsewhere = enter(scenario, browser()), enter(scenario, browser())
    anna.open("/password")
    assert (
        "same password in both fields"
        in anna.press("Change the password", old=PASSWORD, new="another quiet harbour", again="typo").error
    )
    page = anna.press("Change the password", old="wrong", new="another quiet harbour", again="another quiet harbour")
    assert (page.status, page.error) == (401, "This is not your password. Enter the one you log in with.")
    assert re.search('<input id="f1-1" name="old"[^>]*autofocus[^>]*aria-invalid', page.html)
    page = anna.press("Change the password", old=PASSWORD, new="another quiet harbour", again="another quiet harbour")
    assert page.notice == "Your password was changed. All other sessions have ended."
    assert elsewhere.open("/devices").path == "/login"


REFUSED_FORMS = {
    "/password": {"new": "another quiet harbour", "again": "typo"},
    "/withdraw": {"amount": "much"},
    "/phones": {"number": "none"},
    "/profile/email": {"email": "none"},
    "/profile/address": {"address": ""},
    "/profile/bank": {"iban": "none"},
    "/request": {"pin": "8246", "again": "8247"},
    "/share": {"owner": "nobody"},
    "/return/sent": {"device": "none"},
    "/desk/identify": {"user": "nobody"},
    "/desk/correct": {"user": "nobody"},
}
"""Forms with a mistake, after which a form is shown again."""


def test_a_form_that_is_opened_as_a_page_leads_to_the_beginning_of_its_flow(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    ways = {
        path: anna.open(path) for path in POST.keys() - GET.keys() if not path.startswith(("/desk", "/issuer", "/compliance"))
    }
    assert {path: page.status for path, page in ways.items() if page.status != 200} == {}
    assert {path: ways[path].path for path in ("/pin/answer", "/return/sent", "/phones/remove", "/proof", "/logout")} == {
        "/pin/answer": "/devices", "/return/sent": "/devices", "/phones/remove": "/phones", "/proof": "/", "/logout": "/"
    }  # fmt: skip
    assert browser().open("/pin/answer").path == "/login"


def test_a_login_leads_back_to_the_page_that_asked_for_it_and_to_no_other_site(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    assert anna.open("/return").path == "/login"
    anna.press("Continue", name="anna", password=PASSWORD)
    assert anna.press("Log in", answer=scenario.respond(SERIALS["anna"], anna.page.shown)).path == "/devices"
    assert anna.open("/login").path == "/", "it was used up"
    for path in (
        "/issuer",
        "/desk",
        "//evil.example",
        "https://evil.example/",
        "/nowhere",
        "/login",
        "/devices/../x",
        "/events?x=//y",
    ):
        anna.client.cookies.set("back", path, domain="portal.example", path="/")
        assert anna.open("/login").path == "/", path
    anna.press("Log out")
    assert "back" not in anna.client.cookies


@pytest.mark.parametrize("scope", Scope)
def test_a_login_leads_back_to_no_page_that_its_session_may_not_open(
    scenario: Scenario, browser: Browsers, scope: Scope
) -> None:
    anna = enter(scenario, browser())
    scenario.system.change(lambda tx: tx.db.execute(rows.sessions.table.update().values(scope=str(scope))))
    who = scenario.system.visitor(anna.cookie)
    meant = [path for path in GET if is_for(who, path)]
    assert {anna.open(path).status for path in meant} == {200}
    assert ("/devices" in meant, "/withdraw" in meant) == (scope in ("full", "account"), scope in ("full", "trading"))


def test_a_notice_looks_like_what_it_says(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.press("Log out")
    assert 'class="notice alert info"' in anna.page.html
    kinds = {key: notice_kind(key) for key in ("not_extended", "wrong", "out", "pin", "in")}
    assert kinds == {"not_extended": WARNING, "wrong": WARNING, "out": WARNING, "pin": SUCCESS, "in": SUCCESS}
    assert DANGER not in NOTICE_KINDS.values(), "none reports harm"
    assert all(map(notice_words, NOTICE_KINDS))


def test_a_refused_form_comes_back_filled_in_with_the_message_at_its_field(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/deposit")
    page = anna.press("Continue", amount="much", method="wire")
    assert page.forms[-2].fields == {"csrf": anna.csrf, "amount": "much", "method": "wire"}
    field = re.search('<input id="f1-1"[^>]*>', page.html)
    assert field is not None
    assert all(each in field[0] for each in ("autofocus", 'aria-invalid="true"', "f1-1-error"))
    assert page.error == "Amount: Must be an amount of money in digits, for example 1,250.00."
    assert '<p class="wrong" id="f1-1-error">Must be an amount of money in digits, for example 1,250.00.</p>' in page.html
    anna.open("/profile/bank")
    page = anna.press("Add", iban="DE00 3704 0044 0532 0130 00")
    assert "DE00" not in page.html, "no page holds a number"
    assert page.html.count("autofocus") == 1


@pytest.mark.parametrize(
    ("who", "path", "values", "error"),
    [
        ("anna", "/stop", {"code": "x" * 65}, "Code: Must have at most 64 characters."),
        ("anna", "/devices/name", {"name": "x" * 99}, "Name: Must have 1 to 32 characters."),
        ("anna", "/return/sent", {"tracking": "x" * 65}, "Tracking number: Must have at most 64 characters."),
        ("sue", "/desk/correct", {"birth_date": "x" * 65}, "Date of birth: Must have at most 64 characters."),
        ("sue", "/desk/correct", {"document_type": "x" * 65}, "Document type: Must have at most 64 characters."),
        ("sue", "/desk/correct", {"document_number": "x" * 65}, "Document number: Must have at most 64 characters."),
        (
            "anna",
            "/deposit",
            {"amount": "9" * 16, "method": "wire"},
            "Amount: Must have at most 15 digits before the decimal separator.",
        ),
    ],
)
def test_a_text_that_is_too_long_is_refused_with_the_name_of_its_field(
    scenario: Scenario, browser: Browsers, who: str, path: str, values: dict[str, str], error: str
) -> None:
    visitor = enter(scenario, browser(), who)
    card = scenario.device(visitor.cookie, Kind.DSC_PLUS)
    assert visitor.post(path, device=card, **values).error == error


def test_after_three_wrong_responses_the_choice_of_the_device_says_so(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    assert anna.press("Continue", name="anna", password=PASSWORD).title == "Confirm with your card"
    for left in (2, 1):
        error = anna.press("Log in", answer="00000000").error
        assert error.startswith(f"Wrong response. Tries\u00a0left:\u00a0{left}. Check the PIN and the challenge")
    page = anna.press("Log in", answer="00000000")
    assert (page.path, page.title) == ("/login/device", "Choose a device")
    assert page.notice.startswith("3 responses were wrong. Choose a device below")
    assert 'class="notice alert warning"' in page.html
    anna.open("/login/device")
    assert anna.page.notice == "", "it is told once"


def test_a_device_that_is_locked_is_told_where_it_is_chosen(scenario: Scenario, browser: Browsers) -> None:
    ben = browser()
    ben.press("Continue", name="ben", password=PASSWORD)
    for _ in range(scenario.system.policy.login.factor_failures):
        if ben.page.path == "/login/device":
            ben.press("Continue")
        ben.press("Log in", answer="000000")
    page = ben.open("/login/device")
    page = ben.press("Continue")
    assert (page.status, page.path, page.title) == (429, "/login/device", "Choose a device")
    assert page.error.startswith("Too many attempts")


def test_the_login_says_what_to_enter_and_helps_without_a_device(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    assert re.search('<input id="f1-1" name="name"[^>]* autofocus', anna.page.html)
    page = anna.press("Continue", name="anna", password=PASSWORD)
    assert "8 digits, within 5 minutes." in page.text
    assert re.search('name="answer"[^>]* autofocus[^>]*-hint"', page.html)
    assert 'href="/login/help"' in page.html
    assert ("Call support" in anna.open("/login/help").text, 'href="/login/device"' in anna.page.html) == (True, True)
    assert ("Call support" in browser().open("/login/help").text, 'href="/login/device"' in browser().page.html) == (
        True,
        False,
    )


def test_the_strongest_device_is_chosen(scenario: Scenario, browser: Browsers) -> None:
    scenario.confirm(scenario.session("anna"), "+41791234567")
    scenario.waited("anna")
    card = scenario.system.visitor(scenario.enter("anna")).device
    scenario.clock.advance(60)
    scenario.enter_by_sms("anna")
    page = browser().press("Continue", name="anna", password=PASSWORD)
    assert page.forms[-2].fields["device"] == card


@pytest.mark.parametrize("path", REFUSED_FORMS)
def test_a_form_is_not_shown_again_once_the_session_has_ended(scenario: Scenario, browser: Browsers, path: str) -> None:
    visitor = enter(scenario, browser())
    visitor.open("/devices")
    scenario.system.leave(visitor.cookie)
    page = visitor.post(path, **REFUSED_FORMS[path])
    assert (page.path, page.notice) == ("/login", "You have been logged out. Log in again.")


def test_where_real_people_log_in_no_card_lies_beside(scenario: Scenario, browser: Browsers) -> None:
    anna = browser()
    page = anna.press("Continue", name="anna", password=PASSWORD)
    pages = [page.html, anna.press("Log in", answer="00000000").html]
    enter(scenario, anna)
    device = next(each for each in scenario.system.devices(anna.cookie) if each.label == "IB3000901").id
    anna.post("/pin", device=device)
    pages += [anna.press("Continue", pin="8246", again="8246").html]
    assert anna.page.title == "Confirm the new PIN"
    for html in pages:
        assert "challenge" in html.lower()
        assert "firmware" not in html
        assert "/card" not in html
        assert 'class="beside"' not in html


def test_the_navigation_shows_where_the_visitor_is_and_only_what_is_allowed(scenario: Scenario, browser: Browsers) -> None:
    def menu(name: str, path: str) -> dict[str, str]:
        html = enter(scenario, browser(), name).open(path).html
        navigation = html[html.rindex("<nav", 0, html.index("</header>")) : html.index("</header>")]
        return dict(re.findall(r'<a href="([^"]*)"(?: aria-current="(page|true)")?>', navigation))

    members = ["/", "/devices", "/protection", "/withdraw", "/profile"]
    for path, section, how in (("/", "/", "page"), ("/phones", "/devices", "true"), ("/profile/bank", "/profile", "true")):
        assert menu("anna", path) == dict.fromkeys(members, "") | {section: how}
    for name, own in (("sue", "/desk"), ("ivo", "/issuer"), ("cleo", "/compliance")):
        assert menu(name, own) == dict.fromkeys(members, "") | {own: "page"}
    assert "<nav" not in browser().page.html
    page = enter(scenario, browser()).open("/statements")
    assert '<li><a href="/withdraw">Money</a></li><li aria-current="page">Statements</li>' in page.html


def test_each_page_behind_the_login_belongs_to_a_section() -> None:
    apart = ("/login", "/lost", "/stop", "/contact")
    all_of_them = {"/", "/devices", "/protection", "/withdraw", "/profile", "/desk", "/issuer", "/compliance"}
    assert {path for path in GET if not path.startswith(apart) and section_of(path) not in all_of_them} == set()


@pytest.mark.parametrize(
    ("scope", "links"),
    [
        (Scope.ACCOUNT, ["/", "/devices", "/protection", "/statements", "/profile"]),
        (Scope.TRADING, ["/", "/protection", "/withdraw"]),
        (Scope.STATEMENTS, ["/", "/statements"]),
    ],
)
def test_the_navigation_offers_what_the_scope_allows(scope: Scope, links: list[str]) -> None:
    who = Visitor("", "", "anna", Role.SUPPORT, scope, True, "", "en", 0, 0, None)
    assert [each.href for each in sections(who, "/statements", load()["en"])] == links


def test_a_new_code_is_sent_after_a_minute_and_replaces_the_last(scenario: Scenario, browser: Browsers) -> None:
    carl = browser()
    carl.press("Continue", name="carl", password=PASSWORD)
    assert "You can request a new one in 60 seconds." in carl.press("Continue").text
    first = scenario.sent("sms")
    scenario.clock.advance(20)
    page = carl.press("Send a new code")
    assert (page.status, page.error) == (429, "Too many attempts; try again in 40 s.")
    scenario.clock.advance(40)
    page = carl.press("Send a new code")
    assert (page.path, page.notice[:25]) == ("/login/answer", "A new code is on its way.")
    second = scenario.sent("sms")
    assert carl.press("Log in", answer=first).status == 401
    assert carl.press("Log in", answer=second).path == "/"
    anna = browser()
    anna.press("Continue", name="anna", password=PASSWORD)
    assert anna.post("/login/resend").status == 409, "a card is sent nothing"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("482913", ["482", "913"]),
        ("1234567890", ["12345", "67890"]),
        ("12345678", ["1234", "5678"]),
        ("42", ["42"]),
        ("7 31", ["7 31"]),
    ],
)
def test_digits_are_shown_in_groups_without_spaces_between(value: str, parts: list[str]) -> None:
    assert list(Shown("Challenge", value).parts) == parts


def test_a_wrong_code_for_a_number_is_told_at_its_field(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/phones")
    anna.press("Send a code", number="+41795550123")
    page = anna.press("Confirm", answer="none")
    assert (page.status, page.error) == (
        401, "The code is not correct. Tries left:\u00a02. You can also request a new code.",
    )  # fmt: skip
    assert ("+41…23" in page.text, 'aria-invalid="true"' in page.html) == (True, True)
    assert "confirmed" in anna.press("Confirm", answer=scenario.sent("sms")).notice


def test_the_page_that_stops_a_change_leads_back_to_where_its_visitor_is(scenario: Scenario, browser: Browsers) -> None:
    assert "Back to the login" in browser().open("/stop").text
    anna = enter(scenario, browser())
    assert "Back to the login" not in anna.open("/stop").text


def test_another_device_is_offered_only_to_a_user_who_has_one(scenario: Scenario, browser: Browsers) -> None:
    anna, ben = browser(), browser()
    anna.press("Continue", name="anna", password=PASSWORD)
    assert (anna.page.path, "Use another device" in anna.page.text) == ("/login/answer", False)
    ben.press("Continue", name="ben", password=PASSWORD)
    assert "Use another device" in ben.press("Continue").text


def test_an_action_without_a_device_leads_to_the_devices_and_says_so(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    for path in ("/return", "/activate"):
        page = anna.open(path)
        assert (page.path, page.notice.startswith("Choose a device first")) == ("/devices", True), path
    page = anna.open("/opt-in")
    assert (page.path, page.notice) == ("/protection", "Nobody has opted out of the protection.")


def test_a_browser_paints_a_page_once_all_of_its_visible_content_is_there(scenario: Scenario, browser: Browsers) -> None:
    for page in (browser().open("/login"), enter(scenario, browser()).open("/sessions")):
        (awaited,) = re.findall('<link rel="expect" href="#([a-z]+)" blocking="render">', page.html)
        _, rest = page.html.split(f'<div id="{awaited}" hidden>')
        assert re.fullmatch("(<[^>]*>|\\s)*", rest), rest
