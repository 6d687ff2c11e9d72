"""The version of the schema, and the earlier versions that brought certain changes."""

VERSION = 13
"""The version of the tables in this release."""
COMPATIBLE_SINCE = 10
"""A dscplus whose schema has at least this version may use the tables of this release, if they are in PostgreSQL.

Later versions have added only tables, indexes, and columns that may be left out. So such a dscplus understands each row of the
tables that it knows.
"""
FIRST_WITH_LOG = 4
"""The first version with an audit log."""
FIRST_WITH_SEALS = 7
"""The first version in which rows are sealed, and secrets are bound to the database and the enrollment."""
OLDEST = 3
"""The oldest version that can be migrated. Earlier versions were never released."""
