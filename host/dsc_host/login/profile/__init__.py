"""The profile of a user: the email address, the postal address, and the account's bank instructions."""
