"""A board behind a serial port server: flashing and asking it over RFC 2217, with delays and damaged bytes."""

import pytest
from tests.host.command_runner import needs_pty
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble
from tests.host.flash.flash_boards import NEW, start
from tests.host.flash.rfc2217_server import Rfc2217Server
from tests.reliability.board_line import RARE, Injury

from dsc_host.flash import BoardSession, examine, install, plan
from dsc_host.link import CardClient, open_port

# pyserial itself uses setDaemon and setName.
pytestmark = [needs_pty, pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")]

INJURIES = (
    Injury("late", delay=0.01, jitter=0.01),
    Injury("lost", lost=RARE),
    Injury("doubled", doubled=RARE),
)


def flash_and_ask(disk: Disk, injury: Injury, seed: int) -> None:
    with BoardDouble(disk) as board, Rfc2217Server(board.url, injury, seed) as server:
        with BoardSession(open_port(server.url), server.url) as session:
            install(session, plan(examine(session), NEW))
        with CardClient.open(server.url, timeout=5.0) as client:
            assert client.info().condition == "blank"
    assert start(disk) == "new"


@pytest.mark.parametrize("injury", INJURIES, ids=lambda injury: injury.name)
def test_a_board_behind_a_server_is_flashed(disk: Disk, injury: Injury) -> None:
    flash_and_ask(disk, injury, seed=1)
