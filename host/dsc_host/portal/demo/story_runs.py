"""The runs of stories. Each run has new users, so that a visitor can restart a story, and visitors do not affect each other.

All runs share the login system and its clock.
"""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, count

from sqlalchemy import func, select

from dsc_host.login import Identity
from dsc_host.login.rows import devices
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, Demonstration
from dsc_host.portal.demo.stories import Happening, Person, Step, Story
from dsc_host.records.tables import audit
from dsc_host.schema.log_index import user_of

_EQUITY = Decimal(3_000_000)
_IBAN = "CH39 0870 4016 0754 7300 7"
_ADDRESS = "5 Station Street, 6300 Zug, Switzerland"
_WOMEN = ("alma", "clara", "dora", "eva", "frida", "gina", "hanna", "ida", "jana", "kira", "nina", "petra", "sara", "vera")
_MEN = ("adam", "boris", "david", "erik", "felix", "georg", "hugo", "jakob", "karl", "lukas", "max", "oscar", "robin", "viktor")
_FIRST_MEN = frozenset({"finn", "noah", "paul", "tom"})
"""The keys of the men in the stories: the texts of a story say “him” or “her”."""


@dataclass(frozen=True, slots=True)
class Performer:
    """The user that a run creates for a person of its story."""

    person: Person
    name: str
    full_name: str
    identity: Identity
    phone: str
    serial: str


@dataclass(frozen=True, slots=True)
class Run:
    """A story as one visitor goes through it."""

    story: Story
    performers: Mapping[str, Performer]
    """The performers by the keys of their persons in the story."""
    after: int
    """The number of the log's last entry before the run."""

    @property
    def values(self) -> dict[str, str]:
        """The values for the placeholders in texts: the user names by key, and the serial of the story's first card."""
        serial = next((each.serial for each in self.performers.values() if each.serial), "")
        return {**{key: each.name for key, each in self.performers.items()}, "serial": serial}

    def performer_of(self, step: Step) -> Performer:
        """Return the performer of the person who does a step."""
        return self.performers[step.person]


@dataclass(slots=True)
class _Visitor:
    runs: dict[str, Run] = field(default_factory=dict)
    current: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    user: str
    entry: str
    kind: str
    reason: str


