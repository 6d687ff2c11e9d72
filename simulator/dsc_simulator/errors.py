"""What can go wrong in the simulator: one small hierarchy, rooted at `SimulatorError`."""


class SimulatorError(Exception):
    """Anything that went wrong in `dsc_simulator`."""


class ProfileRefused(SimulatorError, ValueError):
    """The firmware would not take this profile; the message is the firmware's own and begins with the field's name."""


class EngineMissing(SimulatorError):
    """An engine's packages are not installed; the message says which command installs them."""


class FirmwareCrash(SimulatorError):
    """The firmware raised, or did not come back. On real hardware the card would now be dead until restart."""


class PowerCut(SimulatorError):
    """The power failed where `cut_power` said. The card is dead until `restart`; its flash is as it stood."""


class CardOff(SimulatorError):
    """The simulated card was closed; it can't be used any more."""
