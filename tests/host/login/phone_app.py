"""A phone app as the tests of the login system play it: its state, its activation, and its answers."""

from tests.host.login.letters import newest_code
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.login import Activated
from dsc_host.ocra import Suite

SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06")


PIN_KEY, FINGER_KEY = bytes(range(32)), bytes(range(32, 64))


class App:
    """An activated app with its token, counters and keys."""

    def __init__(self, scenario: Scenario, activated: Activated) -> None:
        self.scenario = scenario
        self.device, self.token = activated.device, activated.device_token
        self.counters = {"pin": 0, "biometrics": 0}

    def respond(self, question: str, method: str = "pin", key: bytes | None = None) -> str:
        key = key or (PIN_KEY if method == "pin" else FINGER_KEY)
        counter = self.counters[method]
        self.counters[method] += 1
        return SUITE.response(key, question, counter=counter)

    def approve(self, method: str = "pin", **keys: bytes) -> None:
        (push,) = self.scenario.system.phones.pushes(self.device, self.token)
        response = self.respond(push.question, method, **keys)
        self.scenario.system.phones.approve(self.device, self.token, push.id, method, response)


def activated(scenario: Scenario, name: str = "ben") -> App:
    """Activate an app for this user."""
    begun = scenario.system.phones.begin(name, PASSWORD)
    return App(scenario, scenario.system.phones.activate(begun.ticket, token(scenario), PIN_KEY, FINGER_KEY))


def token(scenario: Scenario) -> str:
    """Return the activation code in the newest SMS."""
    return newest_code(scenario.letters)


def replaced(
    scenario: Scenario, name: str = "ben", *, agreed: bool = True, recovery: bytes | None = None, **keys: bytes
) -> App:
    """Activate an app in place of the app that this user has. `keys` may have a `recovery_key` for later."""
    begun = scenario.system.phones.begin(name, PASSWORD)
    activate = scenario.system.phones.activate
    made = activate(
        begun.ticket, token(scenario), PIN_KEY, FINGER_KEY, replace=agreed, recovery_proof=recovery, **keys
    )  # fmt: skip
    return App(scenario, made)
