"""The commands that need the simulator. `dscplus` finds their section through its entry points."""

from dsc_host.cli.lazy import Command, Section

SECTION = Section(
    "Simulator",
    (
        Command("sim", "dsc_simulator.commands.sim:sim", "Show a simulated card, and use its keys."),
        Command("demo", "dsc_simulator.commands.demo:demo", "Watch a login with a card and a verifier."),
    ),
)
