"""Tests of a login endpoint: `dsc_card` is the user's card, and everything behind the endpoint is real."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from login_app import User, make_app
from werkzeug.security import generate_password_hash

from dsc_host import MasterKey, Verifier
from dsc_simulator.pytest_plugin.fixtures import Token

ALICE = {"name": "alice", "password": "correct horse"}
PASSWORD_HASH = generate_password_hash(ALICE["password"])


@pytest.fixture
def app(dsc_card: Token, tmp_path: Path) -> Iterator[Flask]:
    """Make the app with one user, whose card is `dsc_card`."""
    users = {"alice": User(PASSWORD_HASH, dsc_card.serial)}
    with Verifier.open(f"sqlite:///{tmp_path}/dsc.db", master_key=MasterKey.generate()) as verifier:
        verifier.enroll(**dsc_card.credentials)
        yield make_app(verifier, users, secrets.token_hex())


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


def challenge(browser: FlaskClient) -> str:
    """Send name and password, and return the challenge that the page shows."""
    question: str = browser.post("/login", data=ALICE).json["challenge"]
    return question


def answer(browser: FlaskClient, response: str) -> int:
    return browser.post("/response", data={"response": response}).status_code


def test_password_and_card_log_in(browser: FlaskClient, dsc_card: Token) -> None:
    response = dsc_card.login(challenge(browser))
    assert browser.get("/me").status_code == 401
    assert answer(browser, response) == 200
    assert browser.get("/me").json == {"name": "alice"}


def test_without_the_password_there_is_no_challenge(browser: FlaskClient) -> None:
    assert browser.post("/login", data={**ALICE, "password": "wrong"}).status_code == 403
    assert answer(browser, "12345678") == 403


def test_a_wrong_pin_is_refused(browser: FlaskClient, dsc_card: Token) -> None:
    # The card does not know its PIN: it gives a response all the same.
    assert answer(browser, dsc_card.login(challenge(browser), pin=dsc_card.wrong_pin)) == 403
    assert browser.get("/me").status_code == 401


def test_a_response_is_good_once(app: Flask, browser: FlaskClient, dsc_card: Token) -> None:
    response = dsc_card.login(challenge(browser))
    thief = app.test_client()
    thief.set_cookie("session", browser.get_cookie("session").value)
    assert answer(browser, response) == 200
    assert answer(thief, response) == 403
    assert thief.get("/me").status_code == 401


@pytest.mark.parametrize(("unused", "status"), [(20, 200), (21, 403)])
def test_responses_that_were_never_sent_are_skipped_up_to_a_limit(
    browser: FlaskClient, dsc_card: Token, unused: int, status: int
) -> None:
    dsc_card.drift(unused)
    assert answer(browser, dsc_card.login(challenge(browser))) == status
