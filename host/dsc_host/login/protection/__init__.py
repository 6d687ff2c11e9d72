"""The protection of an account: sharing devices, opting out and in, and the limits on withdrawals and transfers."""
