"""The protection of an account: sharing, opting out and in, limits, withdrawals."""
