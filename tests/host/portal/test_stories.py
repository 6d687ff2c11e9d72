"""The stories of the demonstration: each run has people of its own, and only the log decides which steps are done."""

import re
from collections.abc import Iterator
from string import Formatter

import pytest
from tests.host.portal.browser import Browser, Browsers, Page, browsers

from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PIN, Demonstration
from dsc_host.portal.demo.stories import STORIES, Story, story_of
from dsc_host.portal.demo.story_runs import StoryRuns


@pytest.fixture
def browser(shown: Demonstration) -> Iterator[Browsers]:
    with browsers(shown.system, demonstration=shown) as made:
        yield made


@pytest.fixture
def login() -> Story:
    found = story_of("login")
    assert found is not None
    return found


def start(visitor: Browser, number: int = 0) -> Browser:
    visitor.open("/demonstration")
    visitor.press("Start", number)
    return visitor


def enter(shown: Demonstration, visitor: Browser, name: str) -> Browser:
    visitor.open("/login")
    page = visitor.press("Continue", name=name, password=DEMO_PASSWORD)
    card = shown.cards[name]
    for key in ("PRESS", *PIN, "OK", *page.shown, "OK"):
        card.press(key)
    assert visitor.press("Log in", answer=card.display).path == "/"
    return visitor


def test_the_list_leads_on_with_the_story_that_was_begun(browser: Browsers) -> None:
    def primary() -> list[str]:
        return re.findall(r'class="primary"[^>]*>([^<]+)', visitor.open("/demonstration").html)

    visitor = browser()
    assert primary() == ["Start"]
    start(visitor, 4)
    assert (visitor.page.path, "Phone of noah" in visitor.page.text) == ("/phone", True), "its first step is on the phone"
    assert primary() == ["Go on"]
    assert (visitor.press("Go on").path, "Phone of noah" in visitor.page.text) == ("/phone", True), "the step is there"
    visitor.press("Leave the story")
    assert primary() == ["Start"]


def test_the_guide_logs_in_as_the_person_of_the_step(shown: Demonstration, browser: Browsers) -> None:
    visitor = start(browser())
    assert "Log in as emma" in visitor.open("/login").text
    assert visitor.press("Log in as emma").path == "/login/answer"
    assert "Log in as emma</button>" not in visitor.page.html, "the page asks for the card"
    other = browser()
    assert "Log in as" not in other.open("/login").text, "a visitor without a story"
    assert DEMO_PASSWORD not in other.page.html


def test_the_list_and_the_guide_count_the_steps_in_one_way(shown: Demonstration, browser: Browsers) -> None:
    def counted(page: Page) -> list[str]:
        return re.findall(r'class="badge \w+">(Step \d of \d|finished)<', page.html)

    visitor = start(browser())
    assert counted(visitor.open("/demonstration")) == ["Step 1 of 3"] * 2, "beside the page, and in the list"
    enter(shown, visitor, "emma").open("/withdraw")
    visitor.press("Continue", amount="5000")
    visitor.press("Withdraw $5,000.00")
    assert counted(visitor.open("/demonstration")) == ["finished"] * 2


def test_a_story_has_one_line_and_one_button_in_the_list(browser: Browsers) -> None:
    visitor = start(browser())
    rows = re.findall("<li>.*?</li>", visitor.open("/demonstration").html.partition("Choose a story")[2], re.DOTALL)
    assert [row.count("<button") for row in rows[: len(STORIES)]] == [1] * len(STORIES)
    assert {row.count('class="detail"') for row in rows[: len(STORIES)]} == {1}


def test_a_new_visitor_is_led_to_the_stories(browser: Browsers) -> None:
    visitor = browser()
    visitor.client.cookies.clear()
    page = visitor.open("/")
    assert (page.path, page.title) == ("/demonstration", "Try the card")
    assert [story.title for story in STORIES if story.title not in page.text] == []
    assert "HTTP service not here: run “dscplus serve”, and open its page /docs" in page.text
    assert browser().open("/").path == "/login", "who has been here before wants to log in"
    assert '<a class="button primary" href="/demonstration">Demonstration</a>' in browser().open("/nowhere").html


def test_steps_are_ticked_by_what_was_done_and_not_by_pages(shown: Demonstration, browser: Browsers) -> None:
    visitor = start(browser())
    assert "Log in with the card Step 1 of 3 1/3 Log in as emma" in visitor.page.text
    for path in ("/login", "/demonstration", "/outbox", "/card?name=emma"):
        assert "Step 1 of 3" in visitor.open(path).text
    assert "Step 3 of 3" in enter(shown, visitor, "emma").page.text
    assert ("Open the page “Money”" in visitor.page.text, "Password" in visitor.page.text) == (True, False)
    assert "Open the page" not in visitor.open("/deposit").text
    assert "Step 3 of 3" in visitor.open("/withdraw").text
    assert "Step 3 of 3" in visitor.press("Continue", amount="5000").text, "it is not withdrawn yet"
    assert "This story is finished." in visitor.press("Withdraw $5,000.00").text
    page = visitor.press("Next: Order a card and wait three weeks")
    assert (page.path, "Order a card and wait three weeks Step 1 of 5" in page.text) == ("/login", True)


