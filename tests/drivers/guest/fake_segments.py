"""Fakes of two chips with eight characters of 14 segments, following the HT16K33's data sheet. Runs on both interpreters.

The segments of a character have letters. A to F are the ring, clockwise from the top; G is the left and H the right
half of the middle bar. Upper spokes: I left, J up, K right. Lower spokes: L left, M down, N right.
"""

_LETTERS = "ABCDEFGHIJKLMN"
# Each character and its segments.
_SEEN = (
    "0:ABCDEFKL 1:BC 2:ABDEGH 3:ABCDGH 4:BCFGH 5:ACDFGH 6:ACDEFGH 7:ABC 8:ABCDEFGH 9:ABCDFGH *:GHIJKLMN >:IL "
    "?:ABHM A:ABCEFGH B:ABCDHJM C:ADEF D:ABCDJM E:ADEFGH F:AEFG G:ACDEFH H:BCEFGH I:ADJM K:EFGKN L:DEF N:BCEFIN "
    "O:ABCDEF P:ABEFGH R:ABEFGHN T:AJM U:BCDEF W:BCEFLN Y:IKM"
)


def read(segments):
    for entry in _SEEN.split(" "):
        if sorted(entry[2:]) == segments:
            return entry[0]
    assert not segments, "unreadable: " + "".join(segments)
    return " "


class Chip:
    def __init__(self):
        self.memory = bytearray(b"\xa5" * 16)
        self.clock = self.on = False
        self.brightness = None

    def write(self, data):
        command = data[0]
        if command < 16:
            for i in range(len(data) - 1):
                self.memory[(command + i) % 16] = data[1 + i]
            assert self.clock or len(data) == 1, "written to in standby"
            return
        assert len(data) == 1
        if command & 0xF0 == 0x20:
            self.clock = bool(command & 1)
        elif command & 0xF0 == 0x80:
            self.on = bool(command & 1)
            assert command & 6 == 0, "it blinks"
        elif command & 0xF0 == 0xE0:
            self.brightness = command & 15

    def lit(self):
        return self.clock and self.on

    def characters(self):
        assert not any(self.memory[8:]), "segments that are not there"
        text = ""
        for i in range(4):
            bits = self.memory[2 * i] | self.memory[2 * i + 1] << 8
            text += read([_LETTERS[n] for n in range(14) if bits >> n & 1])
        return text


class Segments:
    """Both chips, to be connected to a bus one after the other."""

    def __init__(self):
        self.chips = (Chip(), Chip())

    def text(self):
        lit = [chip.lit() for chip in self.chips]
        assert lit[0] == lit[1], "one half is dark"
        return "".join([chip.characters() for chip in self.chips]) if lit[0] else None

    def hidden(self):
        return "".join([chip.characters() for chip in self.chips]).strip()
