"""The cost of a login with OpenID Connect, compared with a login only at the portal.

Both have passwords of the published policy, whose hash is expensive on purpose. A visitor's login ends with the first page
after it: the portal's overview, or the page of a program that has fetched the tokens and the user's data. The calls are also
measured without pages: the work of the provider, compared with the work of the login system. The work of the card is not
counted.
"""

import gc
import time
from collections.abc import Callable
from statistics import median

from tests.benchmarks.measure import Figure
from tests.host.gateway.openid_program import ISSUER, PKCE, REDIRECT, VERIFIER, Program, program, returned
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario, new_scenario
from tests.host.verifier_samples import Clock

from dsc_host.gateway.openid.authorization import AuthorizationRequest
from dsc_host.gateway.openid.provider import Provider
from dsc_host.login import Kind, LoginSystem

LOGINS = 60
MOST_RATIO = 1.15


def measure() -> list[Figure]:
    """Return the ratios, in a minute."""
    with new_scenario(Clock()) as scenario:
        published = LoginSystem.over(scenario.verifier).context.passwords.hashed(PASSWORD)
        scenario.system.change(lambda tx: tx.db.exec_driver_sql("UPDATE users SET password = ?", (published,)))
        with program(scenario) as client:
            plain, by_client = _taking_turns(scenario, lambda: _visit(client), lambda: _visit_by_client(client))
            calls, more = _taking_turns(scenario, lambda: _log_in(scenario), lambda: _provide(client))
    return [
        Figure("a login at the portal, with its pages", plain * 1000, "ms"),
        Figure("a login with OpenID Connect / at the portal", by_client / plain, at_most=MOST_RATIO),
        Figure("the calls of both / those of the login alone", (calls + more) / calls),
    ]


def _taking_turns(scenario: Scenario, one: Callable[[], float], other: Callable[[], float]) -> tuple[float, float]:
    """Return the medians of two times. They take turns, so that other work on the machine affects both."""
    times: list[tuple[float, float]] = []
    gc.collect()
    for _ in range(LOGINS):
        # The limits of the login forget the logins before.
        scenario.clock.advance(4_000)
        times.append((one(), other()))
    return median(time for time, _ in times), median(time for _, time in times)


def _visit(client: Program) -> float:
    """Return the seconds of a login on the pages of the portal."""
    client.browser.client.cookies.clear()
    start = time.perf_counter()
    client.browser.open("/login")
    answering = _answer(client)
    assert client.browser.page.path == "/"
    return time.perf_counter() - start - answering


def _visit_by_client(client: Program) -> float:
    """Return the seconds of a login at a program."""
    client.browser.client.cookies.clear()
    start = time.perf_counter()
    client.ask(scope="openid profile email", **PKCE)
    answering = _answer(client)
    code = returned(client.led(client.browser.page))["code"]
    tokens = client.redeem(code, code_verifier=VERIFIER).json()
    assert client.userinfo(tokens["access_token"]).json()["email"] == "anna@example.com"
    return time.perf_counter() - start - answering


def _answer(client: Program) -> float:
    """Send name, password and response. Return the seconds that the card takes."""
    page = client.browser.press("Continue", name="anna", password=PASSWORD)
    asked = time.perf_counter()
    response = client.scenario.respond(SERIALS["anna"], page.shown)
    answered = time.perf_counter()
    client.browser.press("Log in", answer=response)
    return answered - asked


def _log_in(scenario: Scenario) -> float:
    """Return the seconds of the login system's calls."""
    start = time.perf_counter()
    step = scenario.chosen("anna", Kind.DSC_PLUS)
    asked = time.perf_counter()
    assert step.offer is not None
    response = scenario.respond(step.offer.label, step.offer.shows["challenge"])
    answered = time.perf_counter()
    scenario.answered(step.token, response)
    return asked - start + time.perf_counter() - answered


def _provide(client: Program) -> float:
    """Return the seconds of the provider's calls for a user who is logged in."""
    provider, session = Provider(client.scenario.system, ISSUER), client.scenario.session("anna")
    query = {"response_type": "code", "client_id": "wiki", "redirect_uri": REDIRECT, "scope": "openid profile email"}
    proof = {"client_id": "wiki", "client_secret": client.secret}
    start = time.perf_counter()
    request = provider.ask({name: [value] for name, value in query.items()})
    assert isinstance(request, AuthorizationRequest)
    code = provider.next(request, session).address.partition("code=")[2].partition("&")[0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    tokens = provider.tokens(provider.authenticate("", proof), form)
    provider.userinfo(str(tokens["access_token"]))
    return time.perf_counter() - start
