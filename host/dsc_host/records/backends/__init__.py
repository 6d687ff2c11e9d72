"""The kinds of databases that can hold the records."""
