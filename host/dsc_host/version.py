"""The version of dscplus, which the packages, the command and the HTTP service report."""

VERSION = "0.1.0"
