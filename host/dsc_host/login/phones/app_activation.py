"""The server's side of the phone app: activation by name, password and a token sent by SMS; pushes, approved or denied.

Four promises:

1. An app is activated only for whoever knows name and password and has a phone that was confirmed before.
2. The token is good for one activation, a few minutes, and a few tries; of activations at once with one token, one succeeds.
3. A push is answered once. Approving it takes a right response, made with the PIN or released by a finger or a face.
4. The app's keys lie in the verifier's records like any card's; a wrong PIN is a wrong response, and is counted there.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import contacts, users
from dsc_host.login.context import Reception, account_of, as_data, data_of, found, locked_user
from dsc_host.login.devices import answer_limits, codes, registry
from dsc_host.login.devices.kinds import phone_app
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.messages.notices import Told
from dsc_host.login.model import DeviceState, Kind, Stage
from dsc_host.login.rows import Device, User
from dsc_host.login.signin import flow, sessions
from dsc_host.phone.protocol import Activated, Begun, Proof, Push, Question
from dsc_host.records.context import Refused
from dsc_host.verifier import challenges, enrollment, lifecycle, responses
from dsc_host.verifier.model import Enrolment, State

SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
_KEY_BYTES = 32
_REFUSAL = "the activation code is wrong, was used, or has expired; ask for another one"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that an app has made."""

    pin: bytes = field(repr=False)
    biometrics: bytes | None = field(repr=False)

    def __post_init__(self) -> None:
        for key in (self.pin, *(() if self.biometrics is None else (self.biometrics,))):
            if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
                raise InputError("key", "must be {bytes} bytes", bytes=_KEY_BYTES)
        if self.biometrics is not None and hmac.compare_digest(self.pin, self.biometrics):
            raise InputError("key", "must be another one for each way to answer")

    def by_method(self) -> dict[str, bytes]:
        named = {phone_app.PIN: self.pin, phone_app.FINGER: self.biometrics}
        return {method: key for method, key in named.items() if key is not None}


def begin(at: Reception, name: str, password: str, address: str, phone: int = 0) -> Begun:
    """Send an activation token to one of the user's confirmed phones: 0 is the one that was confirmed last.

    Raises as `entering.begin`, `NotNow`, and `InputError` for a phone that there is not.
    """
    user = flow.check_password(at, name, password, address)

    def begun(db: Connection) -> Begun | Refused:
        now = locked_user(db, user.id)
        numbers = [known.number for known in contacts.phones_of(db, now)]
        if not numbers or account_of(db, now).closed_at is not None:
            raise NotNow("no phone of yours is confirmed; ask support to do that")
        if type(phone) is not int or not 0 <= phone < len(numbers):
            raise InputError("phone", "must be one of the {count} that are confirmed", count=len(numbers))
        limits = [answer_limits.offers(at, now), *answer_limits.messages(at, now, numbers[phone])]
        if refusal := rate_limits.charge(at, db, limits):
            return Refused(refusal)
        token = codes.random_code(at.policy.phone.token_letters)
        until = at.now() + at.policy.login.code_validity
        ticket = sessions.begin(at, db, now, Stage.ACTIVATING, until=until)
        data = as_data({"digest": _digest(ticket, token), "tries": 0})
        rows.sessions.change(db, sessions.hashed(ticket), data=data)
        outbox.tell(at, db, now, "phone_token", channel=outbox.SMS, to=numbers[phone], code=token)
        at.log(db, "phone.begin", now, "done")
        return Begun(ticket, tuple(map(contacts.masked, numbers)))

    return at.change(begun)


def activate(at: Reception, ticket: str, token: str, keys: Keys, proof: Proof | None) -> Activated:
    """Activate the app for the user. Raises `NotAllowed` for a wrong token, `NotIn` for a ticket that is used up or expired.

    `proof` is a right response by a user whom the app knows already. An app asks it of whoever holds the phone before it takes
    another user in; which app it is that calls, and whether it has asked, is not known here.
    """
    device_token = secrets.token_urlsafe(_KEY_BYTES)

    def activated(db: Connection) -> Activated | Refused:
        # The first statement, as enrolling wants it.
        at.office.store.claim(db)
        user, session = sessions.locked(at, db, ticket, Stage.ACTIVATING)
        data = data_of(session)
        if not _right_token(at, db, session, data, ticket, token):
            at.log(db, "phone.activate", user, "refused", "token")
            return Refused(NotAllowed(_REFUSAL))
        if proof is not None and not _proven(at, db, proof):
            return Refused(NotAllowed("the PIN of the app is wrong"))
        sessions.end(db, session)
        told = notices.tell(at, db, user, "phone_activated")
        device = _added(at, db, user, keys, device_token, told)
        _take_place(at, db, user)
        users.settings_changed(db, user)
        at.log(db, "phone.activate", user, "done", device=device.id)
        return Activated(device.id, device_token, user.name)

    return at.change(activated)


def challenge(at: Reception, device_id: str, device_token: str) -> Question:
    """A question to an app's PIN, to be answered when a user is added to it. Raises `NotFound`."""

    def asked(db: Connection) -> Question | Refused:
        device = _device(at, db, device_id, device_token)[0]
        issued = challenges.issue(at.office, db, phone_app.serials(device)[phone_app.PIN], False)
        return issued if isinstance(issued, Refused) else Question(issued.id, issued.question)

    return at.change(asked)


