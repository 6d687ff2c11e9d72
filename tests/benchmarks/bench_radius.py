"""The cost of a RADIUS login compared with the verifier's own: one challenge and one judged response, without any protocol.

With the card alone, RADIUS adds packets, States and the search for the owner's card. With users, the login system adds
limits, steps and their log entries, and the hash of the password, which is expensive on purpose. The bound is for the card
alone. Logins of users are compared with the same login through the login system, and are shown with the hash and without.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from statistics import median

from tests.benchmarks import user_records
from tests.benchmarks.measure import Figure
from tests.benchmarks.user_records import KEY, PASSWORD, PIN, SUITE

from dsc_host.gateway.radius import clients, packets
from dsc_host.gateway.radius.card_logins import CardLogins
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.packets import Code, Packet, Type, parse
from dsc_host.gateway.radius.replies import Judge
from dsc_host.gateway.radius.responder import Request, Responder
from dsc_host.login import Kind, LoginSystem, Policy
from dsc_host.verifier import MasterKey, Verifier
from dsc_host.verifier import Policy as Rules

USERS = 40
LOGINS = 200
ADDRESS = ("192.0.2.7", 5000)
CHEAP = {"passwords": {"memory_kib": 8, "iterations": 1}, "login": {"successes_by_address": 100_000, "offers": 100_000}}

RULES = Rules(challenges=1000)
"""The rules of the verifier: every user asks many times in these minutes."""

Login = Callable[[int], float]
"""A function that logs a user in, by number, and returns the seconds of the processor that the server took."""


def measure() -> Iterator[Figure]:
    """Yield the figures, in about twenty seconds."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'records.db'}"
        with Verifier.open(url, master_key=MasterKey(bytes(range(32))), policy=RULES) as verifier:
            system = LoginSystem.over(verifier, policy=Policy.of(CHEAP))
            user_records.add_users(system, USERS)
            client = system.change(lambda tx: clients.add(tx, "vpn", ADDRESS[0]))
            yield from _figures(verifier, system, client)


def _figures(verifier: Verifier, system: LoginSystem, client: Client) -> Iterator[Figure]:
    counters = [0] * USERS
    costs = _costs(
        {
            "verifier": lambda number: _verified(verifier, number, counters),
            "card": Program(CardLogins(verifier), client, counters, "x").log_in,
            "login": lambda number: _logged_in(system, number, counters),
            "user": Program(UserLogins(system), client, counters, PASSWORD).log_in,
        }
    )
    dear = LoginSystem.over(verifier).context.passwords
    hashed = dear.hashed(PASSWORD)
    began = time.process_time()
    dear.matches(PASSWORD, hashed)
    hashing = time.process_time() - began
    own = costs["verifier"]
    yield Figure("the verifier's own challenge and judgment", own * 1000, "ms")
    yield Figure("RADIUS login by the card alone / verifier", costs["card"] / own, at_most=1.5)
    yield Figure("RADIUS login of a user / the login itself, no hash", costs["user"] / costs["login"], at_most=1.5)
    yield Figure("RADIUS login of a user, no hash / verifier", costs["user"] / own)
    yield Figure("RADIUS login of a user, with the hash / verifier", (costs["user"] + hashing) / own)


def _costs(logins: dict[str, Login]) -> dict[str, float]:
    """Return the median seconds of the processor for each kind of login. They take turns."""
    taken: dict[str, list[float]] = {name: [] for name in logins}
    for number in range(LOGINS):
        for name, login in logins.items():
            taken[name].append(login(number % USERS))
    # The first login of each user is left out: it adds rows that later logins find.
    return {name: median(times[USERS:]) for name, times in taken.items()}


def _response(question: str, number: int, counters: list[int]) -> str:
    counters[number] += 1
    return SUITE.response(KEY, question, counter=counters[number] - 1, pin=PIN)


def _verified(verifier: Verifier, number: int, counters: list[int]) -> float:
    began = time.process_time()
    challenge = verifier.challenge(user_records.serial(number))
    asked = time.process_time()
    response = _response(challenge.question, number, counters)
    answered = time.process_time()
    assert verifier.verify(challenge.id, response)
    return asked - began + time.process_time() - answered


def _logged_in(system: LoginSystem, number: int, counters: list[int]) -> float:
    began = time.process_time()
    begun = system.begin(user_records.name(number), PASSWORD, ADDRESS[0])
    step = system.choose(begun.token, user_records.device_id(number, Kind.DSC_PLUS))
    asked = time.process_time()
    assert step.offer
    response = _response(step.offer.shows["challenge"], number, counters)
    answered = time.process_time()
    assert system.answer(step.token, response).step
    return asked - began + time.process_time() - answered


class Program:
    """A RADIUS client without a network: its packets go straight to a responder."""

    def __init__(self, judge: Judge, client: Client, counters: list[int], password: str) -> None:
        self._responder, self._client, self._counters = Responder(judge, [client]), client, counters
        self._password, self._numbers = password, count(1)

    def log_in(self, number: int) -> float:
        name = user_records.name(number).encode()
        challenge, asking = self._send(name, self._password)
        question = "".join(filter(str.isdigit, (challenge.all(Type.REPLY_MESSAGE)[0]).decode()))
        response = _response(question, number, self._counters)
        accepted, answering = self._send(name, response, (Type.STATE, challenge.one(Type.STATE) or b""))
        assert accepted.code == Code.ACCESS_ACCEPT
        return asking + answering

    def _send(self, name: bytes, text: str, *more: packets.Attribute) -> tuple[Packet, float]:
        nonce, secret = next(self._numbers).to_bytes(16, "big"), self._client.secret
        hidden = packets.hide_password(text.encode(), nonce, secret)
        data = packets.request(1, nonce, [(Type.USER_NAME, name), (Type.USER_PASSWORD, hidden), *more], secret)
        began = time.process_time()
        taken = self._responder.take(data, ADDRESS)
        assert isinstance(taken, Request)
        reply = self._responder.reply(taken)
        self._responder.finish(taken, reply)
        seconds = time.process_time() - began
        assert reply
        return parse(reply), seconds
