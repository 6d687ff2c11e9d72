"""The records: one database for every package that has tables in it, with keys, vault, audit log, backup and migrations."""
