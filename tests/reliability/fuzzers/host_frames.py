"""The host's reader: memory stays bounded, nothing raises, and every frame that it accepts can be written and read again.

The first byte says how the stream is cut into pieces. A line that ends with `*` gets its checksum.
"""

from tests.reliability.fuzzers.checksums import LINE_END, encoded, seal_lines, written

from dsc_host.link.frames import MAX_LINE, MAX_VALUES, Event, Frame, LineReader, Reply, Request, decode, mask, mask_noise


def check(data: bytes) -> None:
    step, stream = (data[0] % 32 + 1 if data else 1), seal_lines(data[1:]) + b"\n"
    reader, lines = LineReader(), []
    for at in range(0, len(stream), step):
        lines += reader.feed(stream[at : at + step])
        assert len(reader._part) <= MAX_LINE
    assert lines == [line for line in LINE_END.split(stream) if 0 < len(line) <= MAX_LINE]
    for line in lines:
        assert len(mask(line)) <= 4 * MAX_LINE
        assert len(mask_noise(line)) == len(line)
        frame = decode(line)
        if frame is not None:
            check_frame(frame)


def check_frame(frame: Frame) -> None:
    assert 0 <= frame.seq <= 0xFFFF
    assert len(frame.values) <= MAX_VALUES
    again = write(frame)
    assert len(again) > MAX_LINE or decode(again) == frame


def write(frame: Frame) -> bytes:
    values = {name.encode(): value.encode() for name, value in frame.values.items()}
    if isinstance(frame, Reply):
        if frame.code:
            words = encoded(frame.text.encode(), plain=b" =")
            return written(b"<%d err %s" % (frame.seq, frame.code.encode()) + (b" " + words if words else b""), {})
        return written(b"<%d ok" % frame.seq, values)
    assert isinstance(frame, Request | Event)
    return written(b"%s%d %s" % (b">" if isinstance(frame, Request) else b"!", frame.seq, frame.word.encode()), values)
