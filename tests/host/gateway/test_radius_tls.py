"""RADIUS over TLS: the certificates, connections that are closed, the end of the server, and Debian's radsecproxy."""

import asyncio
import os
import re
import shutil
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.event_loop import awaited
from tests.host.gateway.certificates import Pair, certified
from tests.host.gateway.radius_program import Program, question, request, unsigned
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.errors import InputError
from dsc_host.gateway.radius import clients, packets, responder, tls
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.packets import Code, Type, parse
from dsc_host.gateway.radius.server import Address, Server, reload
from dsc_host.gateway.radius.tls import server_context, trust

SECRET = b"radsec"
SECONDS = 20
RADSECPROXY = shutil.which("radsecproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
RADCLIENT = shutil.which("radclient")


@dataclass(frozen=True)
class Site:
    """A server with a certificate, and one client of it."""

    program: Program
    address: Address
    own: Pair
    client: Pair
    context: ssl.SSLContext
    running: Server

    async def connected(self, shown: Pair | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=self.own.certificate)
        context.check_hostname = False
        if shown:
            context.load_cert_chain(shown.certificate, shown.key)
        return await asyncio.open_connection(*self.address, ssl=context)

    async def is_closed(self, shown: Pair | None, data: bytes = b"") -> bool:
        """Return whether the server closes a connection without a word, after it was sent these bytes."""
        try:
            reader, writer = await self.connected(shown)
        except OSError:
            return True
        writer.write(data)
        try:
            async with asyncio.timeout(SECONDS):
                return await reader.read() == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            writer.close()


@asynccontextmanager
async def site(scenario: Scenario, folder: Path, **options: str) -> AsyncIterator[Site]:
    own, client = certified(folder, "server"), certified(folder, "client")
    program = Program.of(scenario, "vpn", "127.0.0.1", certificate=client.pem, **options)
    context = server_context(own.certificate, own.key)
    trust(context, [program.client])
    running = Server(program.responder)
    (address,) = await running.start_tls([("127.0.0.1", 0)], context)
    try:
        yield Site(program, address, own, client, context, running)
    finally:
        await running.stop()


async def received(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(SECONDS):
        head = await reader.readexactly(4)
        return head + await reader.readexactly(int.from_bytes(head[2:], "big") - 4)


def asked(text: str = PASSWORD, *more: packets.Attribute) -> bytes:
    return request(SECRET, b"anna", text.encode(), *more)


@awaited
async def test_a_card_logs_in_over_one_connection(scenario: Scenario, tmp_path: Path) -> None:
    async with site(scenario, tmp_path) as at:
        reader, writer = await at.connected(at.client)
        data = unsigned(asked())
        # It comes in pieces, as the network likes.
        for piece in (data[:3], data[3:30], data[30:]):
            writer.write(piece)
            await writer.drain()
        challenge = parse(await received(reader))
        answer = asked(scenario.respond(SERIALS["anna"], question(challenge)), (Type.STATE, challenge.one(Type.STATE) or b""))
        writer.write(answer)
        accepted = await received(reader)
        assert parse(accepted).code == Code.ACCESS_ACCEPT
        writer.write(answer)
        assert await received(reader) == accepted, "a repetition is not judged again"
        writer.close()
        assert scenario.events()[-1][0] == "login.enter"


@awaited
async def test_text_around_a_certificate_is_not_read(scenario: Scenario, tmp_path: Path) -> None:
    """`openssl x509 -text` prints the names in the certificate before it, perhaps in UTF-8."""
    async with site(scenario, tmp_path) as at:
        known = replace(
            at.program.client,
            options=replace(at.program.client.options, certificate=f"Subject: CN=Müller\n{at.client.pem}\xe4"),
        )
        context = server_context(at.own.certificate, at.own.key)
        trust(context, [known])
        assert context.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(at.client.pem)]
        assert known.fingerprint == at.program.client.fingerprint


@awaited
async def test_many_requests_at_once_are_all_answered(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MOST_JUDGED", 2)
    async with site(scenario, tmp_path) as at:
        reader, writer = await at.connected(at.client)
        writer.write(b"".join(asked("a wrong one") for _ in range(6)))
        assert {parse(await received(reader)).code for _ in range(6)} == {Code.ACCESS_REJECT}
        writer.close()


@awaited
async def test_a_request_that_waits_takes_no_place_among_those_that_are_judged(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "MOST_JUDGED", 2)
    monkeypatch.setattr(responder, "MOST_PENDING", 2)
    freed, judge = threading.Event(), UserLogins.judge
    monkeypatch.setattr(UserLogins, "judge", lambda *given: freed.wait(SECONDS) and judge(*given))
    async with site(scenario, tmp_path) as at:
        lines = [await at.connected(at.client) for _ in range(4)]
        for _, writer in lines:
            writer.write(asked("a wrong one"))
        reader, writer = await at.connected(at.client)
        writer.write(packets.request(1, bytes(16), (), SECRET, Code.STATUS_SERVER))
        assert parse(await received(reader)).code == Code.ACCESS_ACCEPT, "a check whether the server runs does not wait"
        freed.set()
        assert {parse(await received(reader)).code for reader, _ in lines} == {Code.ACCESS_REJECT}
        assert not at.program.responder.dropped
        for _, each in [*lines, (reader, writer)]:
            each.close()


@awaited
async def test_requests_over_udp_take_no_place_from_those_over_tls(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client of TLS does not repeat a request that was dropped."""
    monkeypatch.setattr(responder, "MOST_PENDING", 1)
    async with site(scenario, tmp_path) as at:
        door = scenario.system.change(lambda tx: clients.add(tx, "door", "192.0.2.9"))
        at.program.responder.use_clients([at.program.client, door])
        waiting = [request(door.secret, b"anna", b"a wrong one") for _ in range(2)]
        first, second = (at.program.responder.take(each, ("192.0.2.9", 5000)) for each in waiting)
        assert (first is None, second) == (False, None)
        assert at.program.responder.dropped == {"busy": 1}
        reader, writer = await at.connected(at.client)
        writer.write(asked("a wrong one"))
        assert parse(await received(reader)).code == Code.ACCESS_REJECT
        writer.close()


@awaited
async def test_only_the_certificate_of_a_client_from_its_address_is_heard(scenario: Scenario, tmp_path: Path) -> None:
    async with site(scenario, tmp_path) as at:
        trusted = certified(tmp_path, "another")
        at.context.load_verify_locations(cadata=trusted.pem)
        assert await at.is_closed(None, asked())
        assert await at.is_closed(certified(tmp_path, "unknown"), asked())
        assert await at.is_closed(trusted, asked())
        assert at.program.responder.dropped == {"unknown client": 1}
        at.program.responder.use_clients([replace(at.program.client, network=clients.ip_network("192.0.2.7"))])
        assert await at.is_closed(at.client, asked())
        # A client of TLS is unknown over UDP, by the secret that everybody knows.
        at.program.responder.use_clients([at.program.client])
        assert at.program.responder.take(asked(), ("127.0.0.1", 5000)) is None
    assert scenario.events()[-1][0] == "login.radius.client", "nothing was judged"


@awaited
async def test_an_expired_certificate_is_refused(scenario: Scenario, tmp_path: Path) -> None:
    async with site(scenario, tmp_path) as at:
        old = certified(tmp_path, "old", days=-1)
        added = scenario.system.change(
            lambda tx: clients.add(tx, "old", "127.0.0.1", clients.Options(certificate=old.pem))
        )  # fmt: skip
        await reload(at.program.responder, lambda: [at.program.client, added], at.context)
        assert await at.is_closed(old, asked())
        assert not at.program.responder.dropped


@awaited
async def test_garbage_and_silence_close_the_connection(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(scenario, tmp_path) as at:
        for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(4), b"\x01\x01\x00\x13", b"\x01\x01\xff\xff", b"\xff" * 5000):
            assert await at.is_closed(at.client, data)
        assert at.program.responder.dropped == {"malformed": 5}
        for name in ("PACKET_SECONDS", "IDLE_SECONDS", "HANDSHAKE_SECONDS"):
            monkeypatch.setattr(tls, name, 0.05)
        assert await at.is_closed(at.client)
        assert await at.is_closed(at.client, asked()[:30])
        reader, writer = await asyncio.open_connection(*at.address)
        async with asyncio.timeout(SECONDS):
            assert await reader.read() == b"", "no handshake"
        writer.close()


@awaited
async def test_a_client_that_reads_no_reply_is_closed(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(tls, "_send", stuck)
    async with site(scenario, tmp_path) as at:
        assert await at.is_closed(at.client, asked("a wrong one"))


@awaited
async def test_one_address_has_so_many_connections(scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "MOST_OF_ADDRESS", 1)
    async with site(scenario, tmp_path) as at:
        reader, writer = await at.connected(at.client)
        assert await at.is_closed(at.client)
        assert at.program.responder.dropped == {"too many connections": 1}
        writer.write(asked("a wrong one"))
        assert parse(await received(reader)).code == Code.ACCESS_REJECT
        writer.close()


@awaited
async def test_a_client_that_is_gone_before_it_was_accepted_is_no_error(scenario: Scenario, tmp_path: Path) -> None:
    async with site(scenario, tmp_path) as at:
        (connections,) = at.running._connections
        writer = Mock(get_extra_info=lambda _: None)
        await connections._connected(asyncio.StreamReader(), writer)
        writer.close.assert_called_once_with()


@awaited
async def test_the_end_answers_what_is_being_judged(scenario: Scenario, tmp_path: Path) -> None:
    async with site(scenario, tmp_path) as at:
        reader, writer = await at.connected(at.client)
        writer.write(asked())
        while not at.program.responder._pending:
            await asyncio.sleep(0)
        await at.running.stop()
        assert parse(await received(reader)).code == Code.ACCESS_CHALLENGE
        assert await reader.read() == b""
        writer.close()


@awaited
async def test_the_end_answers_what_came_before_a_packet_that_is_malformed(
    scenario: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed, judge = threading.Event(), UserLogins.judge
    monkeypatch.setattr(UserLogins, "judge", lambda *given: freed.wait(SECONDS) and judge(*given))
    async with site(scenario, tmp_path) as at:
        reader, writer = await at.connected(at.client)
        writer.write(asked() + bytes(4))
        while not at.program.responder.dropped:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(at.running.stop())
        # The thread that judges goes on only after the server has begun to stop.
        await asyncio.sleep(0)
        freed.set()
        await stopping
        assert parse(await received(reader)).code == Code.ACCESS_CHALLENGE
        assert await reader.read() == b""
        writer.close()


def test_a_status_request_is_answered_if_it_is_signed_and_reaches_no_record(program: Program) -> None:
    before = len(list(program.scenario.verifier.audit.entries()))
    data = asked()
    plain = bytes([Code.STATUS_SERVER]) + data[1:4] + data[4:20]
    signed = packets.request(7, data[4:20], [], program.client.secret, Code.STATUS_SERVER)
    reply = program.send(signed)
    assert reply is not None
    assert reply.code == Code.ACCESS_ACCEPT
    assert program.send(plain[:2] + b"\0\x14" + plain[4:]) is None
    assert program.responder.dropped == {"unsigned": 1}
    assert len(list(program.scenario.verifier.audit.entries())) == before


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_files_that_are_no_certificate_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.pem"
    file.write_text(text)
    with pytest.raises(InputError, match=r"^certificate: .*wrong\.pem"):
        server_context(file, file)
    if text:
        with pytest.raises(InputError, match=r"^certificate: "):
            clients.check_certificate(text)


def configuration(at: Site, folder: Path, port: int) -> str:
    """Return the configuration in the docs, with files and ports of this test."""
    (text,) = [block for block in blocks(ROOT / "docs" / "how-to" / "radius.md", "text") if "ListenUDP" in block]
    real = {
        "/etc/radsecproxy/radius.pem": str(at.own.certificate), "/etc/radsecproxy/vpn.pem": str(at.client.certificate),
        "/etc/radsecproxy/vpn.key": str(at.client.key), "127.0.0.1:1812": f"127.0.0.1:{port}", "SECRET": "testing123",
        "host 192.0.2.1": f"host {at.address[0]}\n  port {at.address[1]}",
    }  # fmt: skip
    for shown, used in real.items():
        assert text.count(shown) == 1
        text = text.replace(shown, used)
    return f"LogDestination file://{folder}/log\n{text}"


@pytest.mark.long
@pytest.mark.skipif(None in (RADSECPROXY, RADCLIENT), reason="needs radsecproxy: apt install radsecproxy freeradius-utils")
@awaited
async def test_radsecproxy_logs_in_for_a_program_without_tls(scenario: Scenario, tmp_path: Path) -> None:
    assert RADSECPROXY
    async with site(scenario, tmp_path) as at:
        port = _free_port()
        file = tmp_path / "radsecproxy.conf"
        file.write_text(configuration(at, tmp_path, port))
        proxy = await asyncio.create_subprocess_exec(RADSECPROXY, "-f", "-c", str(file))
        try:
            challenge = await _radclient(port, f'User-Name = "anna"\nUser-Password = "{PASSWORD}"\n')
            (state,) = re.findall(r"State = (0x\w+)", challenge)
            (digits,) = re.findall(r"Challenge: (\d+)\.", challenge)
            response = scenario.respond(SERIALS["anna"], digits)
            answer = f'User-Name = "anna"\nUser-Password = "{response}"\nState = {state}\n'
            assert "Received Access-Accept" in await _radclient(port, answer)
            assert "Received Access-Reject" in await _radclient(port, answer)
        finally:
            proxy.terminate()
            await proxy.wait()
        assert not at.program.responder.dropped


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


async def _radclient(port: int, lines: str) -> str:
    assert RADCLIENT
    program = await asyncio.create_subprocess_exec(
        RADCLIENT, "-x", "-r", "10", "-t", "1", f"127.0.0.1:{port}", "auth", "testing123",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    return (await program.communicate(f"{lines}Message-Authenticator = 0x00\n".encode()))[0].decode()
