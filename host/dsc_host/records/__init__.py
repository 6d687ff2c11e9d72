"""The records: one database for whoever has tables in it, with its keys, vault, audit log, backup and migrations."""
