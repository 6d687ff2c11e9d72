"""The `dscplus` command: commands print their results on stdout and everything else on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no card or several cards, 4 response not accepted, 5 link lost or timed out,
6 the audit log was changed, 130 stopped by Ctrl-C.
Another package can add a section of commands through the entry-point group `dscplus.commands`: see `dsc_host.cli.commands`. Its
commands may use the modules `options` and `output`.
"""
