"""The first page of the demonstration, the page of sent messages, and the extension that adds all pages to the portal."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

from starlette.responses import Response

from dsc_host.login import Letter
from dsc_host.login.messages.outbox import templates
from dsc_host.portal.components import INFO, SUCCESS, Actions, Badge, Empty, Filter, Item, Listing, Quote, Split
from dsc_host.portal.demo import card_pages, component_page, guide, phone_pages, statements
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PEOPLE, PIN, Demonstration
from dsc_host.portal.demo.guide import story_lines
from dsc_host.portal.demo.stories import Story
from dsc_host.portal.demo.story_runs import StoryRuns
from dsc_host.portal.languages import NAMES, Language
from dsc_host.portal.site import Extension, Handler, Visit
from dsc_host.portal.views import Link, View, button

_ICONS = {"email": "mail", "sms": "sms", "voice": "call"}
"""The icons of the channels of messages."""


def overview(demo: Demonstration, runs: StoryRuns, visit: Visit) -> Response:
    """Explain the demonstration, and list the stories. Beside the stories, list the people, for visitors who want no story."""
    _ = visit._
    words = (
        _("A login system with its security card, on your own machine. Everything here is invented."),
        _("The buttons beside the date move it, so that cards arrive and waiting changes take effect."),
    )
    beside = (_more(_), _people(demo, visit), _for_developers(_))
    return visit.show(View(_("Try the card"), words=words, blocks=(Split((_stories(runs, visit),), last=beside),)))


def _more(_: Language) -> Actions:
    """Return the links to the pages that belong to no story."""
    links = (
        ("mail", Link("/outbox", _("Sent messages"), _("all emails, SMS and calls"))),
        ("key", Link("/login", _("Log in"), _("as one of the people under “Or go your own way”"))),
    )
    return Actions(_("Also here"), links)


def _for_developers(_: Language) -> Actions:
    """Return the links for developers."""
    links = (
        ("list", Link(component_page.PATH, _("Components"), _("what the pages are made of"))),
        ("window", Link("", _("HTTP service"), _("not here: run “dscplus serve”, and open its page /docs"))),
    )
    return Actions(_("For developers"), links)


def _stories(runs: StoryRuns, visit: Visit) -> Listing:
    """Return the list of stories. The current story has the primary button, or else the first unfinished story has it."""
    _, lines, run = visit._, story_lines(runs, visit), runs.current(visit.request.cookies.get(guide.COOKIE, ""))
    undone = [story for story, done in lines if done != len(story.steps)]
    following = run.story if run is not None and run.story in undone else next(iter(undone), None)
    phones = {} if run is None else {run.story.id: guide.phone_due(runs, run)}
    items = [
        _story(_, number, story, done, following=story is following, phone=phones.get(story.id, ""))
        for number, (story, done) in enumerate(lines, 1)
    ]
    words = (_("A story tells you step by step what to do, and as whom."),)
    return Listing(_("Choose a story"), items, words=words, dense=True)


def _story(_: Language, number: int, story: Story, done: int | None, *, following: bool, phone: str) -> Item:
    """Return the line of a story. If the next step is on a phone, `phone` is the user name of the phone's owner."""
    title, steps, badge = _(story.title), len(story.steps), None
    if done is None or done == steps:
        action = button("/demonstration/story", _("Start") if done is None else _("Begin anew"), story=story.id)
    elif phone:
        action = button(guide.PHONE, _("Go on"), name=phone)
    else:
        action = button("/demonstration/current", _("Go on"), story=story.id)
    if done is not None:
        badge = Badge(guide.progress(_, story, done), SUCCESS if done == steps else INFO)
    actions = (replace(action, primary=following),)
    return Item(f"{number}. {title}", story.icon, badge, (_(story.summary),), actions, about=title)


def _people(demo: Demonstration, visit: Visit) -> Listing:
    _, is_free = visit._, not visit.is_logged_in()
    items = [
        Item(
            name,
            "person",
            details=(_(what),),
            actions=(
                *((button("/card", _("Card"), name=name),) if demo.card_of(name) else ()),
                button("/phone", _("Phone"), name=name),
            ),
            links=(Link(f"/login?name={name}", _("Log in")),) if is_free else (),
        )
        for name, what in PEOPLE.items()
    ]
    words = _("Everybody's password is “{password}”, and every card's PIN is {pin}.", password=DEMO_PASSWORD, pin=PIN)
    together = _("These people are the same for all visitors, and so is the date. A story has people of its own.")
    return Listing(_("Or go your own way"), items, words=(words, together), folded=True)


def outbox(demo: Demonstration, visit: Visit) -> Response:
    """Show the sent messages, the newest first, in a panel for each day. `channel` in the query selects one channel."""
    _, channel = visit._, visit.request.query_params.get("channel", "")
    shown = [each for each in reversed(demo.sent_letters()) if channel not in _ICONS or each.channel == channel]
    days = [Listing(day, [_letter(_, each) for each in _together(sent)], dense=True) for day, sent in groupby(shown, _day(_))]
    empty = Empty(_("No message was sent yet."), "mail", Link(guide.PATH, _("Choose a story")))
    words = (
        _("Nothing leaves this machine: emails, SMS and calls of the demonstration end here."),
        _("Each message is in the language of its receiver: the language in which you log in as that person."),
    )
    blocks = (_channels(_, channel), *(days or (Listing(_("Sent messages"), (), empty),)))
    return visit.show(View(_("Sent messages"), words=words, blocks=blocks, links=(Link(guide.PATH, _("Demonstration")),)))


