"""A pyserial program that gets a response from a card. A simulated card lets you test it without a board.

python serial_login.py 482913                   a simulated card, by its sim:// address
python serial_login.py 482913 /dev/ttyACM0      a real one, if its keys may be pressed over the line
"""

import sys
from binascii import crc32

import serial

from dsc_simulator import Profile, SimulatedCard

PIN = "1234"


def ask(port: serial.Serial, number: int, request: str) -> str:
    """Send one request and return the card's reply. Ignore the card's events."""
    body = f">{number} {request}"
    port.write(f"\n{body}*{crc32(body.encode()):08x}\n".encode())
    while line := port.readline().decode():
        if line.startswith(f"<{number} "):
            return line.rpartition("*")[0].split(" ", 1)[1]
    raise TimeoutError(f"the card did not answer: {request.split()[0]}")


def log_in(port: serial.Serial, pin: str, challenge: str) -> str:
    """Press the keys of a login on a card that is off, and return the response on its display."""
    keys = ["PRESS", *pin, "OK", *challenge, "OK"]
    for number, key in enumerate(keys, 1):
        if (reply := ask(port, number, f"key k={key}")) != "ok":
            raise SystemExit(f"the card refused a key: {reply}")
    return ask(port, len(keys) + 1, "display").removeprefix("ok text=")


def main(challenge: str, address: str | None = None) -> None:
    profile = Profile(serial="IB3000123", key=bytes(range(32)))
    with SimulatedCard(profile=profile, seed=1) as card, serial.serial_for_url(address or card.url, timeout=1) as port:
        print(log_in(port, PIN, challenge))


if __name__ == "__main__":
    main(*sys.argv[1:])
