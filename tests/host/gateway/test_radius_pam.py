"""A login at a program that uses PAM, by Debian's RADIUS module. A wrapper of PAM reads its services from a folder of ours."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.host.event_loop import awaited
from tests.host.gateway.pam import MODULE, PAMTESTER, WRAPPER
from tests.host.gateway.radius_program import Program
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.responder import Responder
from dsc_host.gateway.radius.server import Address, Server

SECONDS = 20
needs_pam = pytest.mark.skipif(
    None in (MODULE, WRAPPER, PAMTESTER), reason="needs pam_radius: apt install libpam-radius-auth libpam-wrapper pamtester"
)


def configure(folder: Path, address: Address, secret: bytes) -> dict[str, str]:
    """Write the configuration of PAM and of its module. Return the environment in which PAM uses it."""
    server = folder / "servers.conf"
    server.write_text(f"{address[0]}:{address[1]} {secret.decode()} {SECONDS}\n")
    server.chmod(0o600)
    services = folder / "pam.d"
    services.mkdir()
    (services / "shell").write_text(f"auth required {MODULE} conf={server} force_prompt prompt=Password retry=1\n")
    return {**os.environ, "LD_PRELOAD": str(WRAPPER), "PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": str(services)}


async def logged_in(environment: dict[str, str], respond: Callable[[str], str]) -> bool:
    """Log anna in. `respond` gives the response to a challenge."""
    assert PAMTESTER
    pipe = asyncio.subprocess.PIPE
    shell = await asyncio.create_subprocess_exec(
        PAMTESTER, "shell", "anna", "authenticate", env=environment, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )  # fmt: skip
    assert shell.stdin
    assert shell.stdout
    async with asyncio.timeout(SECONDS):
        await shell.stdout.readuntil(b"Password: ")
        shell.stdin.write(PASSWORD.encode() + b"\n")
        await shell.stdout.readuntil(b"Challenge: ")
        shown = await shell.stdout.readuntil(b"device.")
        shell.stdin.write(respond(shown[:6].decode()).encode() + b"\n")
        await shell.communicate()
    return shell.returncode == 0


@needs_pam
@awaited
async def test_pam_shows_the_challenge_and_takes_the_response(scenario: Scenario, tmp_path: Path) -> None:
    program = Program.of(scenario, "here", "127.0.0.1", signs=False)
    running = Server(Responder(UserLogins(scenario.system), [program.client]))
    (address,) = await running.start([("127.0.0.1", 0)])
    environment = configure(tmp_path, address, program.client.secret)
    assert not await logged_in(environment, lambda _: "00000000")
    assert await logged_in(environment, lambda challenge: scenario.respond(SERIALS["anna"], challenge))
    scenario.verifier.lock(SERIALS["anna"])
    assert not await logged_in(environment, lambda challenge: scenario.respond(SERIALS["anna"], challenge))
    await running.stop()
