"""The schema: the tables of all packages, with one common version and its migrations."""

from pathlib import Path

from dsc_host.records.schema import Schema
from dsc_host.schema import card_tables, login_tables
from dsc_host.schema.versions import COMPATIBLE_SINCE, OLDEST, VERSION

SCHEMA = Schema(
    tables=(*card_tables.OWN, *login_tables.ALL),
    version=VERSION,
    oldest=OLDEST,
    compatible_since=COMPATIBLE_SINCE,
    migrations=Path(__file__).parent / "migrations",
    kept={**card_tables.KEPT, **login_tables.KEPT},
    after_restore=(login_tables.end_pushes,),
)
"""The schema of every database that dscplus makes. It always has the tables of the cards and those of the login system."""
