"""People, accounts and users."""
