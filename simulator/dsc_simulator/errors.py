"""The exceptions of the simulator: one small hierarchy, rooted at `SimulatorError`."""


class SimulatorError(Exception):
    """The base class of all errors that `dsc_simulator` raises."""


class ProfileRefused(SimulatorError, ValueError):
    """The firmware rejected the profile. The message is the firmware's own and begins with the field's name."""


class EngineMissing(SimulatorError):
    """The packages of an engine are not installed. The message names the command that installs them."""


class FirmwareCrash(SimulatorError):
    """The firmware raised an exception or did not return. On real hardware the card would be dead until a restart."""


class PowerCut(SimulatorError):
    """The power failed as planned by `cut_power`. The card is dead until `restart`; its flash stays."""


class CardOff(SimulatorError):
    """The simulated card is closed and can no longer be used."""
