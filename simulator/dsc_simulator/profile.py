"""The profile of a simulated card, and a flash that holds it, written by the firmware's own journal."""

from dataclasses import dataclass, field

from dsc_firmware.journal import Journal
from dsc_firmware.profile import DEFAULT_SUITE, ProfileError
from dsc_firmware.profile import Profile as StagedProfile
from dsc_simulator.board import Flash
from dsc_simulator.errors import ProfileRefused


@dataclass(frozen=True)
class Profile:
    """The values that personalize a card.

    `serial` has 1 to 16 characters of A-Z, 0-9 and `-`. `key` has 16 to 64 bytes. `suite` is any suite that a card supports.
    With `pin_policy="ocra"`, the PIN is an input of the response and the card does not know it: leave `pin` out. With `"card"`,
    the card itself checks `pin` (4 digits) and locks itself after `tries` wrong PINs. Such a card may have an `unlock_key` of
    32 bytes, with which it checks unlock codes. `counter` is the first counter that the card uses.

    Examples:
        >>> from dsc_simulator import Profile, SimulatedCard
        >>> suite = "OCRA-1:HOTP-SHA256-8:C-QN06"
        >>> knows = Profile(serial="IB3000123", key=bytes(32), suite=suite, pin_policy="card", pin="4711", tries=1)
        >>> card = SimulatedCard(profile=knows)
        >>> card.press("PRESS", *"0000", "OK")
        'LOCKED'
    """

    serial: str
    key: bytes = field(repr=False)
    suite: str = DEFAULT_SUITE.decode()
    pin_policy: str = "ocra"
    pin: str | None = field(default=None, repr=False)
    tries: int | None = None
    counter: int = 0
    unlock_key: bytes | None = field(default=None, repr=False)

    def fields(self) -> dict[str, str]:
        """Return the profile as the fields of the `set` request."""
        values = {
            "serial": self.serial,
            "suite": self.suite,
            "key": memoryview(self.key).hex(),
            "pin": self.pin_policy,
            "code": self.pin,
            "tries": self.tries,
            "counter": self.counter,
            "unlock": None if self.unlock_key is None else memoryview(self.unlock_key).hex(),
        }
        return {name: str(value) for name, value in values.items() if value is not None}

    def flash(self) -> Flash:
        """Return a flash that holds this profile. Raise ProfileRefused, with the field's name, if the firmware rejects it.

        Raise TypeError for a key that is not bytes.
        """
        staged = StagedProfile()
        try:
            for name, value in self.fields().items():
                staged.stage(name, value.encode())
            staged.check()
        except ProfileError as error:
            raise ProfileRefused(str(error)) from error
        flash = Flash()
        journal = Journal(flash)
        journal.load()
        staged.fill(journal.record)
        journal.store_twice()
        return flash