def _together(sent: Iterable[Letter]) -> Sequence[Sequence[Letter]]:
    """Return the messages in groups. The messages of a group have the same text and time, for example an email and an SMS."""
    groups: dict[tuple[str, str, int], list[Letter]] = {}
    for each in sent:
        groups.setdefault((each.subject, each.text, int(each.at)), []).append(each)
    return list(groups.values())


def _day(_: Language) -> Callable[[Letter], str]:
    return lambda letter: _.date(letter.at)


def _channels(_: Language, current: str) -> Filter:
    """Return the links to the messages of each channel."""
    channels = {"": _("All"), "email": _("Emails"), "sms": "SMS", "voice": _("Calls")}
    links = [Link("" if each == current else f"/outbox?channel={each}", label) for each, label in channels.items()]
    return Filter(_("Show"), links)


def _letter(_: Language, sent: Sequence[Letter]) -> Item:
    """Return the item for one message, which may have been sent by several channels."""
    first = sent[0]
    ways = " · ".join(_way(_, each) for each in sent)
    details = (f"{ways}, {_.time(first.at)}", *_foreign(_, first.language))
    return Item(_purpose(_, first), _ICONS[first.channel], details=details, quote=Quote(first.text, first.language))


def _purpose(_: Language, letter: Letter) -> str:
    """Return the subject of a message, translated into the language of the page."""
    return templates().get(letter.template, {}).get(_.code, {}).get("subject", letter.subject)


def _foreign(_: Language, language: str) -> tuple[str, ...]:
    """Return a sentence that names the language of a message, if the page has another language."""
    if language == _.code:
        return ()
    return (_("Language of the receiver: {language}", language=_.language(language)),)


def _way(_: Language, letter: Letter) -> str:
    to = {
        "email": _("Email to {address}", address=letter.address),
        "sms": _("SMS to {address}", address=letter.address),
        "voice": _("Call to {address}", address=letter.address),
    }
    return to[letter.channel]


GET: Mapping[str, Callable[[Demonstration, Visit], Response]] = {
    "/outbox": outbox,
    "/card": card_pages.card,
    "/card.svg": card_pages.picture,
    "/card.json": card_pages.state,
    "/card.css": card_pages.style,
    "/phone": phone_pages.phone,
    component_page.PATH: component_page.components,
}
POST: Mapping[str, Callable[[Demonstration, Visit], Response]] = {
    "/demonstration/time": guide.pass_time,
    "/card": card_pages.pick,
    "/card/press": card_pages.press,
    "/phone": phone_pages.pick,
    "/phone/begin": phone_pages.begin,
    "/phone/activate": phone_pages.activate,
    "/phone/screen": phone_pages.screen,
    "/phone/notifications": phone_pages.notifications,
    "/phone/respond": phone_pages.respond,
    "/phone/respond/finger": phone_pages.respond_with_finger,
    "/phone/approve": phone_pages.approve,
    "/phone/approve/finger": phone_pages.approve_with_finger,
    "/phone/deny": phone_pages.deny,
    component_page.PATH: component_page.refused,
}


def _use_visitor_language(demo: Demonstration, visit: Visit) -> None:
    """Use the visitor's language for all later messages to the person whom the form names."""
    demo.set_language(visit.form.get("name", "").strip(), visit._.code)


def _use_chosen_language(demo: Demonstration, visit: Visit) -> None:
    """Use the language that the form names for all later messages to the user who is logged in."""
    code = visit.form.get("code", "")
    if code in NAMES and visit.is_logged_in():
        demo.set_language(visit.visitor().name, code)


def extension(demo: Demonstration) -> Extension:
    """Return the extension that adds the demonstration's pages to the portal."""

    def bound(pages: Mapping[str, Callable[[Demonstration, Visit], Response]]) -> Mapping[str, Handler]:
        return {path: partial(page, demo) for path, page in pages.items()}

    runs = StoryRuns(demo)
    pages: dict[str, Handler] = {**bound(GET), guide.PATH: partial(overview, demo, runs)}
    posts: dict[str, Handler] = {
        **bound(POST),
        "/demonstration/story": partial(guide.begin, runs),
        "/demonstration/current": partial(guide.choose, runs),
    }
    return Extension(
        home=Link(guide.PATH, "Demonstration"),
        pages=pages,
        posts=posts,
        secret=demo.secret,
        extend_page=partial(card_pages.with_card, demo),
        guide=partial(guide.guide, demo, runs),
        before={
            **dict.fromkeys(("/login", "/lost"), partial(_use_visitor_language, demo)),
            "/language": partial(_use_chosen_language, demo),
            "/statements/pdf": statements.set_language,
        },
        blank_card=demo.blank_card,
    )
