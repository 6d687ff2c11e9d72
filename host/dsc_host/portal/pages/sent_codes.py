"""The flow that confirms a phone number or an email address by a code.

This module has the page for the code. `phones` and `profile` have the first page of the flow, with the form for the number or
the address.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

from starlette.responses import Response

from dsc_host.login import SentCode
from dsc_host.portal.components import INFO, Alert
from dsc_host.portal.languages import Language
from dsc_host.portal.site import Visit
from dsc_host.portal.views import Field, Form, Link, SentMessage, Steps, View

TOO_MANY_CODES = "There were too many wrong codes. Request a new one."


class CodeFlow(ABC):
    """A flow that confirms a number or an address by a code. Its methods `code`, `send_again` and `check` are handlers."""

    start: ClassVar[str]
    """The path of the page with the form. Below it, `answer` is the page for the code, and `resend` sends a new code."""
    template: ClassVar[str]
    """The entry of `messages.toml` with the message that contains the code."""

    @abstractmethod
    def words(self, _: Language) -> tuple[str, str, str]:
        """Return the title of the page for the code, the name of the first step, and the label of the link to that step."""

    @abstractmethod
    def form(self, visit: Visit) -> View:
        """Return the page with the form."""

    @abstractmethod
    def sent(self, visit: Visit) -> SentCode | None:
        """Return the receiver and the times of the code that was sent. Return None if no code can be entered now."""

    @abstractmethod
    def resend(self, visit: Visit) -> None:
        """Send a new code."""

    @abstractmethod
    def confirm(self, visit: Visit, code: str) -> bool:
        """Confirm the number or address if the code is correct. Return whether the code is correct."""

    @abstractmethod
    def confirmed(self, visit: Visit, to: str) -> Response:
        """Redirect after the confirmation. `to` says where the code was sent."""

    def code(self, visit: Visit) -> Response:
        """Show the form for the code, or redirect to the first form if no code was sent."""
        sent = self.sent(visit)
        return visit.redirect(self.start) if sent is None else visit.show(self._code(visit, sent))

    def send_again(self, visit: Visit) -> Response:
        """Send a new code, or show an error if the last code was sent too short a time ago."""
        sent = self.sent(visit)
        if sent is None:
            return visit.redirect(self.start)
        with visit.showing_errors(lambda: self._code(visit, sent)):
            self.resend(visit)
        return visit.redirect(self.answer, notice="code_sent")

    def check(self, visit: Visit) -> Response:
        """Confirm the number or address if the code is correct. After too many wrong codes, show the first form."""
        before = self.sent(visit)
        with visit.showing_errors(lambda: self.form(visit)):
            confirmed = self.confirm(visit, visit.value("answer"))
        if confirmed:
            return self.confirmed(visit, before.to if before is not None else "")
        if sent := self.sent(visit):
            return visit.wrong(self._code(visit, sent), _wrong(visit._, sent), 401, "answer")
        return visit.wrong(self.form(visit), visit._(TOO_MANY_CODES), 409)

    @property
    def answer(self) -> str:
        """The path of the page for the code."""
        return f"{self.start}/answer"

    def steps(self, _: Language, current: int) -> Steps:
        """Return the steps of the flow."""
        return Steps((self.words(_)[1], _("Code")), current)

    def waiting(self, visit: Visit) -> tuple[Alert, ...]:
        """Return the alert about a code that was sent, with a link to the form for it. Return nothing if no code was sent."""
        _, sent = visit._, self.sent(visit)
        if sent is None:
            return ()
        words = _("A code is on its way to {number}.", number=sent.to)
        return (Alert(INFO, words, links=(Link(self.answer, _("Enter the code")),)),)

    def _code(self, visit: Visit, sent: SentCode) -> View:
        _, rules = visit._, visit.system.policy.login
        title, _first, other = self.words(_)
        hint = _("{digits} digits, within {minutes} minutes.", digits=rules.code_digits, minutes=rules.code_validity // 60)
        message = SentMessage(self.template, visit.visitor().name, sent.sent_at)
        field = Field("answer", _("Code"), "code", hint, autocomplete="one-time-code", longest=64, sent=message)
        form = Form(self.answer, _("Confirm"), (field,), also=((f"{self.start}/resend", _("Send a new code")),))
        words = (_("A code is on its way to {number}.", number=sent.to),)
        view = View(
            title,
            words=words,
            forms=(form,),
            steps=self.steps(_, 2),
            crumb=self.form(visit).title,
            back=Link(self.start, other),
            focus=True,
        )
        return with_resend(visit, view, sent.again_at)


def with_resend(visit: Visit, view: View, again_at: float) -> View:
    """Return the page with the seconds until a new code can be sent. A script counts them down."""
    left = max(0, math.ceil(again_at - visit.system.context.now()))
    return replace(view, script="resend.js", after="resend.html" if left else "", extra={**view.extra, "seconds": left})


def _wrong(_: Language, sent: SentCode) -> str:
    return _("The code is not correct. Tries left:\u00a0{left}. You can also request a new code.", left=sent.left)
