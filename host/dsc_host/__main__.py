"""The command `dscplus`, for `python -m dsc_host`."""

from dsc_host.cli.main import main

if __name__ == "__main__":
    main()
