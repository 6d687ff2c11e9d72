"""The card's receiver: memory stays bounded, nothing raises, and host and card read the same meaning in what is served.

The input is a stream of lines. A line that ends with `*` gets its checksum.
"""

from tests.reliability.fuzzers.checksums import LINE_END, seal_lines, written

from dsc_firmware.link import LINE_MAX, Receiver
from dsc_host.link.frames import MAX_LINE, Request, decode

UNCHECKED = ("hello", "info", "display")
Served = tuple[int, str, dict[bytes, bytes], bool]


def serve(data: bytes, step: int) -> list[Served]:
    """Return what a new card's receiver serves of `data`, which comes `step` bytes at a time."""
    served: list[Served] = []

    def take(request) -> None:  # type: ignore[no-untyped-def]
        values = {bytes(request.name(i)): bytes(request.value(i)) for i in range(len(request))}
        assert len(values) == len(request), "a name came twice"
        served.append((request.number, request.word, values, request.checked))

    receiver = Receiver(take)
    for at in range(0, len(data), step):
        receiver.feed(memoryview(data)[at : at + step])
        assert len(receiver._buffer) == LINE_MAX
        assert receiver._length <= LINE_MAX + 1
    return served


def check(data: bytes) -> None:
    stream = seal_lines(data) + b"\n"
    served = serve(stream, len(stream))
    assert served == serve(stream, 7)
    one_by_one = [serve(line + b"\n", MAX_LINE) for line in LINE_END.split(stream)]
    assert served == [item for items in one_by_one for item in items]
    for line, items in zip(LINE_END.split(stream), one_by_one, strict=True):
        frame = decode(line)
        check_meaning(items[0] if items else None, frame if isinstance(frame, Request) else None)
    for item in served:
        check_again(item)


def check_meaning(item: Served | None, frame: Request | None) -> None:
    """Check that host and card read the same request from a line, or that both refuse it."""
    if frame is None:
        # The card's caller enforces what docs/reference/protocol.md asks of words without a check, and that values are text.
        assert item is None or not (item[3] or item[1] in UNCHECKED) or not is_text(item[2])
        return
    said = {name.encode(): value.encode() for name, value in frame.values.items()}
    assert item is not None, "the card does not serve a request"
    assert item[:3] == (frame.seq, frame.word, said), "card and host read a line differently"


def check_again(item: Served) -> None:
    """Check that a served request, written again as a line, is served again unchanged."""
    number, word, values, checked = item
    line = written(b">%d %s" % (number, word.encode()), values)
    # An unchecked line may be so long that there is no room for a check.
    assert serve(line + b"\n", MAX_LINE) == [(number, word, values, True)] or not checked


def is_text(values: dict[bytes, bytes]) -> bool:
    try:
        return all(isinstance(value.decode(), str) for value in values.values())
    except UnicodeDecodeError:
        return False
