"""The stories of the demonstration: the steps, the person who does each step, and the log entries that show it is done.

A text may contain `{KEY}` for the user name of the person with this key, for example `{lena}`. It may also contain
`{password}`, `{pin}` and `{serial}`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc_host.login import Kind, Role

LOGIN = "/login"


@dataclass(frozen=True, slots=True)
class Person:
    """A person in a story. Each run of the story gets a new user for each person."""

    key: str
    """The key of the person in the story, and the user name. If the name is taken already, a run has another first name."""
    what: str
    """A phrase that says who the person is."""
    role: Role = Role.CUSTOMER
    card: bool = False
    phone: bool = False
    """Whether the user has a confirmed phone number, to which codes are sent."""
    second_of: str = ""
    """The key of another person, if this is a second user of that person. The user name is then, for example, `mia.work`."""
    born: str = "1980-05-17"


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry of the audit log about a person's user."""

    person: str
    entry: str
    """The action, without the prefix `login.`, and the outcome, for example `enter done`."""
    kind: Kind | None = None
    """The device kind in the entry. None if entries with any kind count."""
    reason: str = ""
    """The reason in the entry. Empty if entries with any reason count."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a story. It is done when all its entries are in the log, after the entries of the previous step."""

    title: str
    """The name of the step in a few words. It may contain `{name}` for the user name of the person who does the step."""
    text: str
    person: str
    """The key of the person whose part the visitor plays."""
    page: str
    """The path of the page on which the step begins: `/phone` for a step on the phone, and empty for a step that only waits."""
    happenings: Sequence[Happening]
    papers: str = ""
    """The key of the person whose papers support asks for in this step."""
    enters: str = ""
    """The key of the person whose name and password the visitor enters on `page`, if that page is not the login."""


@dataclass(frozen=True, slots=True)
class Story:
    """A story: some people and some steps."""

    id: str
    icon: str
    title: str
    summary: str
    people: Sequence[Person]
    steps: Sequence[Step]


_CLERK = Person("tom", "works at support", Role.SUPPORT, card=True)
_ISSUER = Person("uma", "makes and sends the cards", Role.ISSUER, card=True)


