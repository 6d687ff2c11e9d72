"""The versions of the schema, and what changed with some of them."""

VERSION = 8
"""Of the tables as they stand here."""
FIRST_WITH_LOG = 4
FIRST_WITH_SEALS = 7
"""The first whose rows are sealed, and whose secrets are bound to the database and the enrollment."""
OLDEST = 3
"""The oldest version that can be migrated: those before it were never released."""
