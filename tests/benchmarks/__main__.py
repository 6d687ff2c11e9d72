"""`make bench`: print every figure, and exit with 1 if a bound is missed."""

import sys

from tests.benchmarks import (
    bench_audit,
    bench_command,
    bench_desktop,
    bench_exchange,
    bench_firmware,
    bench_group_commit,
    bench_lists,
    bench_login,
    bench_ocra,
    bench_openid,
    bench_plugin,
    bench_radius,
    bench_service,
    bench_simulator,
    bench_sizing,
    bench_verifier,
    bench_waiting,
    bench_web,
)

BENCHES = {
    "Response on the host": bench_ocra,
    "Simulated card": bench_simulator,
    "In tests": bench_plugin,
    "On the screen": bench_desktop,
    "In a browser": bench_web,
    "On a board": bench_firmware,
    "Verifier": bench_verifier,
    "Lists": bench_lists,
    "Audit log": bench_audit,
    "Command": bench_command,
    "Cards by PSKC": bench_exchange,
    "Service": bench_service,
    "Sizing": bench_sizing,
    "Group commit": bench_group_commit,
    "Waiting": bench_waiting,
    "Login system": bench_login,
    "OpenID Connect": bench_openid,
    "RADIUS": bench_radius,
}


def main() -> int:
    met = True
    for title, bench in BENCHES.items():
        print(f"\n{title}", flush=True)
        for figure in bench.measure():
            print(figure, flush=True)
            met = met and figure.met
    print("\nAll bounds are met." if met else "\nA bound is MISSED.")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
