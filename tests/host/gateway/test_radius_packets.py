"""The bytes of RADIUS packets, in the examples of the RFCs and in random data."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_host.gateway.radius import packets
from dsc_host.gateway.radius.packets import Code, Malformed, Type, parse

VECTORS: Any = json.loads((Path(__file__).parents[2] / "vectors" / "radius.json").read_text("utf-8"))
SECRET = VECTORS["secret"].encode()
NONCE = bytes(range(16))
attributes = st.lists(st.tuples(st.integers(1, 255).filter(lambda kind: kind != 80), st.binary(max_size=253)), max_size=8)


@pytest.mark.parametrize("example", VECTORS["passwords"], ids=lambda example: example["name"])
def test_the_passwords_of_the_examples_are_read_and_hidden(example: Any) -> None:
    packet = parse(bytes.fromhex(example["request"]))
    assert packet.one(Type.USER_NAME) == example["name"].encode()
    assert packets.password_of(packet, SECRET) == example["password"].encode()
    hidden = packets.hide_password(example["password"].encode(), packet.authenticator, SECRET)
    assert hidden == packet.one(Type.USER_PASSWORD)


def test_the_signature_of_the_example_is_right_and_any_other_is_wrong() -> None:
    raw = bytes.fromhex(VECTORS["signed"])
    assert packets.is_signed(parse(raw), SECRET)
    assert not packets.is_signed(parse(raw), SECRET + b"1")
    assert not packets.is_signed(parse(raw[:-1] + bytes([raw[-1] ^ 1])), SECRET)
    assert not packets.is_signed(parse(bytes([1]) + raw[1:]), SECRET)


def test_a_second_signature_is_no_signature() -> None:
    once = packets.request(1, NONCE, [], SECRET)
    twice = once[:2] + (len(once) + 18).to_bytes(2, "big") + once[4:] + once[20:]
    assert packets.is_signed(parse(once), SECRET)
    assert not packets.is_signed(parse(twice), SECRET)


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda rest: bytes([1, 0, 0, 20 + len(rest)]) + NONCE + rest))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    with suppress(Malformed):
        packet = parse(data)
        packets.is_signed(packet, SECRET)
        packets.password_of(packet, SECRET)


@given(attributes, st.integers(0, 255))
def test_a_reply_is_signed_first_and_has_its_attributes(given: list[tuple[int, bytes]], identifier: int) -> None:
    asked = packets.request(identifier, NONCE, [], SECRET)
    reply = packets.sign(Code.ACCESS_REJECT, parse(asked), given, SECRET)
    read = parse(reply)
    assert read.attributes[0][0] == Type.MESSAGE_AUTHENTICATOR
    assert list(read.attributes[1:]) == given
    assert packets.is_reply(reply, asked, SECRET)
    assert not packets.is_reply(reply, asked, SECRET + b"1")


@given(st.binary(max_size=128).filter(lambda text: not text.endswith(b"\0")))
def test_a_password_is_read_as_it_was_hidden(password: bytes) -> None:
    hidden = packets.hide_password(password, NONCE, SECRET)
    assert packets.password_of(parse(packets.request(0, NONCE, [(Type.USER_PASSWORD, hidden)], SECRET)), SECRET) == password


def test_what_follows_a_packet_is_padding_and_a_packet_too_long_is_malformed() -> None:
    raw = packets.request(0, NONCE, [(1, bytes(250))] * 16, SECRET)
    assert parse(raw + b"padding").raw == raw
    too_long = raw[:2] + (4097).to_bytes(2, "big") + raw[4:] + bytes([1, 3, 0]) * 200
    with pytest.raises(Malformed):
        parse(too_long)


@pytest.mark.parametrize("length", [15, 17, 144, 0])
def test_a_password_of_a_wrong_length_is_none(length: int) -> None:
    raw = packets.request(0, NONCE, [(Type.USER_PASSWORD, bytes(length))], SECRET)
    assert packets.password_of(parse(raw), SECRET) is None


def test_a_reply_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="253"):
        packets.sign(Code.ACCESS_REJECT, parse(packets.request(0, NONCE, [], SECRET)), [(18, bytes(254))], SECRET)
    with pytest.raises(ValueError, match="4096"):
        packets.sign(Code.ACCESS_REJECT, parse(packets.request(0, NONCE, [], SECRET)), [(18, bytes(250))] * 17, SECRET)