def test_a_step_tells_what_its_login_asks_for_and_no_more(shown: Demonstration, browser: Browsers) -> None:
    def told(path: str = "") -> set[str]:
        page = visitor.open(path) if path else visitor.page
        return {word for word in ("User name", "Password") if f"<dt>{word}</dt>" in page.html}

    visitor = start(browser())
    assert told("/login") == {"User name", "Password"}
    visitor.press("Continue", name="emma", password=DEMO_PASSWORD)
    assert (visitor.page.path, told()) == ("/login/answer", set()), "the card says its PIN"
    assert (told("/contact"), told("/login")) == (set(), {"User name", "Password"})
    visitor = start(browser(), 2)
    assert (visitor.page.path, told()) == ("/lost", {"User name", "Password"})
    assert (told("/login"), "Log in as lena<" in visitor.page.html) == (set(), False), "the step needs no login"
    assert "Open the page “Lost device”" in visitor.page.text


def test_after_an_error_a_link_leads_back_to_the_step(browser: Browsers) -> None:
    visitor = start(browser())
    assert 'href="#guide"' not in visitor.open("/login").html
    page = visitor.press("Continue", name="emma", password="wrong")
    assert '<a href="#guide">Step 1 of 3: Log in as emma</a></p>' in page.html
    assert '<aside class="guide" id="guide"' in page.html
    other = browser()
    other.open("/login")
    assert 'href="#guide"' not in other.press("Continue", name="emma", password="wrong").html, "a visitor without a story"


def test_a_step_counts_only_after_the_one_before(shown: Demonstration, login: Story) -> None:
    runs = StoryRuns(shown)
    run = runs.current(runs.begin("", login, "en"))
    assert run is not None
    step = shown.system.begin("emma", DEMO_PASSWORD)
    assert runs.done(run) == 1
    shown.system.choose(step.token, step.choices[0].id)
    assert runs.done(run) == 1, "an offer is no login"


def test_two_visitors_have_people_of_their_own(shown: Demonstration, browser: Browsers) -> None:
    one, other = start(browser()), start(browser())
    assert ("User name emma Password" in one.page.text, "User name alma Password" in other.page.text) == (True, True)
    enter(shown, one, "emma")
    assert "Step 3 of 3" in one.open("/demonstration").text
    assert "Step 1 of 3" in other.open("/demonstration").text


def test_a_story_is_begun_anew_and_left(shown: Demonstration, browser: Browsers) -> None:
    visitor = enter(shown, start(browser()), "emma")
    page = visitor.press("Begin anew")
    assert ("Step 1 of 3" in page.text, "User name alma" in page.text) == (True, True)
    assert (page.path, "Log out" in page.text) == ("/login", False), "emma is another person now"
    visitor.press("Leave the story")
    assert "User name alma" not in visitor.page.text
    page = visitor.press("Go on")
    assert (page.path, "User name alma" in page.text) == ("/login", True)


def test_the_oldest_runs_lose_their_cards(shown: Demonstration, login: Story) -> None:
    runs = StoryRuns(shown, most=2)
    visitors = [runs.begin("", login, "en") for _ in range(3)]
    assert [runs.current(visitor) is not None for visitor in visitors] == [False, True, True]
    assert ["emma" in shown.cards, "alma" in shown.cards, "emma" in shown.people] == [False, True, False]


def test_a_code_drops_in_beside_the_form_that_wants_it(browser: Browsers) -> None:
    visitor, other = start(browser(), 1), start(browser(), 1)
    for each, name in ((visitor, "finn"), (other, "adam")):
        each.open("/login")
        each.press("Continue", name=name, password=DEMO_PASSWORD)
        each.press("Continue")
    assert "A message to +4179" not in visitor.open("/login").text
    for each in (visitor, other):
        page = each.open("/login/answer")
        code = page.text.partition("Your login code is ")[2][:6]
        assert each.press("Log in", answer=code).path == "/"


def test_time_passes_on_the_page_that_is_open(shown: Demonstration, browser: Browsers) -> None:
    visitor, before = browser(), shown.clock()
    visitor.open("/contact")
    page = visitor.press("+1 week")
    assert page.path == "/contact"
    assert 7 * 86_400 <= shown.clock() - before < 8 * 86_400
    csrf = next(form.fields["csrf"] for form in page.forms if form.action == "/demonstration/time")
    for path in ("//evil.example", "https://evil.example/", "/nowhere", "/logout", ""):
        body = {"csrf": csrf, "days": "1", "path": path}
        assert visitor.client.post("/demonstration/time", data=body).url.path == "/demonstration"


@pytest.mark.parametrize("name", ["", "nothing", "login ", "__class__"])
def test_another_story_is_refused(browser: Browsers, name: str) -> None:
    visitor = browser()
    visitor.open("/demonstration")
    csrf = next(form.fields["csrf"] for form in visitor.page.forms if form.action == "/demonstration/story")
    assert visitor.client.post("/demonstration/story", data={"csrf": csrf, "story": name}).status_code == 404


def test_each_text_names_only_what_its_story_has() -> None:
    for story in STORIES:
        known = {"password", "pin", "serial", *(person.key for person in story.people)}
        named = {name for step in story.steps for _, name, _, _ in Formatter().parse(step.text) if name}
        assert named <= known, story.id
        titles = {name for step in story.steps for _, name, _, _ in Formatter().parse(step.title) if name}
        assert titles <= known | {"name"}, story.id
        assert {step.person for step in story.steps} <= known
