"""The attributes that accepted users get: the table, the rules that fit, and files that are refused."""

from pathlib import Path
from typing import Any

import pytest
from tests.checkout import ROOT
from tests.docs_blocks import blocks
from tests.host.gateway.radius_program import Program
from tests.host.login.scenario import Scenario

from dsc_host.errors import InputError
from dsc_host.gateway.radius import responder
from dsc_host.gateway.radius.attributes import MOST_TABLE_BYTES, NO_TABLE, PLACEHOLDERS, Table
from dsc_host.gateway.radius.packets import MOST_BYTES, Attribute, Type

VALUES = {**dict.fromkeys(PLACEHOLDERS, "x"), "user": "anna"}


def given(user: str = "anna", client: str = "vpn", device: str = "dsc_plus", **rule: Any) -> list[Attribute]:
    return Table.of({"groups": {"staff": ["anna"], "desk": ["sue"]}, "rule": [rule]}).attributes(client, user, device, VALUES)


def test_the_table_in_the_docs_gives_its_attributes_to_an_accepted_user(scenario: Scenario, tmp_path: Path) -> None:
    (text,) = [block for block in blocks(ROOT / "docs" / "how-to" / "radius.md", "toml") if "[groups]" in block]
    file = tmp_path / "attributes.toml"
    file.write_text(text)
    program = Program.of(scenario, "vpn", "192.0.2.7", Table.load(file))
    state, response = program.challenged()
    reply = program.ask("anna", response, (Type.STATE, state))
    assert reply is not None
    assert reply.attributes[1:] == (
        (Type.USER_NAME, b"anna"),
        (27, (28_800).to_bytes(4, "big")),
        (25, b"level-0"),
        (11, b"staff"),
        (Type.VENDOR_SPECIFIC, b"\0\0\0\x09\x01" + bytes([2 + 17]) + b"shell:priv-lvl=15"),
    )
    state, response = program.challenged("sue")
    other = program.ask("sue", response, (Type.STATE, state))
    assert other is not None
    assert other.all(Type.USER_NAME) + [value for kind, value in other.attributes if kind == 11] == [b"sue"]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({}, True), ({"clients": ["vpn"]}, True), ({"clients": ["wiki"]}, False), ({"groups": ["staff"]}, True),
        ({"groups": ["desk", "staff"]}, True), ({"groups": ["desk"]}, False), ({"groups": []}, False),
        ({"clients": []}, False), ({"devices": []}, False),
        ({"devices": ["dsc_plus", "sms"]}, True), ({"devices": ["sms"]}, False),
        ({"groups": ["staff"], "clients": ["wiki"]}, False),
    ],
)  # fmt: skip
def test_a_rule_fits_if_all_its_conditions_do(rule: dict[str, Any], fits: bool) -> None:
    assert given(**rule, Class="y") == ([(25, b"y")] if fits else [])


def test_values_are_cut_to_what_an_attribute_holds() -> None:
    table = Table.of({"rule": [{"Class": "{user}{user}{user}{user}{user}"}]})
    ((_, value),) = table.attributes("vpn", "x", "y", {**VALUES, "user": "ä" * 100})
    assert value.decode() == "ä" * 126


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"rules": []}, "file cannot have rules"), ({"rule": {}}, "rule must be a list"), ({"groups": []}, "groups must be"),
        ({"groups": {"a": "anna"}}, "group a must be a list of names"), ({"rule": [1]}, "rule 1 must be a table"),
        ({"rule": [{"groups": ["a"]}]}, "rule 1: there is no group a"), ({"rule": [{"class": "x"}]}, "1 cannot have class"),
        ({"rule": [{"Class": ""}]}, "Class must be a text"), ({"rule": [{"Class": "{name}"}]}, "may be {user}"),
        ({"rule": [{"Class": "{"}]}, "Class must be a text"), ({"rule": [{"Class": "{user.x}"}]}, "Class must be a text"),
        ({"rule": [{"Class": "{user!r}"}]}, "Class must be a text"), ({"rule": [{"Class": "{}"}]}, "Class must be a text"),
        ({"rule": [{"Class": "{user:9999}"}]}, "Class must be a text"),
        ({"rule": [{"Class": "{user.__doc__}"}]}, "Class must be a text"), ({"rule": [{"Class": "x" * 254}]}, "247 bytes"),
        ({"rule": [{"Session-Timeout": -1}]}, "from 0 to"), ({"rule": [{"Session-Timeout": True}]}, "from 0 to"),
        ({"rule": [{"vendor": [{"id": 9, "type": 1}]}]}, "needs a text or a number"),
        ({"rule": [{"vendor": [{"id": 9, "type": 256, "text": "x"}]}]}, "type must be a whole number"),
        ({"rule": [{"devices": ["sms", "dsc_pluss"]}]}, "rule 1: there is no kind of device dsc_pluss; the kinds are card,"),
        ({"rule": [{"Class": "x" * 247}] * 7}, f"{MOST_TABLE_BYTES} bytes"),
    ],
)  # fmt: skip
def test_a_table_that_is_wrong_is_refused(content: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=r"^attributes: ") as refused:
        Table.of(content)
    assert told in str(refused.value)


def test_the_longest_table_and_the_longest_name_fit_beside_all_proxy_states() -> None:
    most = MOST_TABLE_BYTES + responder.MOST_PROXY_BYTES
    assert 20 + 18 + (2 + 253) + most <= MOST_BYTES
    assert NO_TABLE.attributes("vpn", "anna", "sms", VALUES) == []


@pytest.mark.parametrize(
    "text",
    ["[[rule", "\xff", "rule = " + "[" * 10_000, "rule = " + "1" * 5_000],
    ids=["cut", "no UTF-8", "too deep", "too long"],
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"^attributes: .*wrong\.toml"):
        Table.load(file)
    with pytest.raises(InputError, match=r"^attributes: "):
        Table.load(tmp_path / "missing.toml")
