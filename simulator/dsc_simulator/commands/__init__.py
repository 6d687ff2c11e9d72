"""The commands that need the simulator. `dsc_host.cli.commands` names them."""
