"""The pages for sharing a device: the request, the answer of the device, the confirmation, and the end of a share."""

from dataclasses import replace

from starlette.responses import Response

from dsc_host.login import (
    DifferentIdentity,
    Kind,
    LessSecureDevice,
    NotFound,
    NotNow,
    Offer,
    ShareState,
    ShareView,
    TemporaryDevice,
)
from dsc_host.portal.components import ICONS, INFO, NEUTRAL, SUCCESS, Alert, Badge, Item, Listing
from dsc_host.portal.languages import Language
from dsc_host.portal.pages import confirmations
from dsc_host.portal.pages.offers import digits_error, read_answer, with_answer_form, wrong_answer
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Steps, View, button, hidden
from dsc_host.portal.wording import KINDS, SHARES

_NO_CARDS = (Kind.PHONE_APP, Kind.SMS, Kind.VOICE, Kind.TEMPORARY_CODE)


def share(visit: Visit) -> Response:
    """Show the user's shared devices, and the form that starts a share."""
    return visit.show(_begin(visit))


def begin(visit: Visit) -> Response:
    """Check the owner's password, and ask for the response of the owner's device."""
    owner, password = visit.value("owner", 64), visit.form.get("password", "")
    with visit.showing_errors(lambda: _begin(visit)):
        try:
            asked, offer = visit.system.begin_share(visit.token, owner, password, address=visit.address)
        except (NotFound, NotNow, DifferentIdentity, LessSecureDevice, TemporaryDevice) as error:
            # The password was correct, so the error is about the user name.
            return visit.refused(_begin(visit), error, "owner")
    return visit.show(_answering(visit, asked.id, offer))


def _answering(visit: Visit, share_id: str, offer: Offer) -> View:
    """Return the page that asks for the response. Its form keeps the owner's name hidden, for the page after an error."""
    _ = visit._
    owner = visit.value("owner", 64)
    view = View(
        _("Confirm with the device of {owner}", owner=owner),
        words=(_("Use this device: {device}.", device=f"{_(KINDS[offer.kind])} {offer.label}".strip()),),
        steps=_steps(_, 2),
        crumb=_("Share a device"),
        back=Link("/share", _("Start again")),
        focus=True,
    )
    return with_answer_form(
        visit, offer, view, Form("/share/answer", _("Continue"), (hidden("share", share_id), hidden("owner", owner)))
    )


def answer(visit: Visit) -> Response:
    """Judge the device's answer, and show the share for confirmation."""
    _, share_id = visit._, visit.value("share", 32)
    offer = visit.system.share_offer(visit.token, share_id)
    if words := digits_error(visit, offer):
        return visit.wrong(_answering(visit, share_id, offer), words, 400, "answer")
    if not visit.system.answer_share(visit.token, share_id, read_answer(visit, offer)):
        try:
            offer = visit.system.share_offer(visit.token, share_id)
        except NotNow:
            return visit.wrong(_begin(visit), _("There were too many wrong answers. Start again."), 401)
        return visit.wrong(_answering(visit, share_id, offer), wrong_answer(_, offer), 401, "answer")
    asked = next(each for each in visit.system.shares(visit.token) if each.id == share_id)
    others = _has_other_cards(visit, asked)
    effects = (
        _("You can log in with the device under both user names."),
        *((_("You cannot log in as {user} with your other cards until you stop sharing.", user=asked.user),) if others else ()),
        _("{owner} is notified, and your other sessions end.", owner=asked.owner),
    )
    form, back = button("/share/confirm", _("Share the device"), share=share_id), Link("/share", _("Start again"))
    view = confirmations.question(visit, _("Share this device?"), effects, _facts(_, asked), form, back)
    return visit.show(replace(view, steps=_steps(_, 3), crumb=_("Share a device")))


def confirm(visit: Visit) -> Response:
    """Confirm the share, which may still wait for compliance."""
    _ = visit._
    named = visit.value("share", 32)
    share = next((each for each in visit.system.shares(visit.token) if each.id == named), None)
    others = share is not None and _has_other_cards(visit, share)
    state = visit.system.confirm_share(visit.token, named)
    facts = () if share is None else _facts(_, replace(share, state=state))
    # During a login, a user without a device may share one, and then continues the login.
    onward = Link("/devices", _("Go to your devices")) if visit.is_logged_in() else Link("/login/device", _("Log in"))
    title, done = _("The device is shared"), _("You can now log in with it.")
    kept = (_("Keep your other cards in a safe place: you can use them again later."),)
    alert = Alert(SUCCESS, done, kept if others else ())
    if share is not None and state is ShareState.PENDING:
        facts = (*facts, (_("Requested"), _.moment(share.at)))
        title, checked = _("Your request is being checked"), _("Our staff check that both user names belong to you.")
        see = (Link("/share", _("See the request")),) if visit.is_logged_in() else ()
        alert = Alert(INFO, checked, _what_follows(visit), see)
    return visit.show(View(title, crumb=_("Share a device"), blocks=(alert,), facts=facts, onward=onward))


