"""The commands that need the simulator. `dscplus` finds them through its entry points."""
