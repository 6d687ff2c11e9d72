"""The policy of the login system: its values, their checks, and the calendar."""
