"""The server's side of the phone app: its activation by name, password and SMS token, and its removal.

Three promises:

1. An app is activated only for somebody who knows the name and password, and who gets the SMS at a number that was confirmed
   before. The policy may also allow new numbers.
2. The token is valid for one activation, a few minutes and a few attempts. If several activations use a token in parallel, only
   the first succeeds.
3. The verifier keeps the app's keys for responses as it keeps the key of a card, and the vault keeps the app's recovery key. A
   wrong PIN gives a wrong response, which the verifier counts.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field, replace

from dsc_host.errors import InputError
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import contacts, users
from dsc_host.login.devices import answer_limits, codes, kinds, registry, waits
from dsc_host.login.devices.kinds import phone_app
from dsc_host.login.devices.kinds.base import secret_of
from dsc_host.login.devices.kinds.phone_app import AppData
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.messages.notices import Notified
from dsc_host.login.model import DeviceState, Stage
from dsc_host.login.phones import app_replacement, token_phone_number
from dsc_host.login.phones.app_replacement import Replacement
from dsc_host.login.rows import Device, Session, User
from dsc_host.login.signin import password_check, session_data, sessions
from dsc_host.login.signin.session_data import ActivationData
from dsc_host.login.transaction import LoginTransaction, found, locked_user
from dsc_host.phone.protocol import Activated, Begun, Proof, Question
from dsc_host.records import vault
from dsc_host.records.transaction import Refused
from dsc_host.verifier import challenges, enrollment, judgment
from dsc_host.verifier.model import Enrollment

SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
_KEY_BYTES = 32
_REFUSAL = "the activation code is wrong, used or expired; ask for a new one"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that an app has generated."""

    pin: bytes = field(repr=False)
    biometrics: bytes | None = field(repr=False)
    recovery: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for key in (self.pin, *(each for each in (self.biometrics, self.recovery) if each is not None)):
            if not isinstance(key, bytes) or len(key) != _KEY_BYTES:
                raise InputError("key", "must be {bytes} bytes", bytes=_KEY_BYTES)
        if self.biometrics is not None and hmac.compare_digest(self.pin, self.biometrics):
            raise InputError("key", "must be different for each way to answer")

    def by_method(self) -> dict[str, bytes]:
        """Return the keys for responses, each by the method with which the user answers."""
        named = {phone_app.PIN: self.pin, phone_app.FINGER: self.biometrics}
        return {method: key for method, key in named.items() if key is not None}


def begin(tx: LoginTransaction, checked: User, phone: int = 0, number: str = "") -> Begun | Refused:
    """Send an activation token to the user's confirmed phone with the index `phone`. 0 is the most recently confirmed phone.

    If `number` is given, send the token to this new number instead. The policy must allow that. The caller has checked the name
    and password. Raises `NotNow`, `NotAllowed`, `InputError` if there is no such phone, and `WrongCredentials` if the password
    was changed after the check.
    """
    user = password_check.still_checked(checked, locked_user(tx.db, checked.id))
    registry.check_issued(tx, kinds.PHONE_APP)
    to = token_phone_number.choose(tx, user, phone, number)
    if refusal := rate_limits.charge(tx, [answer_limits.offers(tx.context, user), *to.limits]):
        return Refused(refusal)
    token = codes.random_code(tx.policy.phone.token_letters)
    ticket = sessions.begin(tx, user, Stage.ACTIVATING, until=tx.now() + tx.policy.login.code_validity)
    data = ActivationData(digest=_digest(ticket, token), tries=0, number=to.number if to.new else "")
    session_data.keep(tx.db, sessions.hashed(ticket), data)
    outbox.add(tx, user, "phone_token", channel=outbox.SMS, to=to.number, code=token)
    tx.log("phone.begin", user, "done", "new number" if to.new else "")
    apps = app_replacement.apps_of(tx, user)
    needed = app_replacement.needs_recovery(tx, apps)
    phones = tuple(contacts.masked(known.number) for known in contacts.phones_of(tx.db, user))
    return Begun(ticket, phones, tuple(map(registry.label, apps)), user.name, needed, contacts.masked(to.number))


def activate(
    tx: LoginTransaction, ticket: str, token: str, keys: Keys, proof: Proof | None, before: Replacement
) -> Activated | Refused:
    """Activate the app for the user of this ticket.

    If the app already serves another user, it sends a response of that user as `proof`. The server cannot enforce this, because
    it cannot tell whether an app serves other users. `before` is the consent to replace the user's previous app. Raises
    `NotAllowed` for a wrong token, proof or recovery PIN, `NotNow` without consent, `NotIn` for a used or expired ticket, and
    `TooManyAttempts` after too many wrong recovery PINs.
    """
    # The keys are enrolled below, so take the lock of all enrollments before any other lock.
    tx.context.cards.store.claim(tx.db)
    user, session = sessions.locked(tx, ticket, Stage.ACTIVATING)
    if not _is_right_token(tx, session, ticket, token):
        tx.log("phone.activate", user, "refused", "token")
        return Refused(NotAllowed(_REFUSAL))
    if proof is not None and not _is_right_proof(tx, proof):
        return Refused(NotAllowed("the PIN of the app is wrong"))
    apps = app_replacement.apps_of(tx, user)
    if (refused := app_replacement.refusal(tx, user, apps, before)) is not None:
        return Refused(refused)
    sessions.end(tx.db, session)
    notified = notices.notify(tx, user, "phone_activated")
    app_replacement.end_replaced(tx, user, apps)
    device_token = secrets.token_urlsafe(_KEY_BYTES)
    device = _add_device(tx, user, keys, device_token, notified)
    if keys.recovery is not None:
        vault.put(tx.cards, secret_of(device), keys.recovery)
    _end_replaced(tx, user)
    if number := ActivationData.of(session).number:
        token_phone_number.confirm(tx, user, number)
    users.invalidate_sessions(tx.db, user)
    tx.log("phone.activate", user, "done", device=device.id)
    return Activated(device.id, device_token, user.name)


