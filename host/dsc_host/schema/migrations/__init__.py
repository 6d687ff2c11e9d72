"""The migrations of the schema, a file for each version: see `dsc_host.records.migrations`."""
