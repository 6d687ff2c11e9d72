"""The languages of the pages: every sentence has a translation in each, and visitors get a language that they read."""

import re
import string
from decimal import Decimal
from importlib.resources import files
from unicodedata import name

import pytest
from babel.messages.pofile import read_po
from tests.host.login.scenario import Scenario
from tests.host.portal.browser import Browsers, enter
from tests.host.portal.sentences import sentences

from dsc_host.errors import TooManyChallenges
from dsc_host.login import Kind, NotAllowed, TooManyAttempts
from dsc_host.portal.instructions import INSTRUCTIONS, marked
from dsc_host.portal.languages import NAMES, NONE, load, negotiated
from dsc_host.portal.wording import explained

TRANSLATED = [code for code in NAMES if code != "en"]


def catalogue(code: str) -> dict[str, str]:
    with files("dsc_host.portal").joinpath("locale", f"{code}.po").open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file, locale=code) if each.id}


def holes(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated_and_none_is_left_over(code: str) -> None:
    said, known = sentences(), catalogue(code)
    assert len(said) > 400
    assert {text: where for text, where in said.items() if not known.get(text)} == {}
    assert set(known) - set(said) == set()


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_the_same_values_put_in(code: str) -> None:
    wrong = {text: other for text, other in catalogue(code).items() if holes(text) != holes(other)}
    assert wrong == {}


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_ends_as_its_sentence_does(code: str) -> None:
    ends = (".", "?", ":")
    wrong = {text: other for text, other in catalogue(code).items() if text.endswith(ends) != other.endswith(ends)}
    assert wrong == {}


@pytest.mark.parametrize("code", NAMES)
def test_instructions_mark_the_keys_and_the_display_and_escape_the_rest(code: str) -> None:
    first, second, _ = (marked(load()[code](each)) for each in INSTRUCTIONS[Kind.DSC_PLUS])
    assert re.findall("<.*?>.*?</.*?>", first) == ["<kbd>press</kbd>", "<samp>PIN&gt;</samp>", "<kbd>OK</kbd>"]
    assert re.findall("<.*?>.*?</.*?>", second) == ["<samp>CHALLNG&gt;</samp>", "<kbd>OK</kbd>"]
    assert marked("<b> {ok} {number}", number="<i> {press}") == "&lt;b&gt; <kbd>OK</kbd> &lt;i&gt; {press}"


def test_russian_is_written_in_russian() -> None:
    plain = {text for text, other in catalogue("ru").items() if not any("CYRILLIC" in name(each, "") for each in other)}
    assert plain == set()


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        ("", "", "en"),
        ("", "de", "de"),
        ("", "de-CH,en;q=0.5", "de"),
        ("", "fr, ru;q=0.8, de;q=0.9", "de"),
        ("", "fr, ru ; q=0.8, de; Q=0.9", "de"),
        ("", "ru;q=0.5, de;q=0.5", "ru"),
        ("", "ru-RU;q=0.1, de;q=0.5, ru", "ru"),
        ("", "ru;q=0", "en"),
        ("", "ru;q=x, de;q=0.1", "de"),
        ("", ";q=1,,=,\x00", "en"),
        ("", "de," * 10_000, "de"),
        ("ru", "de", "ru"),
        ("xx", "de", "de"),
        ("../de", "", "en"),
    ],
)
def test_which_language_a_visitor_gets(chosen: str, accepted: str, code: str) -> None:
    assert negotiated(load(), chosen, accepted).code == code


def test_the_page_is_in_the_language_that_was_picked_and_says_so(browser: Browsers) -> None:
    visitor = browser(**{"accept-language": "ru"})
    assert (visitor.page.title, '<html lang="ru">' in visitor.page.html) == ("Войти", True)
    page = visitor.press("Deutsch")
    assert (page.path, page.title, '<html lang="de">' in page.html) == ("/login", "Anmelden", True)
    assert visitor.press("English").title == "Log in"


def test_the_language_may_be_picked_where_a_form_has_led(scenario: Scenario, browser: Browsers) -> None:
    visitor = browser()
    assert visitor.press("Continue", name="anna", password="wrong, all of it").status == 401
    assert visitor.press("Deutsch").title == "Anmelden"
    anna = enter(scenario, browser())
    anna.open(f"/devices/device?device={scenario.device(anna.cookie, Kind.DSC_PLUS)}")
    assert anna.press("Change the PIN").title == "Change the PIN of the card"
    page = anna.press("Deutsch")
    assert (page.status, page.path, page.title) == (200, "/devices", "Sicherheitsgeräte")