@dataclass(slots=True)
class StoryRuns:
    """The runs of all visitors of a demonstration. A visitor is known by a random text in a cookie."""

    demo: Demonstration
    most: int = 40
    """The largest number of runs. A further run ends the oldest run, because each simulated card takes memory."""
    _visitors: OrderedDict[str, _Visitor] = field(default_factory=OrderedDict)
    _runs: OrderedDict[str, Run] = field(default_factory=OrderedDict)
    _number: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def current(self, visitor: str) -> Run | None:
        """Return the run that a visitor follows now, or None."""
        found = self._visitors.get(visitor)
        return found.runs.get(found.current) if found else None

    def run_of(self, visitor: str, story: Story) -> Run | None:
        """Return the visitor's last run of a story, or None."""
        found = self._visitors.get(visitor)
        return found.runs.get(story.id) if found else None

    def begin(self, visitor: str, story: Story, language: str) -> str:
        """Begin a story, with new users who get messages in this language.

        `visitor` is the text in the visitor's cookie. Return this text, or a new text if no visitor has it.
        """
        with self._lock:
            if visitor not in self._visitors:
                visitor = secrets.token_urlsafe(16)
            run = self._new_run(story, language)
            known = self._visitors.setdefault(visitor, _Visitor())
            known.runs[story.id], known.current = run, story.id
            self._visitors.move_to_end(visitor)
            self._forget_old()
        return visitor

    def resume(self, visitor: str, story: str) -> None:
        """Make `story` the visitor's current story, if the visitor has begun it. If `story` is empty, leave all stories."""
        found = self._visitors.get(visitor)
        if found is not None and (not story or story in found.runs):
            found.current = story

    def done(self, run: Run) -> int:
        """Return the number of steps that are done, according to the log. Each step must be done after the step before it."""
        entries, at = self._entries(run), 0
        for number, step in enumerate(run.story.steps):
            missing = list(step.happenings)
            while missing and at < len(entries):
                missing = [each for each in missing if not _is(entries[at], each, run)]
                at += 1
            if missing:
                return number
        return len(run.story.steps)

    def next_step(self, run: Run | None) -> Step | None:
        """Return the first step of a run that is not done. Return None if all steps are done, or if there is no run."""
        left = () if run is None else run.story.steps[self.done(run) :]
        return left[0] if left else None

    def _entries(self, run: Run) -> Sequence[_Entry]:
        names = [each.name for each in run.performers.values()]
        device = func.json_extract(audit.c.detail, "$.device")
        wanted = (
            select(user_of, audit.c.action, audit.c.outcome, devices.c.kind, audit.c.reason)
            .join_from(audit, devices.table, devices.c.id == device, isouter=True)
            .where(user_of.in_(names), audit.c.number > run.after)
            .order_by(audit.c.number)
        )
        found = self.demo.system.context.read(lambda tx: tx.db.execute(wanted).all())
        return [
            _Entry(user, f"{action.removeprefix('login.')} {outcome}", kind or "", reason)
            for user, action, outcome, kind, reason in found
        ]

    def _new_run(self, story: Story, language: str) -> Run:
        self._number += 1
        performers: dict[str, Performer] = {}
        accounts: dict[str, str] = {}
        for at, person in enumerate(story.people):
            first = performers.get(person.second_of)
            made = _performer(person, self._free_name(person, first), self._number, at)
            performers[person.key] = replace(made, full_name=first.full_name, identity=first.identity) if first else made
            accounts[person.key] = accounts[person.second_of] if first else self._account(made)
            self._add(performers[person.key], accounts[person.key], language)
        last = self.demo.system.context.read(lambda tx: tx.db.execute(select(func.max(audit.c.number))).scalar_one())
        run = Run(story, performers, last)
        self._runs[next(iter(performers.values())).name] = run
        return run

    def _free_name(self, person: Person, first: Performer | None) -> str:
        if first is not None:
            return f"{first.name}.{person.key}"
        others = _MEN if person.key in _FIRST_MEN else _WOMEN
        numbered = (f"{person.key}{number}" for number in count(2))
        return next(name for name in chain((person.key, *others), numbered) if self._is_free(name))

    def _is_free(self, name: str) -> bool:
        return all(user.name != name for user in self.demo.system.operator.users(name))

    def _account(self, performer: Performer) -> str:
        operator = self.demo.system.operator
        account = operator.add_account(operator.add_entity(performer.full_name, performer.identity, _ADDRESS), _EQUITY)
        self.demo.give_bank(account, _IBAN)
        return account

    def _add(self, performer: Performer, account: str, language: str) -> None:
        name, person = performer.name, performer.person
        self.demo.system.operator.add_user(
            account,
            name,
            DEMO_PASSWORD,
            email=f"{name}@example.com",
            phone=performer.phone or None,
            language=language,
            role=person.role,
        )
        self.demo.people[name] = person.what
        if performer.serial:
            self.demo.give_card(name, performer.serial)

    def _forget_old(self) -> None:
        """End the oldest runs, and switch off their cards. Forget the visitors whose last story began the longest time ago."""
        while len(self._runs) > self.most:
            _, old = self._runs.popitem(last=False)
            for performer in old.performers.values():
                self.demo.take_card(performer.name)
                self.demo.people.pop(performer.name)
            for visitor in self._visitors.values():
                visitor.runs = {story: run for story, run in visitor.runs.items() if run is not old}
        while len(self._visitors) > self.most:
            self._visitors.popitem(last=False)


def _performer(person: Person, name: str, number: int, at: int) -> Performer:
    identity = Identity(person.born, "CH", "CH", "passport", f"X{number:05d}{at}")
    phone = f"+4179{5_560_000 + 10 * number + at}" if person.phone else ""
    serial = f"IB31{10 * number + at:05d}" if person.card else ""
    return Performer(person, name, f"{name.capitalize()} Example", identity, phone, serial)


def _is(entry: _Entry, wanted: Happening, run: Run) -> bool:
    return (
        entry.user == run.performers[wanted.person].name
        and entry.entry == wanted.entry
        and wanted.kind in (None, entry.kind)
        and wanted.reason in ("", entry.reason)
    )
