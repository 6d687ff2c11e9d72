"""The guide that the demonstration adds to every page: the date, the step of a story, and simulated messages and papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from dsc_host.errors import DscError, InputError
from dsc_host.login import Kind, Letter, NotFound
from dsc_host.portal import security
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PIN, Demonstration
from dsc_host.portal.demo.stories import LOGIN, STORIES, Step, Story, story_of
from dsc_host.portal.demo.story_runs import Performer, Run, StoryRuns
from dsc_host.portal.languages import Language
from dsc_host.portal.navigation import section_of
from dsc_host.portal.site import Visit
from dsc_host.portal.views import SentMessage, View
from dsc_host.portal.wording import DOCUMENTS

PATH = "/demonstration"
PHONE = "/phone"
LOST = "/lost"
COOKIE = "stories"
_SECONDS = 12 * 60 * 60
_SAME_SECONDS = 2
"""The time of a message and the time at the field that refers to the message differ by less than this many seconds."""
_JUMPS = (1, 7, 21)
_MOST_DAYS = 60

Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class StepLink:
    """A link of the guide, or a button with a form of its own."""

    href: str
    label: str
    fields: Mapping[str, str] | None = None
    """The hidden fields of the button's form. None for a link."""
    csrf: str = ""
    """The CSRF token of the button's form. If it is empty, the form has the visitor's CSRF token."""
    target: str = ""
    """The name of the window that the link or the button opens. Empty for the same window."""


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step as the guide shows it."""

    title: str
    text: str
    done: bool
    current: bool


@dataclass(frozen=True, slots=True)
class StoryGuide:
    """The visitor's story."""

    story: Story
    steps: Sequence[ShownStep]
    done: int
    login_data: Facts
    """The user name and the password that the current step needs on this page. Empty if the step needs neither here."""
    papers: Facts
    """The papers of the caller, if support asks for them in the current step."""
    following: Story | None
    """The story to continue with after the last step. None before that, and if no later story is unfinished."""
    links: Sequence[StepLink]
    """The links to the page of the current step, and to the phone if the story has a phone."""
    progress: str
    """The position in the story, in words, for example the number of the current step."""
    due: int = 0
    """The days that must pass in the current step. 0 if the visitor does the step on a page instead."""

    @property
    def step(self) -> ShownStep | None:
        """The current step, or None if all steps are done."""
        return next((each for each in self.steps if each.current), None)


@dataclass(frozen=True, slots=True)
class Guide:
    """The data of the guide on one page."""

    csrf: str
    date: str
    jumps: Sequence[tuple[int, str]]
    story: StoryGuide | None
    letter: Letter | None
    papers: Facts
    """The papers of the caller, if support asks the caller questions on this page."""
    phone: StepLink | None
    """The button for the phone that must answer the visitor's login. None if the visitor follows a story or needs no phone."""

    @property
    def side(self) -> str:
        """The name of the template that is drawn beside or above the form. Empty if there is no such template."""
        return "papers.html" if self.papers else "letter.html" if self.letter is not None else ""


def guide(demo: Demonstration, runs: StoryRuns, visit: Visit, view: View) -> Guide:
    """Return the guide for a page."""
    _, run = visit._, runs.current(visit.request.cookies.get(COOKIE, ""))
    labels = (_("+1 day"), _("+1 week"), _("+3 weeks"))
    story = None if run is None else _story(demo, runs, visit, run)
    letter = None if (sent := _sent(view)) is None else _letter(demo, sent)
    asked = any(field.name == "birth_date" for form in view.forms for field in form.fields)
    papers = story.papers if story is not None and asked else ()
    phone = _waiting_phone(demo, visit) if run is None else None
    jumps = tuple(zip(_JUMPS, labels, strict=True))
    return Guide(security.csrf(demo.secret), _.date(demo.clock()), jumps, story, letter, papers, phone)


def _story(demo: Demonstration, runs: StoryRuns, visit: Visit, run: Run) -> StoryGuide:
    _, done, steps = visit._, runs.done(run), run.story.steps
    count = progress(_, run.story, done)
    told = [_shown_step(_, run, each, number - done) for number, each in enumerate(steps)]
    if done == len(steps):
        return StoryGuide(run.story, told, done, (), (), _following(runs, visit, run.story), (), count)
    step = steps[done]
    caller = run.performers.get(step.papers)
    papers = () if caller is None else _papers(_, caller)
    links, due = _links(demo, visit, run, step), 0 if step.page else _JUMPS[-1]
    return StoryGuide(run.story, told, done, _login_data(visit, run, step), papers, None, links, count, due)


