"""The RADIUS server on loopback: its sockets, its shutdown, its command, and FreeRADIUS' client."""

import asyncio
import logging
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from threading import Thread

import pytest
from tests.host.command_runner import Command
from tests.host.event_loop import awaited
from tests.host.gateway.certificates import certified
from tests.host.gateway.radius_program import Program, question, request
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.errors import InputError
from dsc_host.gateway.radius import clients, packets, server
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.metrics import Metrics
from dsc_host.gateway.radius.packets import Code, Type, parse
from dsc_host.gateway.radius.responder import Responder
from dsc_host.gateway.radius.server import Address, Server, listening_address

RADCLIENT = shutil.which("radclient")
SECONDS = 10


@asynccontextmanager
async def serving(program: Program, host: str = "127.0.0.1") -> AsyncIterator[Address]:
    running = Server(program.responder)
    (address,) = await running.start([(host, 0)])
    yield address
    await running.stop()


async def exchanged(address: Address, data: bytes) -> bytes:
    """Send a datagram from a new port, and return the reply."""
    loop, family = asyncio.get_running_loop(), socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as sender:
        sender.setblocking(False)
        sender.connect(address)
        await loop.sock_sendall(sender, data)
        return await asyncio.wait_for(loop.sock_recv(sender, packets.MOST_BYTES), SECONDS)


def has_ipv6() -> bool:
    try:
        with closing(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", pytest.param("::1", marks=pytest.mark.skipif(not has_ipv6(), reason="has no IPv6"))],
)
@awaited
async def test_a_card_logs_in_over_a_socket(scenario: Scenario, host: str) -> None:
    program = Program.of(scenario, "here", host)
    async with serving(program, host) as address:
        asked = request(program.client.secret, b"anna", PASSWORD.encode())
        challenge = await exchanged(address, asked)
        assert packets.is_reply(challenge, asked, program.client.secret)
        response = scenario.respond(SERIALS["anna"], question(parse(challenge)))
        state = parse(challenge).one(Type.STATE) or b""
        reply = await exchanged(address, request(program.client.secret, b"anna", response.encode(), (Type.STATE, state)))
        assert parse(reply).code == Code.ACCESS_ACCEPT


@awaited
async def test_a_stop_answers_what_is_being_judged_and_takes_nothing_more(scenario: Scenario) -> None:
    program = Program.of(scenario, "here", "127.0.0.1")
    sent: list[tuple[bytes, Address]] = []
    transport = type("Transport", (), {"sendto": lambda _, data, to: sent.append((data, to))})()
    running, source = Server(program.responder), ("127.0.0.1", 5000)
    running.receive(request(program.client.secret, b"anna", PASSWORD.encode()), source, transport)
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0)
    running.receive(request(program.client.secret, b"sue", PASSWORD.encode()), source, transport)
    await stopping
    assert [(parse(data).code, to) for data, to in sent] == [(Code.ACCESS_CHALLENGE, source)]


@awaited
async def test_a_change_of_the_clients_takes_effect_without_a_restart(program: Program) -> None:
    scenario, data = program.scenario, request(program.client.secret, b"anna", PASSWORD.encode())

    def load() -> list[Client]:
        return scenario.system.context.read(clients.load)

    scenario.system.change(lambda tx: clients.remove(tx, "vpn"))
    await server.reload(program.responder, load)
    assert program.send(data) is None
    added = scenario.system.change(lambda tx: clients.add(tx, "wiki", program.address))
    await server.reload(program.responder, load)
    assert replace(program, client=added).ask() is not None
    scenario.verifier.close()
    await server.reload(program.responder, load)
    assert program.responder.take(data, (program.address, 5000)) is None
    assert program.responder.dropped["unknown client"] == 1, "the clients are kept while the records cannot be read"


@awaited
async def test_an_address_in_use_is_named(program: Program) -> None:
    async with serving(program) as address:
        with pytest.raises(InputError, match=f"127.0.0.1 port {address[1]}: .*; choose another"):
            await Server(program.responder).start([("127.0.0.1", 0), address])


