"""The pages of the login system, a module for each part of it."""
