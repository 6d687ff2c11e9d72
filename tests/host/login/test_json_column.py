"""The columns of JSON: what is written is read again, and what an earlier version wrote is read too."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from dsc_host.login import json_column


@dataclass(frozen=True, slots=True)
class Inner:
    """A part of the values."""

    numbers: tuple[int, ...]
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Values:
    """Values with a field of each sort."""

    name: str
    named: Mapping[str, str]
    inner: Inner | None = None
    until: float | None = None


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (Values("Zoë", {}), '{"name":"Zo\\u00eb","named":{}}'),
        (Values("", {"b": "2", "a": "1"}, until=0.5), '{"name":"","named":{"a":"1","b":"2"},"until":0.5}'),
        (Values("x", {}, Inner((1, 2), 3)), '{"inner":{"numbers":[1,2],"wrong":3},"name":"x","named":{}}'),
    ],
)
def test_what_is_written_is_read_again(values: Values, text: str) -> None:
    assert json_column.write(values) == text
    assert json_column.read(Values, text) == values


def test_an_earlier_version_may_have_written_null_and_other_keys() -> None:
    text = '{"inner":null,"name":"x","named":{},"gone":1}'
    assert json_column.read(Values, text) == Values("x", {})
