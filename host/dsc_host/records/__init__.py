"""The records: one database that all packages share, with its keys, vault, audit log, backups and migrations."""
