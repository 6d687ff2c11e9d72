"""The user whom an entry of the audit log is about: an SQL expression, for which the log has an index.

The user's name is in the JSON text of `detail`. With the index, a user's entries are found without reading the whole log. A
separate column would store the name twice, and the hash of an entry would have to include the column.
"""

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from dsc_host.records.tables import audit

# The expressions work with any text, even if it is not JSON. In JSON, no value can contain `_KEY`, because there is a backslash
# before each quote in a value.
_KEY = '"user":"'
SQLITE = (
    f"CASE WHEN instr({{0}}, '{_KEY}') > 0 THEN substr({{0}}, instr({{0}}, '{_KEY}') + {len(_KEY)}, "
    f"instr(substr({{0}}, instr({{0}}, '{_KEY}') + {len(_KEY)}), '\"') - 1) END"
)
POSTGRESQL = f"split_part(split_part({{0}}, '{_KEY}', 2), '\"', 1)"


class UserOf(FunctionElement[str]):
    """The name of the user whom an entry is about. If no user is named, it is NULL in SQLite and empty text in PostgreSQL."""

    name = "user_of"
    type = String()
    inherit_cache = True


@compiles(UserOf, "sqlite")
def _in_sqlite(element: UserOf, compiler: SQLCompiler, **options: Any) -> str:
    return SQLITE.format(compiler.process(element.clauses, **options))


@compiles(UserOf, "postgresql")
def _in_postgresql(element: UserOf, compiler: SQLCompiler, **options: Any) -> str:
    return POSTGRESQL.format(compiler.process(element.clauses, **options))


user_of = UserOf(audit.c.detail)
"""The name of the user whom an entry of the log is about."""
