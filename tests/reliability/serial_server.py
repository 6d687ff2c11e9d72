"""A board behind a serial port server (RFC 2217): it is flashed and asked, while the line behind the server delays and damages.

The host promises what it promises on such a line without a server. Here time is real, so the delays are short.
"""

import warnings
from collections.abc import Iterator

from tests.host.flash import flash_boards
from tests.host.flash.board_disk import Disk
from tests.host.flash.board_double import BoardDouble
from tests.host.flash.rfc2217_server import Rfc2217Server
from tests.reliability.board_line import RARE, Injury
from tests.reliability.report import Row, Scale

from dsc_host.errors import DscError
from dsc_host.flash import BoardSession, examine, install, plan
from dsc_host.link import CardClient, open_port

INJURIES = (
    Injury("late", delay=0.01, jitter=0.01),
    Injury("a byte in 3,000 lost", lost=RARE),
    Injury("a byte in 3,000 doubled", doubled=RARE),
)
_SEEDS = {Scale.TEST: 1, Scale.FULL: 100}


def flash_and_ask(disk: Disk, injury: Injury, seed: int) -> None:
    """Flash the board, and ask the card that it becomes."""
    # pyserial itself uses setDaemon and setName.
    with warnings.catch_warnings(), BoardDouble(disk) as board, Rfc2217Server(board.url, injury, seed) as server:
        warnings.filterwarnings("ignore", "set(Daemon|Name)", DeprecationWarning)
        with BoardSession(open_port(server.url), server.url) as session:
            install(session, plan(examine(session), flash_boards.NEW))
        with CardClient.open(server.url, timeout=5.0) as client:
            assert client.info().condition == "blank"
    assert flash_boards.start(disk) == "new"


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each injury."""
    old = flash_boards.disk_with(flash_boards.OLD)
    for injury in INJURIES:
        failed = sum(_fails(old, injury, seed) for seed in range(_SEEDS[scale]))
        yield Row(f"RFC 2217: {injury.name}", "board", _SEEDS[scale], {"not flashed": failed})


def _fails(old: Disk, injury: Injury, seed: int) -> bool:
    try:
        flash_and_ask(flash_boards.copy_of(old), injury, seed)
    except (DscError, AssertionError):
        return True
    return False
