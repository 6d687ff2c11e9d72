"""The support desk: what staff do for those who call, each with the role for it, and after it is known who is calling.

Three promises:

1. Without the role, nothing; without an identity that was checked in this session and not long ago, nothing that opens a door.
2. A temporary code is shown once, to whoever gave it; a user has one at a time.
3. Whatever is done is in the log, with who did it and for whom.
"""

import hmac
import secrets
from collections.abc import Mapping

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import codes, devices, notices, ordering, people, records, sharing, throttle, waits
from dsc_host.login.activating import DAY, opens_for_good
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.model import LOSSES, TEMPORARY, DeviceState, Identity, Kind, Loss, Role, Scope, WaitKind
from dsc_host.login.notices import Told
from dsc_host.login.reception import Reception, account_of, as_data, data_of, find_user, found, locked_users, user_named
from dsc_host.login.records import Device, Session, User
from dsc_host.login.throttle import Gate
from dsc_host.verifier import life, vault
from dsc_host.verifier.model import State
from dsc_host.verifier.office import Refused

IDENTIFIED_FOR = 900
"""Seconds: one call."""
_SEED_BYTES = 32
_TRIES, _TRIES_SECONDS = 5, 3600


def check_role(staff: User, session: Session, *roles: Role) -> None:
    """Raises `NotAllowed`."""
    if Role(staff.role) not in roles or session.scope != Scope.FULL:
        raise NotAllowed("this is for {role}, logged in with a device", role=" or ".join(roles))


def identify(at: Reception, db: Connection, session: Session, staff: User, name: str, said: Identity) -> bool | Refused:
    """Whether what a caller says is what is known of this user. It counts in this session, for this call.

    Wrong ones are counted for the user, whoever asks: `TooManyAttempts`.
    """
    given = _canonical(said)
    gate = Gate("identity", name if isinstance(name, str) else "", _TRIES, _TRIES_SECONDS, _TRIES_SECONDS)
    if refusal := throttle.charge(at, db, [gate]):
        return Refused(refusal)
    user = find_user(db, name)
    known = people.identity_of(db, user) if user else None
    people.check_other(db, staff, user)
    if user and at.now() < waits.corrected_until(at, db, user):
        at.log(db, "desk.identify", user, "refused", "corrected", by=staff.name)
        return Refused(NotNow("what is known of this user was corrected not long ago: nobody is identified by it yet"))
    right = known is not None and hmac.compare_digest(_canonical(known), given)
    if right:
        throttle.passed(at, db, [gate])
    called = {"user": user.id, "until": at.now() + IDENTIFIED_FOR} if user and right else None
    records.sessions.change(db, session.id, data=as_data({**data_of(session), "called": called}))
    at.log(db, "desk.identify", user, "done" if right else "refused", by=staff.name)
    return right


def caller(at: Reception, db: Connection, session: Session) -> User:
    """Who is calling, locked with whom they share a device. Raises `NotAllowed` if that was not checked, or too long ago."""
    called = data_of(session).get("called")
    if not called or at.now() >= called["until"]:
        raise NotAllowed("check first who is calling")
    user = found(records.users.find(db, called["user"]))
    return locked_users(db, sharing.concerned(db, user))[user.id]


def give_temporary_code(at: Reception, db: Connection, session: Session, staff: User) -> str:
    """A code for whoever is calling, in place of an earlier one. To be read out, and not written down."""
    user = caller(at, db, session)
    if account_of(db, user).closed_at is not None:
        raise NotNow("the account is closed: name and password are enough for its statements")
    for earlier in TEMPORARY:
        # Who calls for a code misses the online card as well.
        _end_kind(at, db, user, earlier)
    full_until = at.now() + at.policy.temporary.full_days * DAY
    until = full_until + at.policy.temporary.account_days * DAY
    told = notices.tell(at, db, user, "temporary_code", full=at.calendar.day(full_until), until=at.calendar.day(until))
    code = codes.random_code(at.policy.temporary.letters)
    device = devices.add(at, db, user, Kind.TEMPORARY_CODE, told=told, expires_at=until)
    vault.put(at.office, db, devices.secret(device.id), code.encode())
    people.settings_changed(db, user)
    at.log(db, "desk.temporary-code", user, "done", by=staff.name)
    return code