STORIES: Sequence[Story] = (
    Story(
        "login",
        "card",
        title="Log in with the card",
        summary="The page asks, and the card answers.",
        people=(Person("emma", "has a card", card=True),),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {emma}, with the user name and the password that follow.",
                "emma",
                LOGIN,
                (Happening("emma", "password done"),),
            ),
            Step(
                "Answer with the card",
                "Follow the steps on the page. The PIN is {pin}.",
                "emma",
                LOGIN,
                (Happening("emma", "enter done", Kind.DSC_PLUS),),
            ),
            Step(
                "Withdraw 5,000 US dollars",
                "You are in. On the page Money, withdraw 5,000 US dollars. With this card, withdrawals are unlimited.",
                "emma",
                "/withdraw",
                (Happening("emma", "withdraw done"),),
            ),
        ),
    ),
    Story(
        "order",
        "parcel",
        title="Order a card and wait three weeks",
        summary="From the request to the parcel.",
        people=(Person("finn", "has codes by SMS, and no card yet", phone=True), _ISSUER),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {finn} with a code by SMS. The message appears beside the field for the code.",
                "finn",
                LOGIN,
                (Happening("finn", "enter done", Kind.SMS),),
            ),
            Step(
                "Request a card",
                "Request a card. Choose a PIN for it, and remember the PIN.",
                "finn",
                "/request",
                (Happening("finn", "card.request done"),),
            ),
            Step(
                "Make and send the card as {name}",
                "Now be {uma}, who makes the cards: log in, make all cards, and press “Mark as sent” for the card of {finn}.",
                "uma",
                "/issuer",
                (Happening("finn", "card.personalize done"), Happening("finn", "card.ship done")),
            ),
            Step(
                "Let three weeks pass",
                "The parcel takes two weeks, and a week later the card activates itself. Press “+3 weeks” beside the date.",
                "finn",
                "",
                (Happening("finn", "activate done"),),
            ),
            Step(
                "Log in with the new card",
                "Log in as {finn} with the new card and the PIN that you chose. Weeks have passed, so every session has ended.",
                "finn",
                LOGIN,
                (Happening("finn", "enter done", Kind.DSC_PLUS),),
            ),
        ),
    ),
    Story(
        "lose",
        "warning",
        title="Lose the card",
        summary="Suspend it, call support, and log in without it.",
        people=(Person("lena", "has lost her card", card=True), _CLERK),
        steps=(
            Step(
                "Suspend the card of {name}",
                "The card of {lena} is gone. Suspend it on the page for lost devices: the password is enough for that.",
                "lena",
                "/lost",
                (Happening("lena", "loss.report suspended"),),
                enters="lena",
            ),
            Step(
                "Answer the call of {lena} as {name}",
                "She calls support. As {tom}, log in, search for {lena}, and ask the questions. The page shows her answers.",
                "tom",
                "/desk",
                (Happening("lena", "desk.identify done"),),
                papers="lena",
            ),
            Step(
                "Take the card out of use, and give a code",
                "Take the card of {lena} out of use: choose Lost. Then give her a temporary code, and copy the code.",
                "tom",
                "/desk",
                (Happening("lena", "desk.loss done"), Happening("lena", "desk.temporary-code done")),
            ),
            Step(
                "Log in with the temporary code",
                "Copy the code before you leave the page, or give a new code. Then be {lena} again, and log in with the code.",
                "lena",
                LOGIN,
                (Happening("lena", "enter done", Kind.TEMPORARY_CODE),),
            ),
            Step(
                "Get an online security code card",
                "On the overview or on Security devices, get this card. Activate it with the two codes that the page asks for.",
                "lena",
                "/devices",
                (Happening("lena", "online-card.request done"), Happening("lena", "activate done", Kind.ONLINE_CARD)),
            ),
        ),
    ),
    Story(
        "share",
        "people",
        title="Share the card",
        summary="Two user names, one card for both.",
        people=(
            Person("mia", "has a card", card=True),
            Person("work", "her second user name, with codes by SMS", phone=True, second_of="mia"),
        ),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {work}, the second user name of {mia}, with a code by SMS.",
                "work",
                LOGIN,
                (Happening("work", "enter done", Kind.SMS),),
            ),
            Step(
                "Share the card of {mia}",
                "Share a device. Your other user name is {mia}, its password “{password}”. Answer with the card of {mia}.",
                "work",
                "/share",
                (Happening("work", "share.prove done"),),
                enters="mia",
            ),
            Step(
                "Check what is shared",
                "Check what is shared, and share the device.", "work", "/share", (Happening("work", "share.confirm done"),)),
            Step(
                "Log in with the shared card",
                "Log out, and log in as {work} with the card that is now shared.",
                "work",
                LOGIN,
                (Happening("work", "enter done", Kind.DSC_PLUS),),
            ),
        ),
    ),
    Story(
        "push",
        "phone",
        title="Approve a push",
        summary="Let the next login ring on a phone.",
        people=(Person("noah", "has a phone", phone=True),),
        steps=(
            Step(
                "Activate the app on the phone",
                "Open the phone of {noah}, and activate its app with the code by SMS. Choose a PIN, and remember it.",
                "noah",
                "/phone",
                (Happening("noah", "phone.activate done"),),
                enters="noah",
            ),
            Step(
                "Log in with the app",
                "Log in as {noah} with the app. The page shows a number, and waits.",
                "noah",
                LOGIN,
                (Happening("noah", "offer done", reason=Kind.PHONE_APP),),
            ),
            Step(
                "Approve the login on the phone",
                "On the phone, type the number from the login page and the PIN of the app, and approve the login.",
                "noah",
                "/phone",
                (Happening("noah", "phone.approve done"),),
            ),
            Step(
                "Look at the login page again",
                "Look at the login page again: it lets {noah} in.",
                "noah",
                LOGIN,
                (Happening("noah", "enter done", Kind.PHONE_APP),),
            ),
        ),
    ),
    Story(
        "opt-out",
        "shield-off",
        title="Opt out of the protection",
        summary="See what that costs, and opt back in.",
        people=(Person("olga", "has a card, and finds it tedious", card=True),),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {olga} with the card. Its PIN is {pin}.",
                "olga",
                LOGIN,
                (Happening("olga", "enter done", Kind.DSC_PLUS),),
            ),
            Step(
                "Opt out of the protection",
                "On the page Protection and limits, opt out. Read first what you lose.",
                "olga",
                "/protection",
                (Happening("olga", "opt-out done"),),
            ),
            Step(
                "Log in without a device",
                "Log out, and log in again without a device.",
                "olga",
                LOGIN,
                (Happening("olga", "enter done", reason="trading"),),
            ),
            Step(
                "Try to withdraw 200,000 US dollars",
                "Try to withdraw 200,000 US dollars: without the protection, this is refused.",
                "olga",
                "/withdraw",
                (Happening("olga", "withdraw refused"),),
            ),
            Step(
                "Log in with the card",
                "Log out, and log in with the card once more.",
                "olga",
                LOGIN,
                (Happening("olga", "enter done", Kind.DSC_PLUS),),
            ),
            Step(
                "Opt back in",
                "On the page Protection and limits, opt back in.",
                "olga",
                "/protection",
                (Happening("olga", "opt-in done"),),
            ),
        ),
    ),
    Story(
        "support",
        "call",
        title="Call support",
        summary="Be the one who answers the call.",
        people=(Person("paul", "calls from a hotel; his card is at home", card=True), _CLERK),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {tom}, who answers the calls. Support needs a card too: its PIN is {pin}.",
                "tom",
                LOGIN,
                (Happening("tom", "enter done"),),
            ),
            Step(
                "Ask {paul} the questions",
                "Search for {paul}, and ask him the questions. His answers appear beside them.",
                "tom",
                "/desk",
                (Happening("paul", "desk.identify done"),),
                papers="paul",
            ),
            Step(
                "Give a temporary code",
                "Give him a temporary code. Copy the code: it is shown only once.",
                "tom",
                "/desk",
                (Happening("paul", "desk.temporary-code done"),),
            ),
            Step(
                "Log in with the temporary code",
                "Copy the code before you leave the page, or give a new code. Then be {paul}, and log in with the code.",
                "paul",
                LOGIN,
                (Happening("paul", "enter done", Kind.TEMPORARY_CODE),),
            ),
        ),
    ),
    Story(
        "return",
        "mail",
        title="Send the card back",
        summary="Announce it, mail it, and see it arrive.",
        people=(Person("rosa", "no longer wants her card", card=True, phone=True), _ISSUER),
        steps=(
            Step(
                "Log in as {name}",
                "Log in as {rosa} with the card. Its PIN is {pin}.",
                "rosa",
                LOGIN,
                (Happening("rosa", "enter done", Kind.DSC_PLUS),),
            ),
            Step(
                "Send the card back",
                "On the page Security devices, open the card's details, and send the card back. Any tracking number will do.",
                "rosa",
                "/devices",
                (Happening("rosa", "card.return done"),),
            ),
            Step(
                "Confirm as {name} that the card arrived",
                "The parcel is already with {uma}. Log in, and confirm that the card with the serial {serial} was received.",
                "uma",
                "/issuer",
                (Happening("rosa", "card.receive done"),),
            ),
        ),
    ),
)  # fmt: skip


def story_of(name: str) -> Story | None:
    """Return the story with this id, or None."""
    return next((story for story in STORIES if story.id == name), None)
