"""The demonstration's card: it is beside the form that needs its response, is found by its name, and is nobody's secret."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from urllib.parse import quote

import pytest
from tests.host.login.letters import newest_code
from tests.host.portal.browser import Browser, Browsers, Page, PageForm, browsers, come_with

from dsc_host.login import Loss
from dsc_host.login.transaction import user_named
from dsc_host.portal.demo.demonstration import CARL, DEMO_PASSWORD, PIN, Demonstration, PageCard
from dsc_host.portal.pages import issuer

JSON = {"accept": "application/json"}
NEW = "7391"


@pytest.fixture
def browser(shown: Demonstration) -> Iterator[Browsers]:
    with browsers(shown.system, demonstration=shown) as made:
        yield made


def keys(visitor: Browser) -> PageForm:
    """Return the form of the card on the page."""
    (form,) = [form for form in visitor.page.forms if form.action == "/card/press"]
    return form


def response(card: PageCard, question: str, pin: str = PIN) -> str:
    for key in ("PRESS", *pin, "OK", *question, "OK"):
        card.press(key)
    shown = card.display
    card.press("PRESS")
    assert re.fullmatch(r"\d{8}", shown), shown
    return shown


def begin(visitor: Browser, name: str, kind: str = "") -> Browser:
    visitor.open("/login")
    page = visitor.press("Continue", name=name, password=DEMO_PASSWORD)
    if page.path == "/login/device":
        choice = re.search(rf'value="(\w+)"[^>]*>\s*<label[^>]*>{re.escape(kind)}<', page.html)
        assert choice, page.text
        visitor.press("Continue", device=choice[1])
    return visitor


def enter(shown: Demonstration, visitor: Browser, name: str) -> Browser:
    """Log in by card, or by SMS if the user has no card."""
    begin(visitor, name, "Code by SMS")
    if shown.card_of(name):
        answer = response(shown.cards[name], visitor.page.shown)
    else:
        shown.system.deliver()
        answer = newest_code(shown.letters)
    assert visitor.press("Log in", answer=answer).path in ("/", "/issuer", "/desk")
    return visitor


def press(visitor: Browser, name: str, key: str, **headers: str) -> int:
    """Press a key with the form of the card on the page, for this name."""
    body = {**keys(visitor).fields, "name": name, "key": key}
    return visitor.client.post("/card/press", data=body, headers=headers).status_code


def test_the_login_shows_the_card_whose_response_it_wants(browser: Browsers) -> None:
    for name in ("anna", "sue"):
        visitor = begin(browser(), name)
        assert keys(visitor).fields["name"] == name
        assert f"Card of {name}" in visitor.page.text
        assert visitor.page.response.headers["content-security-policy"].count("unsafe") == 0
        assert " style=" not in visitor.page.html
        assert f'href="/card.css?name={name}"' in visitor.page.html


def test_it_is_there_after_a_wrong_answer_too(browser: Browsers) -> None:
    visitor = begin(browser(), "anna")
    page = visitor.press("Log in", answer="00000000")
    assert (page.status, page.path, keys(visitor).fields["name"]) == (401, "/login/answer", "anna")


def test_other_devices_show_none(browser: Browsers) -> None:
    visitor = begin(browser(), "carl", "Code by SMS")
    assert visitor.page.path == "/login/answer"
    assert "/card/press" not in visitor.page.html
    assert "/card.css" not in visitor.page.html


def test_without_javascript_a_key_leads_to_the_page_of_this_card(browser: Browsers) -> None:
    visitor = begin(browser(), "sue")
    page = visitor.press("press")
    assert (page.path, page.title, keys(visitor).fields["name"]) == ("/card", "Card of sue", "sue")
    assert "PIN>" in page.text
    assert visitor.press("Deutsch").title == "Karte von sue"


def test_the_page_of_the_card_needs_no_cookie(shown: Demonstration, browser: Browsers) -> None:
    visitor = browser()
    for name in ("ivo", "cleo"):
        assert visitor.open(f"/card?name={name}").title == f"Card of {name}"
        assert press(visitor, name, "PRESS", **JSON) == 200
        visitor.client.cookies.clear()
        assert shown.cards[name].display == "PIN>"
        assert visitor.client.get(f"/card.json?name={name}").json() == {"display": "PIN>"}
        assert "display: PIN&gt;" in visitor.open(f"/card.svg?name={name}").html
    assert shown.cards["anna"].display == ""


def test_a_name_without_a_card_is_told_so(browser: Browsers) -> None:
    visitor = browser()
    for name in ("nobody", "carl", "ANNA", "../anna", "anna&x=y", "anna\r\nx: y", "\x00", "é", "{{7*7}}", "a" * 3000):
        for path in ("/card", "/card.svg", "/card.json", "/card.css"):
            page = visitor.open(f"{path}?name={quote(name)}")
            assert (page.status, "This person has no card." in page.text) == (404, True), (path, name)
        visitor.open("/card?name=anna")
        for headers in ({}, JSON):
            # A name that is no text is refused before it is looked up.
            assert press(visitor, name, "PRESS", **headers) == (400 if name == "\x00" else 404), name


def test_a_key_is_pressed_from_a_page_of_ours_only(shown: Demonstration, browser: Browsers) -> None:
    visitor = begin(browser(), "anna")
    body = {"name": "anna", "key": "PRESS"}
    for given in ({}, {"csrf": visitor.csrf}, {"csrf": "0" * 64}):
        assert visitor.client.post("/card/press", data={**body, **given}, headers=JSON).status_code == 403
    assert shown.cards["anna"].display == ""
    assert visitor.csrf != keys(visitor).fields["csrf"], "the login's own forms are bound to the visitor"


def test_the_style_sheet_says_where_the_keys_are_drawn(shown: Demonstration, browser: Browsers) -> None:
    answer = browser().client.get("/card.css?name=anna")
    assert answer.headers["content-type"].startswith("text/css")
    number = r"([\d.]+)%"
    rule = rf'\[value="(\w+)"\] {{ --left: {number}; --top: {number}; --width: {number}; --height: {number}; }}'
    said = {name: [float(each) for each in numbers] for name, *numbers in re.findall(rule, answer.text)}
    drawn = {name: [key.left, key.top, key.width, key.height] for name, key in shown.cards["anna"].keys.items()}
    assert said == {name: pytest.approx(box, abs=0.001) for name, box in drawn.items()}
    assert len(said) == 13


def test_the_hint_names_the_pin_while_the_card_has_it(shown: Demonstration, browser: Browsers) -> None:
    visitor = enter(shown, browser(), "anna")
    assert f"PIN of this card: {PIN}." in begin(browser(), "anna").page.text
    device = shown.system.devices(visitor.cookie)[0].id
    visitor.client.post("/pin", data={"csrf": visitor.csrf, "device": device})
    page = Page(visitor.client.post("/pin/new", data={"csrf": visitor.csrf, "pin": NEW, "again": NEW}))
    assert "PIN of this card: the new one" in page.text
    answer = response(shown.cards["anna"], page.shown, NEW)
    assert shown.system.change_pin(visitor.cookie, answer, NEW)
    assert "PIN of this card: the one chosen with the order" in begin(browser(), "anna").page.text


def test_a_card_that_does_not_come_back_costs_its_deposit(shown: Demonstration, browser: Browsers) -> None:
    visitor = enter(shown, browser(), "carl")
    visitor.open("/request")
    visitor.press("Continue", pin=NEW, again=NEW)
    visitor.press("Request the card")
    ivo = enter(shown, browser(), "ivo")
    ivo.open("/issuer")
    ivo.press("Make all cards")
    assert 'class="primary"' in ivo.page.html.partition("Mark as sent: ")[0][-40:], "it is what is to be done"
    ivo.press("Mark as sent")
    serial = shown.cards["carl"].serial
    sue, staff = enter(shown, browser(), "sue").cookie, shown.system.staff
    assert staff.identify(sue, "carl", CARL)
    card = next(each for each in staff.caller_devices(sue)[1] if each.label == serial)
    staff.report_loss(sue, card.id, Loss.STOLEN)
    assert f"{serial} State of the device stolen User name of the owner carl" in ivo.press("Continue", serial=serial).text
    assert ivo.press("Keep $20.00").notice == "The money was taken from the account, and its owner was notified."
    shown.system.deliver()
    assert f"charged 20 USD for the card {serial}" in shown.letters[-1].text


def test_messages_to_the_people_are_in_the_language_of_the_visitor(shown: Demonstration, browser: Browsers) -> None:
    for code, words in (("de", "Ihr Anmeldecode"), ("ru", "код для входа"), ("en", "Your login code")):
        visitor = browser(**{"accept-language": code})
        visitor.open("/login")
        visitor.post("/login", name="carl", password=DEMO_PASSWORD)
        device = re.search(r'value="(\w+)"[^>]*>\s*<label[^>]*>[^<]*SMS', visitor.page.html)
        assert device is not None, visitor.page.text
        visitor.post("/login/device", device=device[1])
        shown.system.deliver()
        assert words in next(each.text for each in reversed(shown.letters) if each.channel == "sms"), code


def test_only_the_message_of_a_step_is_shown_beside_its_field(shown: Demonstration, browser: Browsers) -> None:
    first, second = begin(browser(), "carl", "Code by SMS"), browser()
    own = newest_code(shown.letters)
    assert f"Your login code is {own}" in first.page.text
    assert 'class="letter' not in second.open("/stop").html, "the code of a login stops no change"
    shown.clock.ahead += 60
    begin(second, "carl", "Code by SMS")
    assert f"Your login code is {newest_code(shown.letters)}" in second.page.text
    assert f"Your login code is {own}" in first.open("/login/answer").text, "the other code is for another login"
    first.press("Log in", answer=own)
    first.open("/profile/email")
    page = first.press("Send a code", email="carl@example.net")
    assert ("confirm this email address" in page.text, "Your login code" in page.text) == (True, False)


def test_a_card_that_is_not_there_any_more_is_not_shown(shown: Demonstration, browser: Browsers) -> None:
    with shown.blank_card("anna"):
        assert shown.card_with("IB3000901") is None
        assert shown.card_with("") is None, "a blank card is no answer"
    visitor = begin(browser(), "anna")
    assert visitor.page.path == "/login/answer"
    assert "/card/press" not in visitor.page.html


def test_the_demonstration_has_statements_as_pdf(shown: Demonstration, browser: Browsers) -> None:
    anna = enter(shown, browser(), "anna")
    page = anna.open("/statements")
    assert "2025 Feb 15, 2026" in page.text
    forms = [form for form in page.forms if form.action == "/statements/pdf"]
    files = [anna.client.post(form.action, data=form.fields) for form in forms]
    assert {file.headers["content-type"] for file in files} == {"application/pdf"}
    assert {file.content[:5] for file in files} == {b"%PDF-"}
    assert len({file.content for file in files}) == len(files) == 3
    assert anna.post("/statements/pdf", statement="other").status == 404


@pytest.mark.parametrize(
    ("code", "title"), [("en", b"Tax form for 2025"), ("de", b"Steuerformular"), ("ru", b"Tax form for 2025")]
)
def test_a_statement_is_in_the_language_of_its_visitor(
    shown: Demonstration, browser: Browsers, code: str, title: bytes
) -> None:
    anna = enter(shown, browser(), "anna")
    anna.client.cookies.set("lang", code)
    form = next(each for each in anna.open("/statements").forms if each.fields.get("statement") == "tax-2025")
    assert title in anna.client.post(form.action, data=form.fields).content


def test_the_issuer_sees_dates_and_works_in_batches(
    shown: Demonstration, browser: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuer, "_BATCH", 1)
    system, token = shown.system, enter(shown, browser(), "carl").cookie
    account = system.context.read(lambda tx: user_named(tx.db, "carl")).account_id
    system.operator.add_user(account, "carl.work", DEMO_PASSWORD, email="carl.work@example.com", phone=None)
    for name in ("carl", "carl.work"):
        system.confirm_request(token, system.draft_request(token, NEW, name=name).id)
    shown.pass_days(2)
    ivo = enter(shown, browser(), "ivo")
    text = ivo.open("/issuer").text
    assert ("Made 0 of 2" in text, "Days of waiting: 2" in text, "2 Lake Street" in text) == (True, True, True)
    assert ivo.press("Make the next 1 cards").notice == "A batch of cards was made. Others are still waiting."
    assert "Made 1 of 2" in ivo.page.text
    assert ivo.press("Make all cards").notice == "All cards were made."
    page = ivo.press("Mark all 2 as sent")
    assert ("Are these cards sent?" in page.title, shown.cards["carl"].serial in page.text) == (True, True)
    assert ivo.press("All of these are sent").notice == "The cards are on their way."
    assert "No card is requested." in ivo.page.text
    for path in ("/issuer/make", "/issuer/ship-all"):
        assert Page(ivo.client.post(path, data={"csrf": ivo.csrf})).notice.startswith("None of these cards was waiting"), path
    ivo.open("/issuer")
    page = ivo.press("Record the arrival", serial="none")
    assert (page.title, page.status) == ("Issuing", 404), "the form can be corrected"


def test_cards_that_two_presses_of_the_button_make_are_made_once(shown: Demonstration, browser: Browsers) -> None:
    carl = enter(shown, browser(), "carl")
    shown.system.confirm_request(carl.cookie, shown.system.draft_request(carl.cookie, NEW).id)
    ivo = enter(shown, browser(), "ivo")
    ready = Barrier(2)

    def press(_number: int) -> str:
        with browsers(shown.system, demonstration=shown) as made:
            visitor = come_with(made(), ivo.cookie)
            visitor.open("/issuer")
            ready.wait(60)
            return visitor.press("Make all cards").notice

    with ThreadPoolExecutor(2) as pool:
        notices = sorted(pool.map(press, range(2)))
    assert notices == ["All cards were made.", "None of these cards was waiting any more. Nothing was changed."]
    assert shown.cards["carl"].serial == shown.system.staff.queue(ivo.cookie)[0].serial


def test_the_sent_messages_are_shown_by_day_and_by_channel(shown: Demonstration, browser: Browsers) -> None:
    assert "No message was sent yet." in browser().open("/outbox").text, "making the demonstration sends nothing"
    shown.give_card("anna", "IB3000950")
    page = browser().open("/outbox")
    days = re.findall(r"<h2[^>]*>(\w+\s\d+,\s\d+)</h2>", page.html)
    assert (len(days), "Email to anna@example.com, " in page.text) == (1, True)
    page = browser().open("/outbox?channel=voice")
    assert ("Email to" in page.text, "No message was sent yet." in page.text) == (False, True)
    assert ('href="/outbox?channel="' in page.html, 'href="/outbox?channel=voice"' in page.html) == (True, False)


def test_a_message_is_in_the_language_of_its_receiver_and_its_purpose_in_that_of_the_page(
    shown: Demonstration, browser: Browsers
) -> None:
    shown.give_card("anna", "IB3000950")
    german = browser(**{"accept-language": "de"})
    page = german.open("/outbox")
    assert "Gerät aktiviert anna: your device IB3000950 is now active." in page.text
    assert ('<blockquote lang="en">' in page.html, "Sprache des Empfängers: Englisch" in page.text) == (True, True)


def test_messages_are_in_the_language_that_their_receiver_chooses(shown: Demonstration, browser: Browsers) -> None:
    anna = enter(shown, browser(), "anna")
    anna.open("/profile")
    anna.client.post("/language", data={"csrf": anna.csrf, "path": "/profile", "code": "ru"})
    shown.give_card("anna", "IB3000950")
    shown.system.deliver()
    assert shown.letters[-1].language == "ru"


def test_a_message_may_arrive_while_the_others_are_listed(shown: Demonstration, browser: Browsers) -> None:
    class Channel(str):
        """A channel whose comparison takes so long that another message arrives."""

        def __eq__(self, other: object) -> bool:
            shown.letters.append(email)
            return str(self) == other

        __hash__ = str.__hash__

    shown.give_card("anna", "IB3000950")
    shown.system.deliver()
    email = shown.letters[-1]
    shown.letters.append(replace(email, channel=Channel("voice")))
    assert "Email to" in browser().open("/outbox?channel=email").text


def test_a_message_by_email_and_sms_is_one_entry(shown: Demonstration, browser: Browsers) -> None:
    shown.give_card("anna", "IB3000950")
    shown.system.deliver()
    email = shown.letters[-1]
    shown.letters.append(replace(email, channel="sms", address="+41795550123"))
    page = browser().open("/outbox")
    assert f"SMS to +41795550123 · Email to {email.address}, " in page.text