def progress(_: Language, story: Story, done: int) -> str:
    """Return the position in a story after `done` steps, in words: the number of the next step, or that it is finished."""
    steps = len(story.steps)
    return _("Step {number} of {all}", number=done + 1, all=steps) if done < steps else _("finished")


def _following(runs: StoryRuns, visit: Visit, story: Story) -> Story | None:
    """Return the first unfinished story after this story, or None if there is none."""
    open_ones = [each for each, done in story_lines(runs, visit) if done != len(each.steps)]
    return next((each for each in open_ones if STORIES.index(each) > STORIES.index(story)), None)


def _shown_step(_: Language, run: Run, step: Step, ahead: int) -> ShownStep:
    """Return a step as the guide shows it. `ahead` is its distance from the current step, negative for an earlier step."""
    title = _(step.title, name=run.performer_of(step).name, **run.values)
    return ShownStep(title, _(step.text, password=DEMO_PASSWORD, pin=PIN, **run.values), ahead < 0, ahead == 0)


def _visitor(visit: Visit) -> str:
    """Return the user name of the visitor, or empty text if nobody is logged in."""
    try:
        return visit.visitor().name
    except DscError:
        return ""


def _login_data(visit: Visit, run: Run, step: Step) -> Facts:
    """Return the user name and the password that the page asks for in this step. Return nothing if it asks for neither."""
    _, path = visit._, str(visit.request.scope["path"])
    # The page of a lost device needs no login. On the login, the guide leads to it instead of logging in.
    logs_in = path == LOGIN and step.page not in ("", LOST)
    key = step.person if logs_in else step.enters if path == step.page else ""
    return ((_("User name"), run.performers[key].name), (_("Password"), DEMO_PASSWORD)) if key else ()


def _papers(_: Language, caller: Performer) -> Facts:
    papers = caller.identity
    return (
        (_("Date of birth"), _.day(papers.birth_date)),
        (_("Citizenship"), _.country(papers.citizenship)),
        (_("Country of residence"), _.country(papers.residence)),
        (_("Document type"), _(DOCUMENTS[papers.document_type])),
        (_("Document number"), papers.document_number),
    )


def _links(demo: Demonstration, visit: Visit, run: Run, step: Step) -> tuple[StepLink, ...]:
    """Return the links to the page of a step, and to the phone if the story needs one."""
    owner = next((run.performer_of(each).name for each in run.story.steps if each.page == PHONE), "")
    found = (
        _login_button(visit, run, step),
        None if step.page == PHONE else _step_link(visit, step, run.performer_of(step).name),
        _phone(demo, visit, owner) if owner else None,
    )
    return tuple(each for each in found if each is not None)


def _login_button(visit: Visit, run: Run, step: Step) -> StepLink | None:
    """Return the button that logs in as the person of a step, with the password. Return None on other pages than the login."""
    data = _login_data(visit, run, step)
    if not data or str(visit.request.scope["path"]) != LOGIN or _visitor(visit):
        return None
    name = run.performer_of(step).name
    return StepLink(LOGIN, visit._("Log in as {name}", name=name), {"name": name, "password": DEMO_PASSWORD})


def _phone(demo: Demonstration, visit: Visit, owner: str) -> StepLink | None:
    """Return the button that opens a phone in a separate window. Return None on the page of this phone."""
    if _is_on_phone(visit) and visit.request.cookies.get("phone") == owner:
        return None
    label = visit._("Open the phone of {name}", name=owner)
    return StepLink(PHONE, label, {"name": owner}, security.csrf(demo.secret), "phone")


def _waiting_phone(demo: Demonstration, visit: Visit) -> StepLink | None:
    """Return the button for the phone whose app must answer the visitor's login, or None if the login waits for no app."""
    try:
        step = visit.system.step(visit.token)
    except DscError:
        return None
    waits = step.offer is not None and step.offer.kind is Kind.PHONE_APP and step.user in demo.people
    return _phone(demo, visit, step.user) if waits else None


def phone_due(runs: StoryRuns, run: Run) -> str:
    """Return the name of the user on whose phone the next step of a run is done, or empty text if the step needs no phone."""
    step = runs.next_step(run)
    return run.performer_of(step).name if step is not None and step.page == PHONE else ""


def _is_on_phone(visit: Visit) -> bool:
    return visit.page == PHONE