async def page(address: Address, sent: bytes) -> str:
    """Send bytes to a port, and return all that comes back before it is closed or reset."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(sent)
        return (await asyncio.wait_for(reader.read(), SECONDS)).decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


@awaited
async def test_metrics_count_replies_and_drops_and_name_no_user(scenario: Scenario) -> None:
    counted, program = Metrics(), Program.of(scenario, "vpn", "127.0.0.1")
    observed = Responder(UserLogins(scenario.system), [program.client], observer=counted)
    replace(program, responder=observed).ask("anna", "a wrong one")
    observed.take(b"", ("127.0.0.1", 5000))
    running = Server(observed)
    address = await running.start_metrics(("127.0.0.1", 0), counted.text)
    text = await page(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert text.startswith("HTTP/1.1 200 OK\r\n")
    for line in (
        'dscplus_radius_replies_total{client="vpn",outcome="refused"} 1.0',
        'dscplus_radius_dropped_total{reason="malformed"} 1.0',
        "dscplus_radius_request_seconds_count 1.0",
    ):
        assert line in text.splitlines()
    assert "anna" not in text
    assert (await page(address, b"GET / HTTP/1.1\r\n\r\n")).startswith("HTTP/1.1 404 ")
    assert await page(address, b"\x16\x03\x01" * 50_000) == ""
    await running.stop()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:18120", ("127.0.0.1", 18120)),
        ("127.0.0.1", ("127.0.0.1", 1812)),
        ("[::1]:0", ("::1", 0)),
        ("[::1]", ("::1", 1812)),
        ("2001:db8::1", ("2001:db8::1", 1812)),
    ],
)
def test_an_address_to_listen_on_is_read(text: str, address: Address) -> None:
    assert listening_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", ":", "vpn.example.com:1812", "127.0.0.1:65536", "127.0.0.1:x", "[127.0.0.1]:1", "[::1]:²", "[::1]:" + "1" * 5000],
    ids=range(8),
)
def test_no_address_to_listen_on_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^listen: "):
        listening_address(text)


def test_the_error_about_an_address_has_the_port_of_its_option() -> None:
    with pytest.raises(
        InputError, match=r"^tls: must be an IP address, with a port or without, for example 127.0.0.1:2083 or "
    ):
        listening_address("vpn.example.com", "tls", 2083)


async def radclient(address: Address, secret: bytes, lines: str, seconds: float = SECONDS) -> str:
    """Send what FreeRADIUS' client makes of these lines, once. Return all that it prints."""
    assert RADCLIENT
    program = await asyncio.create_subprocess_exec(
        RADCLIENT, "-x", "-r", "1", "-t", str(seconds), f"{address[0]}:{address[1]}", "auth", secret.decode(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    return (await program.communicate(lines.encode()))[0].decode()


@pytest.mark.long
@pytest.mark.skipif(RADCLIENT is None, reason="needs radclient: apt install freeradius-utils")
@awaited
async def test_freeradius_client_logs_in_and_nothing_else_does(scenario: Scenario) -> None:
    program = Program.of(scenario, "here", "127.0.0.1")
    secret, signed = program.client.secret, "Message-Authenticator = 0x00\n"
    async with serving(program) as address:
        asked = f'User-Name = "anna"\nUser-Password = "{PASSWORD}"\n'

        async def answer(response: str | None) -> str:
            """Ask, and answer with a response: the right one of the card, or another text. Return the lines of the answer."""
            challenge = await radclient(address, secret, asked + signed)
            assert "Received Access-Challenge" in challenge
            (state,) = re.findall(r"State = (0x\w+)", challenge)
            (digits,) = re.findall(r"Challenge: (\d+)\.", challenge)
            text = response or scenario.respond(SERIALS["anna"], digits)
            return f'User-Name = "anna"\nUser-Password = "{text}"\nState = {state}\n{signed}'

        right = await answer(None)
        assert "Received Access-Accept" in await radclient(address, secret, right)
        assert "Received Access-Reject" in await radclient(address, secret, right), "a replay"
        assert "Received Access-Reject" in await radclient(address, secret, await answer("00000000"))
        late = await answer(None)
        scenario.verifier.lock(SERIALS["anna"])
        assert "Received Access-Reject" in await radclient(address, secret, late), "the card is locked"
        silent = [radclient(address, b"another secret", asked + signed, 1), radclient(address, secret, asked, 1)]
        assert not any("Received" in each for each in await asyncio.gather(*silent))
        assert program.responder.dropped == {"forged": 1, "unsigned": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGTERM")
@pytest.mark.parametrize(("alone", "code", "outcome"), [((), 3, "refused"), (("--verifier",), 11, "challenge")])
def test_the_command_serves_until_sigterm(
    dscplus: Command, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    alone: tuple[str, ...], code: int, outcome: str,
) -> None:  # fmt: skip
    dscplus.with_cards("IB1")
    (dscplus.folder / "cheap.toml").write_text("[passwords]\nmemory_kib = 8\niterations = 1\n")
    monkeypatch.setenv("DSCPLUS_POLICY", str(dscplus.folder / "cheap.toml"))
    assert "client add" in dscplus.refused("radius", "--listen", "127.0.0.1:0", code=1)
    made = dscplus("radius", "client", "add", "vpn", "--address", "127.0.0.1", "--unsigned")
    assert "can be forged" in made.err
    secret, replies = made.out.strip().encode(), []

    def use(address: Address) -> None:
        replies.append(asyncio.run(exchanged(address, request(secret, b"anna", b"a wrong one"))))
        os.kill(os.getpid(), signal.SIGTERM)

    async def start(running: Server, addresses: list[Address]) -> list[Address]:
        found = await begin(running, addresses)
        Thread(target=use, args=found).start()
        return found

    begin = server.Server.start
    monkeypatch.setattr(server.Server, "start", start)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    caplog.set_level(logging.INFO)
    assert dscplus("radius", "--listen", "127.0.0.1:0", *alone).code == 0
    assert [parse(each).code for each in replies] == [code]
    assert [record.getMessage() for record in caplog.records if record.name == "dsc_host.gateway.radius"] == [
        "listening", outcome,
    ]  # fmt: skip


def test_the_command_manages_clients(dscplus: Command) -> None:
    dscplus.with_cards("IB1")
    assert "no clients" in dscplus("radius", "client", "list").err
    assert '"secret"' in dscplus("radius", "client", "add", "vpn", "--address", "2001:db8::/64", "--json").out
    assert dscplus("radius", "client", "list").rows == ["vpn  2001:db8::/64  no  yes  yes  en"]
    assert dscplus.refused("radius", "client", "add", "vpn", "--address", "192.0.2.7").startswith("name: ")
    assert dscplus.refused("radius", "client", "remove", "vpn", code=1, stdin="no\n") == "nothing was changed"
    assert len(dscplus("radius", "client", "list").rows) == 1
    assert dscplus("radius", "client", "remove", "vpn", stdin="y\n").code == 0
    assert dscplus("radius", "client", "list").rows == []
    assert dscplus.refused("radius", "client", "remove", "vpn").startswith("name: ")
    assert dscplus.refused("radius", "--listen", "everywhere").startswith("listen: ")
    for options, field in (
        (("--attributes", "missing.toml"), "attributes"),
        (("--tls", "127.0.0.1"), "tls"),
        (("--metrics", "192.0.2.1"), "metrics"),
    ):
        assert dscplus.refused("radius", *options).startswith(f"{field}: ")
    own = certified(dscplus.folder, "vpn").certificate
    added = ("radius", "client", "add", "far", "--address", "0.0.0.0/0", "--certificate")
    assert dscplus.refused(*added, "missing.pem").startswith("certificate: ")
    assert dscplus(*added, str(own)).out == "radsec\n"
    assert dscplus("radius", "client", "list").rows == ["far  0.0.0.0/0  yes  yes  yes  en"]
    assert dscplus("radius", "client", "remove", "far", "-y").code == 0
    assert "--unsigned has no effect with --certificate" in dscplus(*added, str(own), "--unsigned").err
    assert dscplus("radius", "client", "remove", "far", "-y").code == 0
    assert dscplus.refused("radius", "client", "add", "x", "--address", "::1", "--language", "fr").startswith("language: ")
    dscplus("radius", "client", "add", "door", "--address", "192.0.2.9", "--no-challenge", "--unsigned")
    assert dscplus("radius", "client", "list").rows == ["door  192.0.2.9/32  no  no  no  en"]


@pytest.mark.parametrize("option", ["--certificate", "--key"])
def test_a_certificate_without_an_address_for_it_is_refused(dscplus: Command, option: str) -> None:
    error = dscplus.refused("radius", option, "server.pem", code=2)
    assert f"{option[2:]}: is only for RADIUS over TLS; give its address with --tls" in error


def test_a_program_without_challenges_is_named_when_only_the_card_is_checked(
    dscplus: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a challenge, `--verifier` refuses every login."""
    monkeypatch.setattr(server, "run", lambda *_: None)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    dscplus.with_cards("IB1")
    for address, (name, *more) in enumerate((("door", "--no-challenge"), ("gate", "--no-challenge"), ("vpn",)), 1):
        dscplus("radius", "client", "add", name, "--address", f"192.0.2.{address}", *more)
    assert "they show no challenge: door, gate. Add" in dscplus("radius", "--verifier").err
    assert "challenge" not in dscplus("radius").err
    for name in ("door", "gate"):
        dscplus("radius", "client", "remove", name, "--yes")
    assert "challenge" not in dscplus("radius", "--verifier").err


def test_a_program_that_only_the_table_of_attributes_has_is_named(dscplus: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "run", lambda *_: None)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    dscplus.with_cards("IB1")
    dscplus("radius", "client", "add", "vpn", "--address", "192.0.2.1")
    table = dscplus.folder / "attributes.toml"
    for names, told in (('["vpn", "vnp"]', "names programs that do not exist: vnp"), ('["vpn"]', "")):
        table.write_text(f"[[rule]]\nclients = {names}\n\n[[rule]]\nClass = 'x'\n")
        err = dscplus("radius", "--attributes", str(table)).err
        assert told in err
        assert bool(told) == ("do not exist" in err)
