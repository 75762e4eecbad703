"""Times every panel's query against a store that has hits: which panel is slow at which range?

    .venv/bin/python -m tests.deploy.grafana.timings --url http://127.0.0.1:8123 --days 1 30

Prints, for each range that ends with the newest hit, the seconds of each query, the slowest first.
"""

import argparse
import time
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.deploy.grafana.board import CLICKHOUSE, first_choices, targets
from tests.deploy.grafana.macros import View, expanded
from tests.support.visits import DAY_MS

SECONDS_MAX = 600


def main() -> None:
    """Ask and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8123")
    parser.add_argument("--database", default="default")
    parser.add_argument("--days", type=int, nargs="+", default=[1, 30])
    arguments = parser.parse_args()

    def ask(sql: str) -> str:
        query = urlencode({"database": arguments.database, "user": "reader"})
        request = Request(f"{arguments.url}/?{query}", data=sql.encode())
        with urlopen(request, timeout=SECONDS_MAX) as answer:
            return str(answer.read().decode())

    until_ms = int(ask("SELECT toUnixTimestamp64Milli(max(received_at)) FROM hits"))
    site = ask("SELECT site FROM traffic_rollup GROUP BY site ORDER BY sum(hits) DESC LIMIT 1")
    for days in arguments.days:
        found = []
        for target in targets(CLICKHOUSE):
            chosen = {**first_choices(target.dashboard), "funnel_site": site.strip()}
            if "interval" in chosen and days > 1:
                chosen["interval"] = "day"
            view = View(until_ms - days * DAY_MS, until_ms + 1000, 3600, chosen)
            started = time.perf_counter()
            rows = ask(expanded(target.target["rawSql"], view)).count("\n")
            found.append((time.perf_counter() - started, rows, target.name))
        print(f"{days} days, {len(found)} queries, {sum(row[0] for row in found):.1f} s")
        for seconds, rows, name in sorted(found, reverse=True):
            print(f"{seconds:8.3f} s {rows:7} rows  {name}")


if __name__ == "__main__":
    main()
