"""The service against its own schema: schemathesis sends requests, and the schema describes each answer."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.python import asgi
from tests.host import verifier_samples

from dsc_host.api import Scope, Tokens, add_token, application
from dsc_host.api.app import DESCRIPTION_PATH
from dsc_host.api.operations import OPERATIONS
from dsc_host.verifier import Policy, Verifier

EXAMPLES = 30
"""The examples for each call in each phase. schemathesis adds those at the edges of every range."""


def opened() -> Verifier:
    policy = Policy(challenges=1000, challenges_within=0.001, unlock_codes=100)
    verifier = Verifier.open("sqlite://", master_key=verifier_samples.MASTER, policy=policy)
    verifier.enroll("A-1", key=verifier_samples.KEY, suite=verifier_samples.SUITE, pin=verifier_samples.PIN)
    return verifier


def config(token: str) -> Any:
    return schemathesis.Config.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {token}"},
            # Sequences of calls have their own tests. Here, each call is tried alone.
            "phases": {"stateful": {"enabled": False}},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            # A value that fits its schema may still be no suite, or a PIN for a suite without a PIN: 422.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422", "429"]}},
        }
    )


@pytest.mark.long
def test_every_answer_is_as_described(tmp_path: Path) -> None:
    token = add_token(tmp_path / "tokens", "everybody", list(Scope))
    app = application(opened, Tokens.from_file(tmp_path / "tokens"))
    schema = schemathesis.openapi.from_asgi(DESCRIPTION_PATH, app, config=config(token))
    tried: Counter[str] = Counter()
    problems: list[str] = []
    stopped = None
    try:
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished | events.FuzzScenarioFinished):
                for case_id, checks in event.recorder.checks.items():
                    case = event.recorder.cases[case_id].value
                    tried[f"{case.operation.method.upper()} {case.operation.path}"] += 1
                    problems += [_told(case, check) for check in checks if check.failure_info]
            elif isinstance(event, events.NonFatalError | events.FatalError):
                problems.append(repr(event))
            elif isinstance(event, events.EngineFinished):
                stopped = event.stop_reason
    finally:
        asgi.shutdown_lifespans()
    assert problems == []
    assert stopped is StopReason.COMPLETED
    calls = {f"{operation.method} {operation.path}" for operation in OPERATIONS}
    assert {call for call in calls if tried[call] >= 10} == calls, tried


def _told(case: Any, check: Any) -> str:
    return f"{check.name}: {case.as_curl_command()}: {check.failure_info.failure!r}"
