"""Commands that need the simulator, offered to `dscplus` through its entry points."""