def cancel(visit: Visit) -> Response:
    """End a share, or take back a request for one, after a question."""
    if not confirmations.is_confirmed(visit):
        return _ask_to_unshare(visit)
    named = visit.value("share", 32)
    waits = any(each.id == named and each.state is ShareState.PENDING for each in visit.system.shares(visit.token))
    visit.system.cancel_share(visit.token, named)
    return visit.redirect_after_change("/share", notice="cancelled" if waits else "unshared")


def _ask_to_unshare(visit: Visit) -> Response:
    _, named = visit._, visit.value("share", 32)
    share = next((each for each in visit.system.shares(visit.token) if each.id == named), None)
    if share is None:
        raise NotFound("you have no such request")
    if share.state is ShareState.PENDING:
        facts = (*_facts(_, share), (_("Requested"), _.moment(share.at)))
        left = (_("The device will not be shared. Your devices stay as they are."),)
        return confirmations.ask(visit, _("Cancel the request?"), left, facts, _("Cancel the request"), "share")
    words = (
        _("{user} can no longer log in with this device. To share it again, its owner's password and the device are needed.",
          user=share.user),
        _("Devices that were set aside can be used again."),
    )  # fmt: skip
    return confirmations.ask(visit, _("Stop sharing the device?"), words, _facts(_, share), _("Stop sharing"), "share")


def _what_follows(visit: Visit) -> tuple[str, ...]:
    """Return the sentences about a request that waits for compliance."""
    _ = visit._
    told = _("You will be notified of the decision.")
    # A user without a device has requested the share during the login, and cannot log in before the decision.
    if not visit.is_logged_in():
        return (told,)
    return (told, _("Until then, log in as before. You can see the request and cancel it."))


def _facts(_: Language, share: ShareView) -> tuple[tuple[str, str], ...]:
    """Return the device of a share, and its two user names."""
    return (
        (_("Device"), f"{_(KINDS[share.kind])} {share.device}"),
        (_("Belongs to"), share.owner),
        (_("Shared with") if share.state is ShareState.DONE else _("To be shared with"), share.user),
    )


def _has_other_cards(visit: Visit, share: ShareView) -> bool:
    """Return whether the user has other cards, which are set aside while the device is shared."""
    # A user who shares a device during a login has no device.
    devices = visit.system.devices(visit.token) if visit.is_logged_in() else ()
    return any(each.live and each.kind not in _NO_CARDS and each.label != share.device for each in devices)


def _steps(_: Language, current: int) -> Steps:
    return Steps((_("User name"), _("Response"), _("Check")), current)


def _rules(_: Language) -> Listing:
    """Return the folded panel with the rules of sharing, which few visitors need."""
    words = (
        _("Both user names must belong to you, and neither may have a temporary device."),
        _("The most secure device of your two user names is shared. Your other cards are set aside while it is shared."),
        _("A phone app is not shared: activate it once for each user name."),
    )
    return Listing(_("What can be shared"), (), words=words, folded=True)


def _details(_: Language, share: ShareView) -> tuple[str, ...]:
    """Return the users of a share and, if it was not decided or confirmed, the time of its request."""
    if share.state is ShareState.DONE:
        return (_("Belongs to {owner}, shared with {user}.", owner=share.owner, user=share.user),)
    if share.state is ShareState.CANCELLED:
        # It may have been a share, or a request that was never granted.
        return (_("Belongs to {owner}. Other user name: {user}.", owner=share.owner, user=share.user),)
    users = _("Belongs to {owner}, to be shared with {user}.", owner=share.owner, user=share.user)
    return (users, f"{_('Requested')}: {_.moment(share.at)}")


def _cancel(_: Language, share: ShareView) -> tuple[Form, ...]:
    """Return the button that ends a share or takes back its request, or nothing if neither is possible."""
    labels = {ShareState.DONE: _("Stop sharing"), ShareState.PENDING: _("Cancel the request")}
    return (button("/share/cancel", labels[share.state], share=share.id),) if share.state in labels else ()


def _begin(visit: Visit) -> View:
    _ = visit._
    rows = [
        Item(
            f"{_(KINDS[each.kind])} {each.device}",
            ICONS[each.kind],
            Badge(_(SHARES[each.state]), SUCCESS if each.state is ShareState.DONE else NEUTRAL),
            _details(_, each),
            _cancel(_, each),
            about=f"{_(KINDS[each.kind])} {each.device} {each.owner}",
        )
        for each in visit.system.shares(visit.token)
    ]
    form = Form(
        "/share",
        _("Continue"),
        (
            Field("owner", _("Your other user name"), longest=64),
            Field("password", _("Password of your other user name"), "password", longest=128),
        ),
    )
    return View(
        _("Share a device"),
        words=(
            _("Once a device is shared, you can log in with it under both of your user names."),
            _("Enter the user name that the device belongs to, and have the device at hand."),
        ),
        forms=(form,),
        below=(*((Listing(_("Shared devices"), rows),) if rows else ()), _rules(_)),
        steps=_steps(_, 1),
        back=Link("/devices", _("Back to devices")) if visit.is_logged_in() else Link("/login/device", _("Back to the login")),
    )  # fmt: skip