def replaced_by_app(tx: LoginTransaction, user: User) -> list[Device]:
    """Return the user's own devices of other kinds that an activation of the app ends."""
    removed = [device for device, _ in registry.held_by(tx.db, user) if device.kind in tx.policy.phone.removes]
    return [device for device in removed if device.owner_id == user.id and device.state == DeviceState.ACTIVE]


def challenge(tx: LoginTransaction, device_id: str, device_token: str) -> Question | Refused:
    """Issue a challenge, which is answered with the app's PIN before another user is added to the app. Raises `NotFound`."""
    device = device_of_app(tx, device_id, device_token)[0]
    issued = challenges.issue(tx.cards, AppData.of(device).serials[phone_app.PIN], False)
    return issued if isinstance(issued, Refused) else Question(issued.id, issued.question)


def remove(tx: LoginTransaction, device_id: str, device_token: str) -> None:
    """End the app's device, because the app was deleted or this user was removed from it. Raises `NotFound`."""
    device, user = device_of_app(tx, device_id, device_token)
    end(tx, device)
    notices.notify(tx, user, "out_of_use", device=registry.label(device))
    tx.log("phone.remove", user, "done", device=device.id)


def remove_from_account(tx: LoginTransaction, session: Session, user: User, device_id: str, *, last: bool) -> None:
    """Take an app of the user out of use, without the phone. Raises `NotFound`, `NotNow`.

    A session that a temporary device opened cannot remove an app. The user's last device is removed only if `last` is true.
    """
    device, use = registry.held(tx.db, user, device_id)
    if not registry.view(tx, user, device, use).removable:
        raise NotFound("you have no such app")
    waits.check_lasting(tx.db, session)
    if not last and all(other.id == device.id for other, _ in registry.live_of(tx, user)):
        raise NotNow("this is the last device that you can log in with; confirm that you want to remove it")
    notices.notify(tx, user, "out_of_use", device=registry.label(device))
    end(tx, device)
    # A session that the app opened ends with the app.
    sessions.end_all(tx.db, user, except_id="" if session.device_id == device.id else session.id)
    tx.log("phone.remove", user, "done", "by the owner", device=device.id)


def end(tx: LoginTransaction, device: Device) -> None:
    """Retire the keys of an app and end its device."""
    kinds.PHONE_APP.disable(tx, device, "app removed")
    registry.move(tx, device, DeviceState.ENDED)


# ---- helpers ----


def _digest(ticket: str, token: str) -> str:
    return hmac.new(ticket.encode("utf-8", "surrogatepass"), token.encode(), "sha256").hexdigest()


def _is_right_token(tx: LoginTransaction, session: rows.Session, ticket: str, token: str) -> bool:
    """Return whether the token is correct. Count the attempt before the comparison."""
    data = ActivationData.of(session)
    tries = data.tries + 1
    if tries > tx.policy.login.code_attempts:
        sessions.end(tx.db, session)
        return False
    session_data.keep(tx.db, session.id, replace(data, tries=tries))
    return hmac.compare_digest(_digest(ticket, codes.normalized(token) or ""), data.digest)


def _is_right_proof(tx: LoginTransaction, proof: Proof) -> bool:
    return isinstance(proof, Proof) and bool(judgment.judge(tx.cards, "verify", [(proof.id, proof.response)]))


def _add_device(tx: LoginTransaction, user: User, keys: Keys, device_token: str, notified: Notified) -> Device:
    stem = f"PH{secrets.token_hex(6).upper()}"
    serials = {method: phone_app.key_serial(stem, method) for method in keys.by_method()}
    for method, key in keys.by_method().items():
        enrollment.enroll(tx.cards, Enrollment(serials[method], key, SUITE, owners=(user.name,)))
    data = AppData(stem, serials, sessions.hashed(device_token))
    return registry.add(tx, user, kinds.PHONE_APP, notified=notified, serial=stem, data=data)


def _end_replaced(tx: LoginTransaction, user: User) -> None:
    """End the user's own devices that the app replaces, and the temporary devices."""
    for device in replaced_by_app(tx, user):
        kinds.of(device).disable(tx, device, "replaced")
        registry.move(tx, device, DeviceState.ENDED)
    registry.end_temporary(tx, user)


def device_of_app(tx: LoginTransaction, device_id: str, device_token: str, *, lock: bool = True) -> tuple[Device, User]:
    """Return the active app with this token, and its user. Lock the user unless `lock` is False. Raises `NotFound`."""
    known = isinstance(device_id, str) and re.fullmatch("[0-9a-f]{16}", device_id)
    device = rows.devices.find(tx.db, device_id) if known else None
    if device is None or device.kind != kinds.PHONE_APP.name:
        raise NotFound("this app is not activated")
    user = locked_user(tx.db, device.owner_id) if lock else found(rows.users.find(tx.db, device.owner_id))
    device = found(rows.devices.find(tx.db, device.id))
    right = hmac.compare_digest(sessions.hashed(device_token), AppData.of(device).token)
    if not right or device.state != DeviceState.ACTIVE:
        raise NotFound("this app is not activated")
    return device, user
