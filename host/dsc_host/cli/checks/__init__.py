"""The checks of `dscplus doctor`. They look at an installation and change nothing."""
