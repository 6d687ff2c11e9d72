"""The pages of sharing a device, and those of protection: limits, opting out and in, withdrawals, closing the account."""

from starlette.responses import Response

from dsc_host.errors import DscError
from dsc_host.login import ShareState
from dsc_host.portal.demo.pages import with_card
from dsc_host.portal.pages.signin import fields, instructions, shown
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, Row, Table, View, hidden
from dsc_host.portal.wording import KINDS, SHARES


def share(visit: Visit) -> Response:
    return visit.show(_begin(visit))


def begun(visit: Visit) -> Response:
    """The owner's password was right: the device's element."""
    _ = visit._
    try:
        asked, offer = visit.system.begin_share(
            visit.token, visit.value("owner", 64), visit.form.get("password", ""), address=visit.address
        )  # fmt: skip
    except DscError as error:
        return visit.again(_begin(visit), error)
    named = hidden("share", asked.id)
    view = View(
        _("The shared device answers"),
        words=instructions(_, offer),
        shown=shown(_, offer),
        forms=(Form("/share/answer", _("Continue"), (named, *fields(_, offer))),),
        links=(Link("/share", _("Begin anew")),),
    )
    return visit.show(with_card(visit, view, offer))


def answered(visit: Visit) -> Response:
    _, share_id = visit._, visit.value("share", 32)
    if not visit.system.answer_share(visit.token, share_id, visit.value("answer")):
        return visit.go("/share", said="wrong")
    asked = next(each for each in visit.system.shares(visit.token) if each.id == share_id)
    named = (hidden("share", share_id),)
    view = View(
        _("Is this right?"),
        facts=(
            (_("Device"), f"{_(KINDS[asked.kind])} {asked.device}"),
            (_("Belongs to"), asked.owner),
            (_("Shared with"), asked.user),
        ),
        words=(_("Your other cards are put aside while the device is shared."),),
        forms=(Form("/share/confirm", _("Continue"), named),),
        links=(Link("/share", _("Begin anew")),),
    )
    return visit.show(view)


def confirmed(visit: Visit) -> Response:
    _ = visit._
    state = visit.system.confirm_share(visit.token, visit.value("share", 32))
    words = _("The device is shared now. Keep your other cards in a safe place: they can be used again later.")
    if state is ShareState.PENDING:
        words = _("Your request waits for compliance. You are told when it is decided.")
    # Who had no device has begun half-way through their login, and goes on with it.
    there = "/devices" if visit.in_already() else "/login/device"
    return visit.show(View(_("Share a device"), words=(words,), links=(Link(there, _("OK")),)))


def unshared(visit: Visit) -> Response:
    visit.system.cancel_share(visit.token, visit.value("share", 32))
    return visit.go_on("/share", said="unshared")


def _begin(visit: Visit) -> View:
    _ = visit._
    rows = [
        Row(
            (f"{_(KINDS[each.kind])} {each.device}", each.owner, each.user, _(SHARES[each.state])),
            (Form("/share/cancel", _("End it"), (hidden("share", each.id),)),)
            if each.state in (ShareState.DONE, ShareState.PENDING)
            else (),
        )
        for each in visit.system.shares(visit.token)
    ]
    heads = (_("Device"), _("Belongs to"), _("Shared with"), _("State"), _("What you can do"))
    form = Form(
        "/share",
        _("Continue"),
        (
            Field("owner", _("User name of the device's owner"), longest=64),
            Field("password", _("Password of that user"), "password", longest=128),
        ),
    )
    return View(
        _("Share a device"),
        words=(
            _("Both user names must belong to one person, neither may have a temporary device, and of both users' devices"
              " the most secure one is shared."),
            _("Begin as the user who does not own the device, with the device at hand. An app on a phone is not shared:"
              " it takes several users by itself."),
        ),
        forms=(form,),
        tables=(Table(_("What you share"), heads, rows),) if rows else (),
    )  # fmt: skip