def pushes(at: Reception, device_id: str, device_token: str) -> tuple[Push, ...]:
    """What waits for an answer on this phone. Raises `NotFound`."""

    def waiting(db: Connection) -> tuple[Push, ...]:
        device, user = _device(at, db, device_id, device_token, lock=False)
        column = rows.pushes.c
        asked = rows.pushes.all(
            db, column.device_id == device.id, column.state == phone_app.ASKED, column.expires_at > at.now()
        )  # fmt: skip
        return tuple(Push(push.id, push.question, push.number, user.name, push.asked_at, push.asked_from) for push in asked)

    return at.read(waiting)


def approve(at: Reception, device_id: str, device_token: str, push_id: str, method: str, response: str) -> None:
    """Let a login in. Raises `NotFound`, `NotNow`, and `NotAllowed` for a wrong response, which is counted."""

    def approved(db: Connection) -> Refused | None:
        device, user = _device(at, db, device_id, device_token)
        push = _push(at, db, device, push_id)
        asked = {phone_app.PIN: push.pin_challenge, phone_app.FINGER: push.finger_challenge}.get(
            method if isinstance(method, str) else "", ""
        )
        verdict = responses.judge(at.office, db, "verify", [(asked, response)])
        if not verdict:
            at.log(db, "phone.approve", user, "refused", device=device.id)
            return Refused(NotAllowed("the PIN is wrong"))
        rows.pushes.change(db, push.id, state=phone_app.APPROVED, method=method)
        at.log(db, "phone.approve", user, "done", method, device=device.id)
        return None

    at.change(approved)


def deny(at: Reception, device_id: str, device_token: str, push_id: str) -> None:
    """Keep a login out. Raises `NotFound`, `NotNow`."""

    def denied(db: Connection) -> None:
        device, user = _device(at, db, device_id, device_token)
        rows.pushes.change(db, _push(at, db, device, push_id).id, state=phone_app.DENIED)
        outbox.tell(at, db, user, "denied")
        at.log(db, "phone.deny", user, "done", device=device.id)

    at.change(denied)


def remove(at: Reception, device_id: str, device_token: str) -> None:
    """The app was removed from the phone, or one of its users from the app. Raises `NotFound`."""

    def removed(db: Connection) -> None:
        device, user = _device(at, db, device_id, device_token)
        end(at, db, device)
        notices.tell(at, db, user, "out_of_use", device=registry.label(device))
        at.log(db, "phone.remove", user, "done", device=device.id)

    at.change(removed)


def end(at: Reception, db: Connection, device: Device) -> None:
    """Nothing of this app's opens a door any more."""
    for serial in phone_app.serials(device).values():
        lifecycle.settle(at.office, db, serial, State.RETIRED, "app removed")
    registry.move(at, db, device, DeviceState.ENDED)


# ---- the pieces ----


def _digest(ticket: str, token: str) -> str:
    return hmac.new(ticket.encode("utf-8", "surrogatepass"), token.encode(), "sha256").hexdigest()


def _right_token(
    at: Reception, db: Connection, session: rows.Session, data: dict[str, object], ticket: str, token: str
) -> bool:
    """Counted before it is compared."""
    tries = int(str(data["tries"])) + 1
    if tries > at.policy.login.code_attempts:
        sessions.end(db, session)
        return False
    rows.sessions.change(db, session.id, data=as_data({**data, "tries": tries}))
    return hmac.compare_digest(_digest(ticket, codes.normalized(token) or ""), str(data["digest"]))


def _proven(at: Reception, db: Connection, proof: Proof) -> bool:
    return isinstance(proof, Proof) and bool(responses.judge(at.office, db, "verify", [(proof.id, proof.response)]))


def _added(at: Reception, db: Connection, user: User, keys: Keys, device_token: str, told: Told) -> Device:
    stem = f"PH{secrets.token_hex(6).upper()}"
    serials = {method: f"{stem}-{method[0].upper()}" for method in keys.by_method()}
    for method, key in keys.by_method().items():
        enrollment.enroll(at.office, db, Enrolment(serials[method], key, SUITE, owners=(user.name,)))
    data = {"serials": serials, "token": sessions.hashed(device_token), "label": stem}
    return registry.add(at, db, user, Kind.PHONE_APP, told=told, serial=stem, data=data)


def _take_place(at: Reception, db: Connection, user: User) -> None:
    """What the app takes the place of, and what was to bridge the time until it came."""
    for device, _ in registry.held_by(db, user):
        if device.kind in at.policy.phone.removes and device.state == DeviceState.ACTIVE:
            registry.move(at, db, device, DeviceState.ENDED)
    registry.end_temporary(at, db, user)


def _device(at: Reception, db: Connection, device_id: str, device_token: str, *, lock: bool = True) -> tuple[Device, User]:
    """The app that this token belongs to, in use, and its user, locked. Raises `NotFound`."""
    known = isinstance(device_id, str) and re.fullmatch("[0-9a-f]{16}", device_id)
    device = rows.devices.find(db, device_id) if known else None
    if device is None or device.kind != Kind.PHONE_APP:
        raise NotFound("this app is not activated")
    user = locked_user(db, device.owner_id) if lock else found(rows.users.find(db, device.owner_id))
    device = found(rows.devices.find(db, device.id))
    right = hmac.compare_digest(sessions.hashed(device_token), str(data_of(device)["token"]))
    if not right or device.state != DeviceState.ACTIVE:
        raise NotFound("this app is not activated")
    return device, user


def _push(at: Reception, db: Connection, device: Device, push_id: str) -> rows.Push:
    push = rows.pushes.locked(db, push_id) if isinstance(push_id, str) else None
    if push is None or push.device_id != device.id:
        raise NotFound("there is no such login")
    if push.state != phone_app.ASKED or at.now() >= push.expires_at:
        raise NotNow("this login has been answered already, or has expired")
    return push
