"""Moving cards in and out: their keys as PSKC (RFC 6030), encrypted; their serials as CSV, for people and shop floors.

    with Verifier.open("sqlite:///dsc.db", master_key=MasterKey.from_file("master.key")) as verifier:
        export_pskc(verifier, "cards.pskc", passphrase="correct horse battery")

`export_…` and `import_…` move cards between a verifier and a file that has a name; `read_…` and `write_…` are for any other
place. Files of any length take the same memory. PSKC needs python-pskc: `pip install 'dscplus[pskc]'`.
What is listed here may be imported; nothing else.
"""

from dsc_host.exchange.csv_files import CardOrder, read_serials, write_cards
from dsc_host.exchange.pskc_reader import read_pskc
from dsc_host.exchange.pskc_writer import write_pskc
from dsc_host.exchange.refusal import Refusal
from dsc_host.exchange.transfer import export_csv, export_pskc, import_csv, import_pskc

__all__ = [
    "CardOrder",
    "Refusal",
    "export_csv",
    "export_pskc",
    "import_csv",
    "import_pskc",
    "read_pskc",
    "read_serials",
    "write_cards",
    "write_pskc",
]
