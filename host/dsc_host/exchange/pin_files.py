"""Files of PINs: a CSV with a serial and a PIN in each row, for cards that were enrolled without their PIN."""

from collections.abc import Callable

from dsc_host.errors import DscError, InputError, StoreError
from dsc_host.exchange import csv_table
from dsc_host.exchange.csv_files import unescape_formula
from dsc_host.exchange.files import PathLike, old_file
from dsc_host.exchange.refusal import Refusal
from dsc_host.verifier import Verifier, card_rules

PIN_COLUMNS = ("serial", "pin")


def import_pins(verifier: Verifier, path: PathLike, *, refused: Callable[[Refusal], None]) -> int:
    """Set the PINs of cards that await their PIN. Return the number of PINs that were set.

    `refused` is called with each row whose PIN cannot be set, for example because the card already has a PIN. The PINs of the
    other rows are set. Raises `InputError` before any change if the file is not a CSV with these columns. Raises `StoreError`
    if the database fails; the PINs of earlier rows then stay set.
    """
    count = 0
    with old_file(path) as (file, _):
        for row in csv_table.rows(file, csv_table.Columns(PIN_COLUMNS, required=PIN_COLUMNS, can_be_named=False)):
            if isinstance(row, Refusal):
                refused(row)
                continue
            serial = unescape_formula(row.cells["serial"])
            try:
                verifier.set_pin(serial, row.cells["pin"])
                count += 1
            except StoreError:
                raise
            except DscError as error:
                known = error if isinstance(error, InputError) else InputError("card", _without_serial(str(error)))
                refused(Refusal(row.number, row.line, serial if card_rules.is_serial(serial) else None, known))
    return count


def _without_serial(text: str) -> str:
    """Return an error's text without the serial at its beginning, because a refusal already has the serial."""
    return text.split(": ", 1)[-1]
