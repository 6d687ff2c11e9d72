"""Random bytes that have passed health tests.

The tests are those of NIST SP 800-90B section 4.4, for bytes. The repetition count test fails if 6 bytes in a row are equal.
The adaptive proportion test fails if 62 of 512 bytes equal the first of them. These limits are for a source with at least 4
bits of entropy per byte, and for one false alarm in 2**20. At start-up, START bytes are tested and discarded. Every byte that
is read later is tested too. After a failure, every read fails until the restart of the card.
"""

from .ports import const, wipe

START = const(1024)
_REPEATS = const(6)
_WINDOW = const(512)
_PROPORTION = const(62)
_CHUNK = const(64)


class EntropyError(Exception):
    """The source is broken: it repeats bytes, is biased, returns too few bytes, or fails."""


class Entropy:
    """Health-tested reads of an entropy port."""

    def __init__(self, port):
        self._port = port
        self._last = -1
        self._run = 0
        self._sample = 0
        self._seen = _WINDOW
        self._same = 0
        self.healthy = True

    def start(self):
        """Test START fresh bytes. Return whether the source is healthy."""
        try:
            for _ in range(START // _CHUNK):
                self.read(_CHUNK)
        except EntropyError:
            pass
        return self.healthy

    def read(self, n):
        """Return `n` random bytes in a bytearray, which the caller should wipe. Raise EntropyError if the source is broken."""
        data = self._take(n)
        if not self._passes(data):
            self.healthy = False
        if not self.healthy:
            wipe(data)
            raise EntropyError()
        return data

    def _take(self, n):
        try:
            data = bytearray(self._port.read(n))
        except OSError:
            data = bytearray()
        if len(data) != n:
            self.healthy = False
        return data

    def _passes(self, data):
        """Return whether both tests pass for the bytes of `data`, after the bytes that were tested before."""
        last, run, seen, sample, same = self._last, self._run, self._seen, self._sample, self._same
        passed = True
        for byte in data:
            run = run + 1 if byte == last else 1
            last = byte
            if seen == _WINDOW:
                seen, sample, same = 0, byte, 0
            seen += 1
            same += byte == sample
            if run == _REPEATS or same == _PROPORTION:
                passed = False
        self._last, self._run, self._seen, self._sample, self._same = last, run, seen, sample, same
        return passed