def _step_link(visit: Visit, step: Step, name: str) -> StepLink | None:
    """Return the link to the page of a step, or the button to log out first.

    Return None if the step has no page, or if the visitor is on the page already.
    """
    _, path = visit._, str(visit.request.scope["path"])
    # On the phone's page, open the link in the window of the login, so that the phone's window still shows the phone.
    target = "login" if _is_on_phone(visit) else ""
    visitor_name = _visitor(visit)
    if not step.page:
        return None
    if visitor_name and (visitor_name != name or step.page == LOGIN):
        return StepLink("/logout", _("Log out"), {}, target=target)
    page = step.page if visitor_name or step.page == LOST else LOGIN
    if path.startswith(page) or section_of(visit.page) == page:
        return None
    if page != LOGIN:
        return StepLink(page, _("Open the page “{page}”", page=_page_names(_)[page]), target=target)
    begun = visit.begun_login()
    return StepLink(
        "/login/answer" if begun is not None and begun.offer is not None else LOGIN, _("Go to the login"), target=target
    )


def _page_names(_: Language) -> Mapping[str, str]:
    """Return the titles of the pages on which steps begin, by path."""
    return {
        "/withdraw": _("Money"),
        "/request": _("Request a card"),
        "/issuer": _("Issuing"),
        "/desk": _("Support desk"),
        "/devices": _("Security devices"),
        "/share": _("Share a device"),
        "/protection": _("Protection and limits"),
        LOST: _("Lost device"),
    }


def _sent(view: View) -> SentMessage | None:
    """Return the message with the code that the page asks for, or None if the page asks for no such code."""
    fields = (field for form in view.forms for field in form.fields)
    return next((field.sent for field in fields if field.sent is not None), None)


def _letter(demo: Demonstration, sent: SentMessage) -> Letter | None:
    """Return the message that a field of the page refers to. Return None if it is not sent yet, or no longer kept."""
    wanted = (
        each
        for each in reversed(demo.sent_letters())
        if (each.template, each.values["name"]) == (sent.template, sent.user) and abs(each.at - sent.at) < _SAME_SECONDS
    )
    return next(wanted, None)


# ---- the forms ----


def begin(runs: StoryRuns, visit: Visit) -> Response:
    """Begin a story, or restart it, and redirect to the page of its first step. Log the visitor out first."""
    story = story_of(visit.value("story", 16))
    if story is None:
        raise NotFound("there is no such story")
    visitor = runs.begin(visit.request.cookies.get(COOKIE, ""), story, visit._.code)
    run = runs.current(visitor)
    response = visit.redirect(story.steps[0].page)
    if run is not None and story.steps[0].page == PHONE:
        visit.site.cookies.keep(response, "phone", run.performer_of(story.steps[0]).name, _SECONDS)
    if visit.is_logged_in():
        visit.system.leave(visit.token)
        visit.site.cookies.drop(response, visit.site.cookies.session)
    visit.site.cookies.keep(response, COOKIE, visitor, _SECONDS)
    return response


def choose(runs: StoryRuns, visit: Visit) -> Response:
    """Continue a story that the visitor has begun, on the page of its current step. If no story is named, leave all stories.

    If the current step has no page or is done on the phone, show the demonstration's first page.
    """
    visitor = visit.request.cookies.get(COOKIE, "")
    runs.resume(visitor, visit.value("story", 16))
    step = runs.next_step(runs.current(visitor))
    page = "" if step is None else step.page
    return visit.redirect(page if page not in ("", PHONE) else PATH)


def pass_time(demo: Demonstration, visit: Visit) -> Response:
    """Advance the clock by the number of days in the form, 1 to 60, and show the same page again."""
    text, path = visit.value("days", 2), visit.value("path")
    days = int(text) if text.isascii() and text.isdigit() else 0
    if not 0 < days <= _MOST_DAYS:
        raise InputError("days", "must be 1 to 60")
    demo.pass_days(days)
    return visit.redirect(path if path.partition("?")[0] in visit.site.pages else PATH, notice="time")


def story_lines(runs: StoryRuns, visit: Visit) -> Sequence[tuple[Story, int | None]]:
    """Return the stories, each with the number of steps that the visitor has done. For a story without a run, it is None."""
    visitor = visit.request.cookies.get(COOKIE, "")
    began = [(story, runs.run_of(visitor, story)) for story in STORIES]
    return [(story, None if run is None else runs.done(run)) for story, run in began]
