"""The exceptions of the simulator. `SimulatorError` is their base class."""


class SimulatorError(Exception):
    """The base class of the simulator's own errors. A wrong argument raises ValueError or TypeError instead.

    Examples:
        >>> from dsc_simulator import SimulatedCard, SimulatorError
        >>> try:
        ...     SimulatedCard(engine="abacus")
        ... except SimulatorError:
        ...     print("no such engine")
        no such engine
    """


class ProfileRefused(SimulatorError, ValueError):
    """The firmware rejected the profile. The message comes from the firmware and begins with the name of the wrong field.

    Examples:
        >>> from dsc_simulator import Profile, ProfileRefused, SimulatedCard
        >>> try:
        ...     SimulatedCard(profile=Profile(serial="IB3000123", key=b"short"))
        ... except ProfileRefused as error:
        ...     print(str(error)[:3])
        key
    """


class EngineMissing(SimulatorError):
    """The packages of an engine are not installed. The message names the command that installs them.

    Examples:
        >>> from dsc_simulator import EngineMissing, SimulatedCard
        >>> try:
        ...     card = SimulatedCard(engine="micropython")
        ... except EngineMissing:
        ...     card = SimulatedCard()
        >>> card.display
        ''
    """


class FirmwareCrash(SimulatorError):
    """The firmware raised an exception or did not return. A real card would not work until a restart.

    Examples:
        >>> from dsc_simulator import FirmwareCrash, SimulatedCard
        >>> try:
        ...     card = SimulatedCard(heap=192 * 1024)
        ... except FirmwareCrash as crash:
        ...     print("report it, with these lines:", crash)
    """


class PowerCut(SimulatorError):
    """The power failed as planned by `cut_power`. The card does not work until `restart`. Its flash keeps its contents.

    Examples:
        >>> from dsc_simulator import PowerCut, Profile, SimulatedCard
        >>> card = SimulatedCard(profile=Profile(serial="IB3000123", key=bytes(32)))
        >>> shown = card.press("PRESS", *"1234", "OK")
        >>> card.cut_power(after=100)
        >>> try:
        ...     card.enter("482913")
        ... except PowerCut as cut:
        ...     print(cut)
        the power failed after 100 of the 209 bytes of slot 0
        >>> card.restart()
    """


class CardOff(SimulatorError):
    """The simulated card is closed and can no longer be used.

    Examples:
        >>> from dsc_simulator import CardOff, SimulatedCard
        >>> card = SimulatedCard()
        >>> card.close()
        >>> try:
        ...     card.press("PRESS")
        ... except CardOff:
        ...     print("closed")
        closed
    """
