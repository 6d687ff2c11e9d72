"""The pytest plugin: simulated cards, real boards and faults, as fixtures."""
