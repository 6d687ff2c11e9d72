"""A fake graphic display, following the data sheet of the SSD1306, with a reader of its picture. Runs on both interpreters."""

# The number of bytes after each command of the data sheet's table. Other commands have none.
_LONG = {0x81: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1, 0x8D: 1, 0x20: 1, 0x21: 2, 0x22: 2}

# Letters as a person knows them: each letter before its rows.
_FONT = """
0.###.|#...#|#..##|#.#.#|##..#|#...#|.###. 1..#..|.##..|..#..|..#..|..#..|..#..|.###.
2.###.|#...#|....#|...#.|..#..|.#...|##### 3#####|...#.|..#..|...#.|....#|#...#|.###.
4...#.|..##.|.#.#.|#..#.|#####|...#.|...#. 5#####|#....|####.|....#|....#|#...#|.###.
6..##.|.#...|#....|####.|#...#|#...#|.###. 7#####|....#|...#.|..#..|.#...|.#...|.#...
8.###.|#...#|#...#|.###.|#...#|#...#|.###. 9.###.|#...#|#...#|.####|....#|...#.|.##..
>.#...|..#..|...#.|....#|...#.|..#..|.#... *.....|..#..|#.#.#|.###.|#.#.#|..#..|.....
?.###.|#...#|....#|...#.|..#..|.....|..#.. A.###.|#...#|#...#|#...#|#####|#...#|#...#
B####.|#...#|#...#|####.|#...#|#...#|####. C.###.|#...#|#....|#....|#....|#...#|.###.
D###..|#..#.|#...#|#...#|#...#|#..#.|###.. E#####|#....|#....|####.|#....|#....|#####
F#####|#....|#....|####.|#....|#....|#.... G.###.|#...#|#....|#.###|#...#|#...#|.###.
H#...#|#...#|#...#|#####|#...#|#...#|#...# I.###.|..#..|..#..|..#..|..#..|..#..|.###.
K#...#|#..#.|#.#..|##...|#.#..|#..#.|#...# L#....|#....|#....|#....|#....|#....|#####
N#...#|#...#|##..#|#.#.#|#..##|#...#|#...# O.###.|#...#|#...#|#...#|#...#|#...#|.###.
P####.|#...#|#...#|####.|#....|#....|#.... R####.|#...#|#...#|####.|#.#..|#..#.|#...#
T#####|..#..|..#..|..#..|..#..|..#..|..#.. U#...#|#...#|#...#|#...#|#...#|#...#|.###.
W#...#|#...#|#...#|#.#.#|#.#.#|#.#.#|.#.#. Y#...#|#...#|#...#|.#.#.|..#..|..#..|..#..
"""
_LETTERS = {entry[0]: entry[1:] for entry in _FONT.split()}
_LETTERS[" "] = "|".join(["....."] * 7)
_ALIKE = 4  # dots by which a letter may differ, if no other letter is as close


class Oled:
    """A fake of the chip that receives the bytes after its address."""

    def __init__(self, height):
        self.height = height
        self.memory = bytearray(b"\x5a" * 1024)
        self.settings = {}
        self.columns, self.pages = (0, 127), (0, 7)
        self.column = self.page = 0
        self.on = False
        self.shown_all = self.inverted = False

    def write(self, data):
        assert data[0] in (0x00, 0x40), "control byte"
        if data[0] == 0x40:
            for value in data[1:]:
                self._store(value)
            return
        at = 1
        while at < len(data):
            command = data[at]
            count = _LONG.get(command, 0)
            assert at + count < len(data), "a command is cut short"
            self._command(command, data[at + 1 : at + 1 + count])
            at += 1 + count

    def _store(self, value):
        assert self.settings.get(0x20) == b"\x00", "only horizontal addressing is known here"
        self.memory[128 * self.page + self.column] = value
        self.column += 1
        if self.column > self.columns[1]:
            self.column = self.columns[0]
            self.page = self.pages[0] if self.page == self.pages[1] else self.page + 1

    def _command(self, command, values):
        if command == 0x21:
            self.columns, self.column = tuple(values), values[0]
        elif command == 0x22:
            self.pages, self.page = tuple(values), values[0]
        elif command in _LONG:
            self.settings[command] = bytes(values)
        elif command in (0xAE, 0xAF):
            self.on = command == 0xAF
        elif command in (0xA4, 0xA5):
            self.shown_all = command == 0xA5
        elif command in (0xA6, 0xA7):
            self.inverted = command == 0xA7
        else:
            assert command in (0x40, 0xA1, 0xC8), "unknown command " + hex(command)

    def dot(self, x, y):
        return self.memory[128 * (y // 8) + x] >> y % 8 & 1

    def check_settings(self):
        settings = self.settings
        assert settings[0xA8][0] == self.height - 1
        assert settings[0xDA][0] == (0x12 if self.height == 64 else 0x02)
        assert (settings[0x8D], settings[0xD3]) == (b"\x14", b"\x00")
        assert not self.shown_all
        assert not self.inverted

    def text(self):
        self.check_settings()
        return self.characters() if self.on else None

    def hidden(self):
        return self.characters().strip()

    def characters(self):
        cells = [self._dots(16 * i) for i in range(8)]
        every = set()
        for dots in cells:
            every.update([y for _, y in dots])
        if not every:
            return " " * 8
        return "".join([_read(dots) for dots in cells])

    def _dots(self, left):
        return {(x - left, y) for y in range(self.height) for x in range(left, left + 16) if self.dot(x, y)}


def _read(dots):
    """Return the letter in a cell: five dots wide and seven tall, each dot a block of 2 x 3."""
    if not dots:
        return " "
    top = 17 if max([y for _, y in dots]) > 23 else 1
    grid = ""
    for row in range(7):
        for column in range(5):
            block = [(3 + 2 * column + x, top + 3 * row + y) in dots for x in range(2) for y in range(3)]
            assert all(block) or not any(block), "a dot is not whole"
            grid += "#" if block[0] else "."
    assert grid.count("#") * 6 == len(dots), "dots outside the letter"
    return _nearest(grid)


def _nearest(grid):
    ranks = sorted([(_distance(grid, _LETTERS[name].replace("|", "")), name) for name in _LETTERS])
    best, second = ranks[0][0], ranks[1][0]
    assert best <= _ALIKE, "unreadable: " + grid
    assert best < second, "ambiguous: " + grid
    return ranks[0][1]


def _distance(a, b):
    return sum([1 for i in range(35) if a[i] != b[i]])
