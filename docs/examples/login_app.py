"""A login in Flask with name, password and card. `test_login_app.py` tests it."""

from collections.abc import Mapping
from typing import NamedTuple

from flask import Flask, Response, jsonify, request, session
from werkzeug.security import check_password_hash

from dsc_host import Verifier


class User(NamedTuple):
    """A user of the site: the password hash that werkzeug makes, and the serial of the card."""

    password_hash: str
    card: str


def make_app(verifier: Verifier, users: Mapping[str, User], secret_key: str) -> Flask:
    """Return an app that logs users in by the cards of `verifier`. `secret_key` signs the sessions."""
    app = Flask(__name__)
    app.secret_key = secret_key

    @app.post("/login")
    def login() -> tuple[Response, int]:
        """Check the password, and answer with a challenge for the card."""
        session.clear()
        user = users.get(request.form.get("name", ""))
        if user is None or not check_password_hash(user.password_hash, request.form.get("password", "")):
            return jsonify(error="refused"), 403
        challenge = verifier.challenge(user.card)
        session.update(asked=request.form["name"], challenge=challenge.id)
        return jsonify(challenge=challenge.question), 200

    @app.post("/response")
    def respond() -> tuple[Response, int]:
        """Verify the response that the card showed, and log the user in."""
        if not verifier.verify(session.get("challenge", ""), request.form.get("response", "")).accepted:
            return jsonify(error="refused"), 403
        session["name"] = session.pop("asked")
        return jsonify(welcome=session["name"]), 200

    @app.get("/me")
    def me() -> tuple[Response, int]:
        return (jsonify(name=session["name"]), 200) if "name" in session else (jsonify(error="log in first"), 401)

    return app
