"""A board behind a serial port server: it is flashed and queried over RFC 2217, with delays and damaged bytes."""

import pytest
from tests.host.command_runner import needs_pty
from tests.host.flash.board_disk import Disk
from tests.reliability.board_line import Injury
from tests.reliability.serial_server import INJURIES, flash_and_ask

pytestmark = needs_pty


@pytest.mark.long
@pytest.mark.parametrize("injury", INJURIES, ids=lambda injury: injury.name)
def test_a_board_behind_a_server_is_flashed(disk: Disk, injury: Injury) -> None:
    flash_and_ask(disk, injury, seed=1)