def report_loss(at: Reception, db: Connection, session: Session, staff: User, device_id: str, loss: Loss) -> None:
    """Take a device of whoever is calling out of use. Only one that was misplaced can be taken back into it."""
    if loss not in tuple(Loss):
        raise InputError("loss", "must be one of {kinds}", kinds=", ".join(Loss))
    user = caller(at, db, session)
    device, _ = devices.held(db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("the caller has no device of their own by this name")
    take_out(at, db, user, device, loss)
    at.log(db, "desk.loss", user, "done", str(loss), by=staff.name, device=device.id)


def take_out(at: Reception, db: Connection, user: User, device: Device, loss: Loss) -> None:
    """Out of use, whoever uses it. Raises `NotNow` for one that has been, for good."""
    if device.state not in (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED):
        raise NotNow("this device is out of use already")
    notices.tell(at, db, user, "out_of_use", device=devices.label(device))
    if device.serial and device.kind == Kind.DSC_PLUS:
        life.settle(at.office, db, device.serial, State.SUSPENDED if loss is Loss.MISPLACED else State.LOST, str(loss))
    if loss in (Loss.LOST, Loss.STOLEN):
        # Whoever has that phone now would have codes read to them, or activate an app of their own.
        for number in _numbers_of(db, user, device):
            forget_number(at, db, user, number)
    for serial in data_of(device).get("serials", {}).values():
        life.settle(at.office, db, serial, State.RETIRED, str(loss))
    lasting = device.kind == Kind.DSC_PLUS or loss is not Loss.MISPLACED
    after = LOSSES[loss] if lasting and opens_for_good(device) else DeviceState.ENDED
    devices.move(at, db, device, after)
    ordering.end_of_card(db, device.id)
    if after is not DeviceState.MISPLACED:
        sharing.end_of_device(at, db, device)


def _numbers_of(db: Connection, user: User, device: Device) -> list[str]:
    """The numbers that reach the phone that this is, or may be."""
    if device.kind == Kind.PHONE_APP:
        return [known.number for known in people.phones_of(db, user)]
    return [data_of(device)["number"]] if "number" in data_of(device) else []


def forget_number(at: Reception, db: Connection, user: User, number: str) -> None:
    """A phone number is not this user's any more: nothing that goes there opens the door."""
    records.phones.remove(db, records.phones.c.user_id == user.id, records.phones.c.number == number)
    for device, _ in devices.live_of(at, db, user):
        if data_of(device).get("number") == number:
            devices.move(at, db, device, DeviceState.ENDED)


def begin_code_card(at: Reception, db: Connection, user: User, kind: Kind) -> Device:
    """A card of codes, to be printed, and activated by two of its codes. In place of one that was never activated."""
    for device, _ in devices.held_by(db, user):
        if device.kind == kind and device.state == DeviceState.SHIPPED:
            devices.move(at, db, device, DeviceState.ENDED)
    rules = at.policy.code_card
    data = {"asked": "", "label": codes.random_digits(6), "codes": rules.codes, "letters": rules.code_letters}
    told = notices.tell(at, db, user, "code_card", number=str(data["label"]))
    device = devices.add(at, db, user, kind, told=told, state=DeviceState.SHIPPED, data=data)
    vault.put(at.office, db, devices.secret(device.id), secrets.token_bytes(_SEED_BYTES))
    return device


def request_online_card(at: Reception, db: Connection, session: Session, user: User) -> Device:
    """For a user who has nothing that lasts, nor another online card: none is renewed without end. Raises `NotNow`."""
    opened_by = records.devices.find(db, session.device_id)
    live = [device for device, _ in devices.live_of(at, db, user)]
    if any(opens_for_good(device) for device in live):
        raise NotNow("you have a device in use; an online card is for those who miss theirs")
    if any(device.kind == Kind.ONLINE_CARD for device in (*live, *([opened_by] if opened_by else []))):
        raise NotNow("you have an online card in use; request a card that lasts, or call support if you miss this one")
    device = begin_code_card(at, db, user, Kind.ONLINE_CARD)
    at.log(db, "online-card.request", user, "done", device=device.id)
    return device


def issue_code_card(at: Reception, db: Connection, session: Session, staff: User) -> Device:
    """A security code card for whoever is calling, to be sent to them."""
    user = caller(at, db, session)
    device = begin_code_card(at, db, user, Kind.CODE_CARD)
    label = devices.label(device)
    waits.begin(at, db, user, WaitKind.CARD, {"card": device.id, "label": label}, label, by=staff.name)
    at.log(db, "desk.code-card", user, "done", by=staff.name, device=device.id)
    return device


def sheet_codes(at: Reception, db: Connection, device: Device) -> tuple[str, ...]:
    """The codes of a card that is not activated yet: afterwards, nobody sees them again. Raises `NotNow`."""
    if device.state != DeviceState.SHIPPED or device.kind not in (Kind.ONLINE_CARD, Kind.CODE_CARD):
        raise NotNow("the codes are shown only until the card is activated")
    seed = found(vault.get(at.office, db, devices.secret(device.id)))
    data, rules = data_of(device), at.policy.code_card
    return codes.codes(seed, data.get("codes", rules.codes), data.get("letters", rules.code_letters))


def enable_messages(at: Reception, db: Connection, user: User, number: str, told: Told) -> None:
    """Send codes by SMS and call-back to a confirmed number, and to no other one.

    Raises `NotNow` if the phone app has taken their place.
    """
    check_no_app(at, db, user)
    has = set()
    for device, _ in devices.live_of(at, db, user):
        if data_of(device).get("number") == number:
            has.add(device.kind)
        elif device.kind in (Kind.SMS, Kind.VOICE):
            devices.move(at, db, device, DeviceState.ENDED)
    for kind in (Kind.SMS, Kind.VOICE):
        if kind not in has:
            devices.add(at, db, user, kind, told=told, data={"number": number})
    people.settings_changed(db, user)
    at.log(db, "messages.enable", user, "done")


def check_no_app(at: Reception, db: Connection, user: User) -> None:
    """Raise `NotNow` if the phone app has taken the place of SMS and call-back."""
    if any(device.kind == Kind.PHONE_APP for device, _ in devices.live_of(at, db, user)):
        raise NotNow("the phone app has taken the place of SMS and call-back")


def offer_messages(at: Reception, db: Connection, user: User, number: str, staff: User) -> bool:
    """Send codes to a number of whoever is calling, and return whether at once: a number that is new waits."""
    check_no_app(at, db, user)
    if number not in notices.numbers_of(db, user):
        waits.begin(at, db, user, WaitKind.NUMBER, {"number": number}, people.masked(number), by=staff.name)
        at.log(db, "messages.enable", user, "waits", by=staff.name)
        return False
    told = notices.tell(at, db, user, "messages_enabled", phone=people.masked(number))
    people.add_phone(at, db, user, number, told=told)
    enable_messages(at, db, user, number, told)
    return True


def locked_person(db: Connection, user: User) -> User:
    """Lock all users of a person, and those with whom they share a device; return this one."""
    known = records.users.all(db, records.users.c.entity_id == user.entity_id)
    return locked_users(db, [each for one in known for each in sharing.concerned(db, one)])[user.id]


def correct_identity(at: Reception, db: Connection, staff: User, name: str, identity: Identity) -> None:
    """Ask for what is known of a person to be put right, after they have shown their papers. A second person confirms it.

    They are told, by all their names, and may stop it. Raises `InputError`, `NotFound`, and `NotNow` if it is about the one
    who does it.
    """
    people.check_identity(identity)
    user = locked_person(db, user_named(db, name))
    people.check_other(db, staff, user)
    others = records.users.all(db, records.users.c.entity_id == user.entity_id, records.users.c.id != user.id)
    data = {each: str(getattr(identity, each)) for each in Identity.__slots__}
    waits.begin(at, db, user, WaitKind.IDENTITY, data, by=staff.name, also=others)
    at.log(db, "desk.identity", user, "waits", by=staff.name)


def set_identity(at: Reception, db: Connection, user: User, data: Mapping[str, str], staff: User) -> None:
    """Put right what is known of a person, whose users are locked."""
    for each in records.users.all(db, records.users.c.entity_id == user.entity_id):
        notices.tell(at, db, each, "identity_corrected")
    records.entities.change(db, user.entity_id, **{each: data[each] for each in Identity.__slots__})
    sharing.end_of_identity(at, db, user.entity_id)
    at.log(db, "desk.identity", user, "done", by=staff.name)


def _end_kind(at: Reception, db: Connection, user: User, kind: Kind) -> None:
    for device, _ in devices.held_by(db, user):
        if device.kind == kind and device.state == DeviceState.ACTIVE:
            devices.move(at, db, device, DeviceState.ENDED)


def _canonical(identity: Identity) -> bytes:
    if not isinstance(identity, Identity):
        raise InputError("identity", "must be words of at most 64 letters")
    parts = (identity.birth_date, identity.citizenship, identity.residence, identity.document_type, identity.document_number)
    for part in parts:
        if not isinstance(part, str) or len(part) > 64:
            raise InputError("identity", "must be words of at most 64 letters")
    return "\n".join(part.strip().upper() for part in parts).encode("utf-8", "surrogatepass")
