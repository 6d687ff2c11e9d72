"""The operations of the login system, as callers see them."""
