"""Import and export of cards: keys as encrypted PSKC (RFC 6030), and lists of serials as CSV.

    with Verifier.open("sqlite:///dsc.db", master_key=MasterKey.from_file("master.key")) as verifier:
        export_pskc(verifier, "cards.pskc", passphrase="correct horse battery")

`export_…` and `import_…` move cards between a verifier and a named file. `read_…` and `write_…` work on a binary file
object, which must be seekable for `read_csv`. A file is never held in memory as a whole. PSKC needs python-pskc: `pip install
'dscplus[pskc]'`. Import only the names listed here.
"""

from dsc_host.exchange.csv_files import CardOrder, read_serials, write_cards
from dsc_host.exchange.pin_files import import_pins
from dsc_host.exchange.pskc_reader import read_pskc
from dsc_host.exchange.pskc_writer import write_pskc
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.exchange.transfer import export_csv, export_pskc, import_csv, import_pskc, read_csv

__all__ = [
    "CardOrder",
    "Placed",
    "Refusal",
    "export_csv",
    "export_pskc",
    "import_csv",
    "import_pins",
    "import_pskc",
    "read_csv",
    "read_pskc",
    "read_serials",
    "write_cards",
    "write_pskc",
]