def test_the_language_is_picked_in_the_header_too(scenario: Scenario, browser: Browsers) -> None:
    visitor, anna = browser(), enter(scenario, browser())
    for page in (visitor.page, anna.page):
        header = page.html[page.html.index("<header>") : page.html.index("</header>")]
        assert [name for name in NAMES.values() if f">{name}</button>" not in header] == []


def test_the_page_keeps_its_query_in_another_language(scenario: Scenario, browser: Browsers) -> None:
    anna = enter(scenario, browser())
    anna.open("/events?page=2")
    assert str(anna.press("Deutsch").response.url).endswith("/events?page=2")
    query = f"page=2&unknown={'a' * 180}"
    anna.open(f"/events?{query}")
    assert str(anna.press("Deutsch").response.url).endswith(f"/events?{query}")
    for query in ("page=%0d%0a", "page=%2f%2fevil", "x=//evil.example", "a" * 201):
        anna.open(f"/events?{query}")
        assert str(anna.press("English").response.url).endswith("/events"), query


def test_errors_are_in_the_visitors_language(scenario: Scenario, browser: Browsers) -> None:
    visitor = browser(**{"accept-language": "de"})
    assert visitor.press("Weiter", name="anna", password="falsch, alles").error == "Benutzername oder Passwort ist falsch."
    assert _refused_pin(scenario, browser) == "Die PIN darf nicht viermal dieselbe Ziffer sein."


def _refused_pin(scenario: Scenario, browser: Browsers) -> str:
    carl = enter(scenario, browser(**{"accept-language": "de"}), "carl")
    carl.open("/request")
    return carl.press("Weiter", pin="1111", again="1111").error


def test_days_moments_and_amounts_are_written_as_the_language_does() -> None:
    languages = load()
    assert [languages[code].day("2026-11-24") for code in ("en", "de")] == [
        "November\xa024,\xa02026",
        "24.\xa0November\xa02026",
    ]
    assert languages["ru"].day("2026-11-24").startswith("24\xa0")
    assert [languages[code].date(0.0) for code in ("en", "de")] == ["Jan\xa01,\xa01970", "01.01.1970"]
    assert languages["de"].dollars(Decimal("1250.5")) == "1.250,50\xa0$"
    assert languages["de"].moment(0.0) == "01.01.1970, 00:00\xa0UTC"
    assert languages["en"].moment(None) == NONE


def test_a_wait_of_less_than_a_second_is_shown_as_one_second() -> None:
    assert explained(TooManyChallenges("", 0.2), load()["en"]).endswith("Try again in 1 s.")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (119.5, "120 s"),
        (120, "120 s"),
        (120.5, "3 min"),
        (3600, "60 min"),
        (7200, "120 min"),
        (7200.5, "3 h"),
        (86_400, "24 h"),
    ],
)
def test_a_long_wait_is_given_in_minutes_or_hours_rounded_up(seconds: float, words: str) -> None:
    assert explained(TooManyAttempts(seconds), load()["en"]) == f"Too many attempts; try again in {words}."


def test_a_value_cannot_put_another_value_in() -> None:
    said = explained(
        NotAllowed("only the account's primary user may change its security settings; ask {name}", name="{x} {0}"), load()["de"]
    )
    assert said.startswith("Nur der Hauptnutzer, {x} {0}, ")


def test_a_russian_date_which_has_a_dot_itself_ends_no_sentence() -> None:
    assert load()["ru"].day("2026-12-02").endswith(".")
    wrong = {other for other in catalogue("ru").values() if re.search(r"\{(day|date|first|last)\}\.", other)}
    assert wrong == set()


def test_regions_have_names_in_each_language_and_other_names_stay() -> None:
    languages = load()
    assert languages["de"].region("Europe") == "Europa"
    assert languages["ru"].region("United States and Canada") == "Соединенные Штаты и Канада"
    assert [languages[code].region("Head office and Europe") for code in ("en", "de")] == ["Head office and Europe"] * 2
    assert [languages[code].region("Hong Kong") for code in ("en", "de")] == ["Hong Kong", "Hongkong"]
    assert ("MO", "Macau") in languages["de"].countries()
    assert languages["de"].region("") == ""
