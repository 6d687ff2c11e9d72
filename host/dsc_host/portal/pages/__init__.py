"""The pages of the login system. Each module has the pages of one part."""
