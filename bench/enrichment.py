"""What enrichment costs the pump: one journal drained with and without, ``-m bench.enrichment``.

Without: the derived columns and the views that fill rollups are dropped before the consumer starts.
Rounds take turns, so that what else the machine does meets both; the ratio is of CPU time.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path

from bench import pump
from bench.peers import heliograph
from bench.server import Launch, free_port, running
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient

_VIEWS = ("traffic_rollup_view", "pages_rollup_view", "user_agents_seen_view")
_DERIVED = (
    "SELECT arrayStringConcat(arrayReverse(groupArray(concat('DROP COLUMN ', name))), ', ') FROM "
    "(SELECT name FROM system.columns WHERE table = 'hits' AND database = currentDatabase() "
    "AND default_kind IN ('MATERIALIZED', 'ALIAS') ORDER BY position)"
)


def main() -> None:
    """Run it and print what a hit costs."""
    parser = argparse.ArgumentParser(
        prog="bench.enrichment", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--hits", type=int, default=300_000, help="how many each time [300,000]")
    parser.add_argument("--rounds", type=int, default=3, help="how many of each [3]")
    given = parser.parse_args()
    seen: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(given.rounds):
        for enriched in (False, True):
            seen[enriched].append(_round(given.hits, enriched=enriched))
    for enriched, costs in seen.items():
        costs.sort()
        print(f"{'with' if enriched else 'without':8} µs of CPU per hit: best {costs[0]:.2f}, all "
              + " ".join(f"{cost:.2f}" for cost in costs))  # fmt: skip
    print(f"with / without: {seen[True][0] / seen[False][0]:.2f}")


def _round(hits: int, *, enriched: bool) -> float:
    """Return the CPU time of consumer and store for a hit, in µs."""
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as temporary:
        folder = Path(temporary)
        pump.write_journal(folder / "journal" / "w0", hits)
        port = free_port()
        launch = heliograph.store(folder, port)
        with running(launch, port, pump.STORE_CORE, folder / "store.log", pump.pings) as store:
            asyncio.run(_prepare(port, enriched=enriched))
            consumer = _unmigrated(heliograph.consumer(folder, port))
            log = folder / "log"
            with running(consumer, port, pump.CONSUMER_CORE, log, pump.has_table) as process:
                return 1e6 / pump.drain(process, store, hits)["hits_per_cpu_second"]


def _unmigrated(launch: Launch) -> Launch:
    launch.environment["HELIOGRAPH_CLICKHOUSE_MIGRATE_AT_START"] = "false"
    return launch


async def _prepare(port: int, *, enriched: bool) -> None:
    settings = ClickHouseSettings(url=f"http://127.0.0.1:{port}")
    await migrate(settings)
    if enriched:
        return
    async with StoreClient(settings) as client:
        for view in _VIEWS:
            await client.execute(f"DROP VIEW {view}")
        await client.execute(f"ALTER TABLE hits {await client.execute(_DERIVED)}")


if __name__ == "__main__":
    main()
