"""``make bench``: all scenarios, one table of targets, results kept. ``--quick``: to see it works.

It can be stopped and goes on with `--resume`; `--only` measures some scenarios again, into the
same file. Exit codes: 0 all targets that were measured hold, 1 one is missed, 2 a scenario failed.
"""

import argparse
import sys
from collections.abc import Sequence

from bench import records, report, scenario, suite
from bench.machine import commit
from bench.suite import Order
from bench.targets import targets, verdicts

EXIT_MISSED = 1
EXIT_FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, and print the table."""
    given = _arguments(arguments)
    form = "quick" if given.quick else report.FULL
    order = Order(form, _chosen(given, form), given.seconds, given.rounds)
    if given.list:
        for name in suite.in_order(scenario.names()):
            print(f"{name:20} {scenario.by_name(name).ABOUT}")
        return 0
    try:
        failed = suite.run(order, lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        print("stopped; `--resume` goes on", file=sys.stderr)
        return EXIT_FAILED
    seen = records.read(order.file)
    print()
    print(report.told(seen, form))
    print(f"Results: {order.file}. `make bench-publish` makes docs/performance.md of full runs.")
    if failed:
        print(f"FAILED: {', '.join(failed)}", file=sys.stderr)
        return EXIT_FAILED
    judged = [verdict for verdict in verdicts(seen, form) if verdict.target.scenario in order.names]
    return EXIT_MISSED if any(verdict.holds is False for verdict in judged) else 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="All scenarios of the bench.")
    names = scenario.names()
    parser.add_argument(
        "--quick", action="store_true", help="two minutes; only what is far off fails"
    )
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help="these scenarios")
    parser.add_argument("--skip", nargs="+", choices=names, metavar="NAME", default=[])
    parser.add_argument("--targets", action="store_true", help="only scenarios that have a target")
    parser.add_argument("--resume", action="store_true", help="what this commit has no result of")
    parser.add_argument("--seconds", type=float, help="of a phase, for all scenarios")
    parser.add_argument("--rounds", type=int, help="for all scenarios")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    return parser.parse_args(arguments)


def _chosen(given: argparse.Namespace, form: str) -> list[str]:
    chosen = given.only or scenario.names()
    held = {target.scenario for target in targets()}
    done = records.read(records.file_of(form)) if given.resume else {}
    return [
        name
        for name in chosen
        if name not in given.skip
        and (not given.targets or name in held)
        and not (name in done and done[name].run.commit == commit())
    ]


if __name__ == "__main__":
    sys.exit(main())
