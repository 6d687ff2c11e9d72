"""What users change about themselves: the email address, the postal address, and the account's bank instructions."""
