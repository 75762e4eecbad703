"""What the views of reports take, ``make bench-views``: made-up hits of 30 days in an empty store.

Hits are made by the store itself, a day for each insert: five of a visit, visits of 20 sites of
unlike size, visitors who come back. Each question is asked three times for a day and for 30; the
quickest counts.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import pump
from bench.peers import heliograph
from bench.server import free_port, running
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient

DAYS = 30
ROUNDS = 3
# A visit's hits are 40 s apart. One visit in 3 comes by an ad, one by a search, one directly.
_FILL = """
INSERT INTO hits (id, received_at, endpoint, method, site, event, event_id, url, referrer,
    value, currency, visitor_id, user_agent, language, consent, visitor_kind, session_id)
WITH intDiv(number, 5) AS visit, number % 5 AS step, cityHash64(visit, {day}) AS dice,
    toString(toUInt8(20 / (1 + dice % 20))) AS of_site, dice % 50 = 0 AND step = 4 AS buys
SELECT generateUUIDv7(number), toDateTime64('{start}', 3, 'UTC')
        + (dice % 86000000) / 1000 + step * 40,
    'pixel', 'GET', concat('shop-', of_site), if(buys, 'Purchase', 'PageView'),
    if(buys, toString(dice), ''),
    concat('https://www.shop-', of_site, '.example/page/', toString(cityHash64(number) % 2000),
        if(step = 0 AND dice % 3 = 0, concat('?utm_source=google&utm_medium=cpc&utm_campaign=c',
            toString(dice % 40)), '')),
    multiIf(step > 0, concat('https://www.shop-', of_site, '.example/'), dice % 3 = 1,
        'https://www.google.com/', ''),
    if(buys, toDecimal64(dice % 200, 4), NULL), if(buys, 'EUR', ''),
    reinterpretAsUUID(sipHash128(dice % {visitors})),
    concat('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/',
        toString(90 + dice % 50), '.0.0.0 Safari/537.36'),
    'en-US', 'granted', 'cookie', reinterpretAsUUID(sipHash128(visit, {day}))
FROM numbers({hits})"""
_RANGE = "since = toDateTime('{since}', 'UTC'), until = toDateTime('{until}', 'UTC')"
_DAYS = "day >= toDate('{since}') AND day < toDate('{until}')"
_HOURS = "hour >= '{since}' AND hour < '{until}'"
QUESTIONS = {
    "traffic_by_hour": f"SELECT * FROM traffic_by_hour WHERE {_HOURS}",
    "visitors of the range": "SELECT uniqCombined64Merge(14)(visitors_state) FROM traffic_rollup "
    f"WHERE {_HOURS}",
    "channels_by_day": f"SELECT * FROM channels_by_day WHERE {_DAYS}",
    "pages, top 10": "SELECT path, sum(page_views) AS views FROM pages_rollup "
    f"WHERE {_HOURS} GROUP BY path ORDER BY views DESC LIMIT 10",
    "sessions_by_day": f"SELECT * FROM sessions_by_day({_RANGE})",
    "sessions_by_day, one site": f"SELECT * FROM sessions_by_day({_RANGE}) WHERE site = 'shop-2'",
    "conversions_between": "SELECT event, count(), sum(one.value) FROM "
    f"conversions_between({_RANGE}) AS one GROUP BY event",
    "conversions_by_day": f"SELECT * FROM conversions_by_day WHERE {_DAYS}",
    "attribution_by_channel, one site": "SELECT * FROM "
    f"attribution_by_channel({_RANGE}, lookback_days = 7) WHERE site = 'shop-2'",
    "funnel, one site": f"SELECT * FROM funnel({_RANGE}, site = 'shop-2', "
    "steps = ['/page/*', 'Purchase'], window_seconds = 86400)",
    "browsers_by_day": f"SELECT * FROM browsers_by_day WHERE {_DAYS}",
    "events_by_hour": f"SELECT * FROM events_by_hour WHERE {_HOURS}",
    "consent_by_day": f"SELECT * FROM consent_by_day WHERE {_DAYS}",
}


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(prog="bench.views", description=__doc__.partition("\n")[0])
    parser.add_argument("--hits", type=int, default=100_000_000, help="how many [100,000,000]")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as temporary:
        folder, port = Path(temporary), free_port()
        launch = heliograph.store(folder, port)
        with running(launch, port, pump.STORE_CORE, folder / "store.log", pump.pings):
            asyncio.run(_bench(f"http://127.0.0.1:{port}", given.hits))


async def _bench(url: str, hits: int) -> None:
    settings = ClickHouseSettings(url=url, retention_days=0, request_timeout_seconds=600)
    await migrate(settings)
    until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    async with StoreClient(settings) as client:
        for number in range(DAYS):
            start = until - timedelta(days=DAYS - number)
            await client.execute(
                _FILL.format(day=number, start=start, hits=hits // DAYS, visitors=hits // 15 + 1)
            )
            print(f"\r{number + 1} of {DAYS} days", end="", file=sys.stderr, flush=True)
        sizes = await client.execute(
            "SELECT table, round(sum(bytes_on_disk) / "
            f"{hits}, 1) AS bytes FROM system.parts WHERE active AND database = currentDatabase() "
            "GROUP BY table HAVING bytes > 0 ORDER BY bytes DESC"
        )
        print(f"\nbytes on disk for each of {hits} hits:\n{sizes}\n\nseconds: 24 hours, 30 days")
        for name, question in QUESTIONS.items():
            seconds = [await _ask(client, question, until, days) for days in (1, DAYS)]
            print(f"{name:34} {seconds[0]:6.2f} {seconds[1]:6.2f}", flush=True)


async def _ask(client: StoreClient, question: str, until: datetime, days: int) -> float:
    sql = question.format(since=until - timedelta(days=days), until=until)
    seen = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        await client.execute(f"SELECT count() FROM ({sql}) SETTINGS max_threads = 2")
        seen.append(time.perf_counter() - begin)
    return min(seen)


if __name__ == "__main__":
    main()
