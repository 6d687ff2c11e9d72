"""Changes that support makes to the profile of an identified caller who has opted out of the protection.

A user who is protected by a device makes these changes without support.
"""

from dsc_host.login.accounts import contacts, email_addresses
from dsc_host.login.accounts.bank_numbers import BankInstructions
from dsc_host.login.profile import bank_instructions, postal_address, self_service
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction


def set_email(tx: LoginTransaction, session: Session, staff: User, email: str) -> None:
    """Change the email address of the caller, and notify both addresses. Raises `InputError`, `NotAllowed`, `NotNow`."""
    email = email_addresses.normalized(email)
    user = _caller(tx, session)
    if email != user.email:
        contacts.replace_email(tx, user, email, by=staff.name)


def set_address(tx: LoginTransaction, session: Session, staff: User, address: str) -> None:
    """Change the postal address of the caller. Raises `InputError`, `NotAllowed`, `NotNow`."""
    postal_address.replace(tx, _caller(tx, session), address, by=staff.name)


def set_bank(tx: LoginTransaction, session: Session, staff: User, given: BankInstructions) -> None:
    """Change the bank instructions of the caller's account. Raises `InputError`, `NotAllowed`, `NotNow`."""
    bank_instructions.replace(tx, _caller(tx, session), given, by=staff.name)


def _caller(tx: LoginTransaction, session: Session) -> User:
    user = calls.caller(tx, session)
    self_service.check_caller(user)
    return user
