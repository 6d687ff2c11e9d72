"""The fixture of all driver tests: `play` runs a program on either interpreter."""

from collections.abc import Callable
from functools import partial

import pytest
from tests.drivers.engines import play as play_on
from tests.firmware.fakes import INTERPRETERS


@pytest.fixture(params=INTERPRETERS)
def play(request: pytest.FixtureRequest) -> Callable[[str], list[str]]:
    return partial(play_on, request.param)
