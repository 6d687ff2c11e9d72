"""A fake `machine` made of wires: a pin reads what is connected to it. Runs on both interpreters."""

LOW, HIGH = 0, 1
_GROUND = -1

pins = {}
wires = set()  # pairs of pins, or a pin and ground, that are connected now
buses = {}  # by number: {address: device}; a device accepts bytes
hanging = set()  # numbers of the buses that hang
uarts = {}
volts = {}  # by pin: 0 to 65535
refused = set()  # pins that this chip does not have
shorts = []  # pins of outputs that opposed each other


def reset():
    for held in (pins, wires, buses, hanging, uarts, volts, refused):
        held.clear()
    shorts[:] = []


def connect(a, b=_GROUND):
    wires.add((a, b))


def disconnect(a, b=_GROUND):
    wires.discard((a, b))


def _net(number):
    """Return all pins, and ground if it is among them, that are connected to one pin."""
    net = {number}
    size = 0
    while len(net) > size:
        size = len(net)
        for a, b in wires:
            if b != _GROUND and (a in net or b in net):
                net.add(a)
                net.add(b)
    return net


def _level(number):
    if not wires and pins[number].pull == Pin.PULL_UP:
        return HIGH
    net = _net(number)
    outputs = {pins[n].drives() for n in net if n in pins} - {None}
    if any((n, _GROUND) in wires for n in net):
        outputs.add(LOW)
    if len(outputs) == 2:
        shorts.append(number)
    if outputs:
        return min(outputs)
    assert any(pins[n].pull == Pin.PULL_UP for n in net if n in pins), "floats: pin " + str(number)
    return HIGH


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1

    def __init__(self, number, mode=-1, pull=-1, value=None):
        if number in refused:
            raise ValueError("invalid pin")
        self.number = number
        self.mode = mode
        self.pull = pull
        self.level = value or LOW
        pins[number] = self

    def drives(self):
        if self.mode == Pin.OUT or (self.mode == Pin.OPEN_DRAIN and self.level == LOW):
            return self.level
        return None

    def value(self, level=None):
        if level is None:
            return _level(self.number)
        self.level = level
        assert self.mode in (Pin.OUT, Pin.OPEN_DRAIN)
        # Report opposing outputs immediately, even if nothing reads them.
        _level(self.number) if level == LOW or self.mode == Pin.OUT else None
        return None


class I2C:
    def __init__(self, number, sda, scl, freq, timeout):
        if scl.number == sda.number + 2:
            raise ValueError("bad SCL pin")
        self.number = number
        self.freq = freq
        self.devices = buses.setdefault(number, {})

    def writeto(self, address, data):
        if self.number in hanging:
            raise OSError(110)
        if address not in self.devices:
            raise OSError(5)
        self.devices[address].write(bytes(data))
        return len(data)


class UART:
    def __init__(self, number, baudrate, tx, rx, txbuf, rxbuf, timeout):
        assert timeout == 0
        self.inbox = bytearray()
        self.outbox = bytearray()
        uarts[number] = self

    def any(self):
        return len(self.inbox)

    def readinto(self, buffer, n):
        n = min(n, len(self.inbox))
        if not n:
            return None
        buffer[:n] = self.inbox[:n]
        self.inbox = self.inbox[n:]
        return n

    def write(self, data):
        self.outbox.extend(bytes(data))
        return len(data)


class ADC:
    def __init__(self, pin):
        self.number = pin.number

    def read_u16(self):
        return volts.get(self.number, 65535)
