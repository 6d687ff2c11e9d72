"""A listener for the requests that a card's receiver serves."""

from dsc_firmware.link import Receiver

Served = tuple[int, str, bool, dict[str, bytes]]


class Listener:
    """A receiver, with copies of the requests that it has served."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.receiver = Receiver(self._serve)

    def _serve(self, request) -> None:  # type: ignore[no-untyped-def]
        fields = {bytes(request.name(i)).decode(): bytes(request.value(i)) for i in range(len(request))}
        self.served.append((request.number, request.word, request.checked, fields))

    def hear(self, data: bytes | memoryview) -> list[Served]:
        self.receiver.feed(data)
        return self.served
