"""The comparison of a key's `ChallengeFormat` and `ResponseFormat` (RFC 6030, section 4.3.4) with its suite.

A key is refused if the formats contradict the suite, for example because the card adds check digits. The verifier would refuse
each response of such a card, and soon lock the card.
"""

from typing import TYPE_CHECKING

from dsc_host.errors import InputError
from dsc_host.ocra import Suite

if TYPE_CHECKING:
    from pskc.key import Key

QUESTION_ENCODINGS = {"N": "DECIMAL", "A": "ALPHANUMERIC", "H": "HEXADECIMAL"}
"""The `Encoding` of a challenge, by the suite's question format."""
RESPONSE_ENCODING = "DECIMAL"
"""The `Encoding` of a response with 4 to 10 digits."""


def check(key: "Key", suite: Suite) -> None:
    """Raise an `InputError` that names the attribute if an attribute of the formats contradicts the suite."""
    _check_check_digits("ChallengeFormat", key.challenge_check, suite)
    _check_equal("ChallengeFormat", "Encoding", key.challenge_encoding, QUESTION_ENCODINGS[suite.question_format], suite)
    _check_equal("ChallengeFormat", "Max", key.challenge_max_length, suite.question_length, suite)
    if key.challenge_min_length is not None and not 0 <= key.challenge_min_length <= suite.question_length:
        allowed = f"at most {suite.question_length}"
        raise _contradiction("ChallengeFormat", "Min", key.challenge_min_length, allowed, suite)
    _check_check_digits("ResponseFormat", key.response_check, suite)
    _check_equal("ResponseFormat", "Encoding", key.response_encoding, RESPONSE_ENCODING, suite)
    _check_equal("ResponseFormat", "Length", key.response_length, suite.digits, suite)


def _check_check_digits(element: str, value: bool | None, suite: Suite) -> None:
    if value:
        raise _contradiction(element, "CheckDigits", "true", "false", suite)


def _check_equal(element: str, attribute: str, value: str | int | None, wanted: str | int, suite: Suite) -> None:
    if value is not None and value != wanted:
        raise _contradiction(element, attribute, value, str(wanted), suite)


def _contradiction(element: str, attribute: str, value: str | int, wanted: str, suite: Suite) -> InputError:
    problem = f"{attribute} is {ascii(str(value))[1:-1][:32]}, but must be {wanted} according to the suite {suite.text}"
    return InputError(element, f"{problem}; ask the maker of the card which of them is right")
