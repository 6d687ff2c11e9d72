"""Email addresses in a normal form that every mail server accepts: ASCII, with the domain in lower case.

The `email-validator` library checks the addresses. It is loaded when the first address is checked, and makes no DNS query.
"""

import re

from dsc_host.errors import InputError

# Characters such as ! and | are excluded, because old mail servers read them as routing instructions.
_LOCAL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}")
_MOST_DOMAIN = 128
_PUBLIC_DOMAIN = ".example"


def normalized(email: str) -> str:
    """Return an address in its normal form: `Anna@MÜLLER.example` becomes `Anna@xn--mller-kva.example`.

    Raises `InputError` unless the text is exactly one address, without a person's name and without quotation marks.
    """
    from email_validator import EmailNotValidError, validate_email

    problem = InputError("email", "must be an email address, for example anna@example.com")
    if not isinstance(email, str):
        raise problem
    try:
        # Append a public domain: the library would refuse domains of local networks, such as localhost and mail.local.
        valid = validate_email(email + _PUBLIC_DOMAIN, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise problem from None
    local, domain = valid.local_part, valid.ascii_domain.removesuffix(_PUBLIC_DOMAIN)
    if not _LOCAL.fullmatch(local) or len(domain) > _MOST_DOMAIN:
        raise problem
    return f"{local}@{domain}"
