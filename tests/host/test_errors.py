"""The errors of the host library, as a pool of processes passes them on."""

import pickle

import pytest

from dsc_host import errors
from dsc_host.errors import CardError, DscError, InputError, OutOfMemory, SuiteError, TooManyChallenges, TooManyUnlockCodes

ERRORS = (
    InputError("pin", "must be {n} digits", n=4),
    SuiteError("must be OCRA-1", "OCRA-2"),
    OutOfMemory(),
    CardError("state", "the card is blank"),
    TooManyChallenges("card A-1: too many challenges", 60.0),
    TooManyUnlockCodes("card A-1: too many unlock codes", 87400.0),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_keeps_its_message_and_its_values_between_processes(error: DscError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_every_error_with_its_own_arguments_is_among_them() -> None:
    own = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, DscError) and "__init__" in vars(kind)
    }
    assert own == {type(error) for error in ERRORS}
