"""Email, consent, bots and data quality on a few hits whose numbers are plain to see."""

from typing import Any

import pytest

from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from tests.support import visits
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real

DATABASE = "quality"
AGENT = {
    "user_agent": visits.BROWSER,
    "site": "shop",
    "consent": "granted",
    "consent_source": "tcf",
}
MAIL = {**AGENT, "campaign_id": "spring"}
OPEN = {**MAIL, "event": "Open"}
CLICK = {**MAIL, "event": "Click", "endpoint": "click"}
HITS: tuple[dict[str, Any], ...] = (
    *({**MAIL, "event": "Sent", "message_id": "m", "recipient_id": f"r{n}"} for n in range(5)),
    {**OPEN, "message_id": "m", "recipient_id": "r0", "opened_by": "human"},
    {**OPEN, "message_id": "m", "recipient_id": "r0", "opened_by": "human"},
    {**OPEN, "message_id": "m", "recipient_id": "r1", "opened_by": "machine"},
    {**OPEN, "message_id": "m", "recipient_id": "r2", "opened_by": "unknown"},
    {**CLICK, "message_id": "m", "recipient_id": "r0"},
    {**CLICK, "message_id": "m", "recipient_id": "r0"},
    {**CLICK, "message_id": "m", "recipient_id": "r3", "bot": "scanner"},
    {**AGENT, "event": "PageView", "consent": "denied", "consent_source": "gpc"},
    {**AGENT, "event": "PageView", "purpose": "prefetch"},
    {**AGENT, "event": "PageView", "user_agent": "curl/8.5.0"},
    {**AGENT, "event": "PageView", "problems": ["value: not a number", "site: not known"]},
    {**AGENT, "event": "PageView", "client_time": "2026-11-24T10:00:30.000Z"},
    {**AGENT, "event": "PageView", "client_time": "2026-11-24T09:50:00.000Z"},
)  # fmt: skip


@pytest.fixture
async def filled(store: StoreProcess) -> StoreProcess:
    store.must(f"DROP DATABASE IF EXISTS {DATABASE}")
    await migrate(ClickHouseSettings(url=store.url, database=DATABASE, retention_days=0))
    hits = [
        {"id": f"00000000-0000-7000-8000-{number:012d}", "received_at": "2026-11-24T10:00:00.000Z",
         "inserted_at": "2026-11-24T10:00:01.500Z", **one}
        for number, one in enumerate(HITS)
    ]  # fmt: skip
    store.must(
        "INSERT INTO hits FORMAT JSONEachRow",
        body=visits.lines(hits),
        database=DATABASE,
        date_time_input_format="best_effort",
    )
    for position, reason in enumerate(("too long", "too long", "no id")):
        store.must(
            "INSERT INTO dead_letters (source, position, reason, raw, inserted_at) "
            f"VALUES ('w0', {position}, '{reason}', 'x', '2026-11-24 10:20:00')",
            database=DATABASE,
        )
    store.must(
        "INSERT INTO dead_letter_replays (source, position, outcome) VALUES ('w0', 1, 'kept')",
        database=DATABASE,
    )
    return store


EMAIL = "sent, opens_human, opens_machine, opens_unknown"
ANSWERS = {
    f"SELECT {EMAIL}, opened_human, opened, clicks, clicked, click_to_open FROM email_campaigns":
        "5\t2\t1\t1\t1\t2\t2\t1\t0.5",
    f"SELECT site, day, campaign_id, {EMAIL}, clicks FROM email_by_day":
        "shop\t2026-11-24\tspring\t5\t2\t1\t1\t2",
    "SELECT consent, consent_source, hits, round(share, 4) FROM consent_by_day ORDER BY consent":
        "denied\tgpc\t1\t0.0556\ngranted\ttcf\t17\t0.9444",
    "SELECT kind, hits FROM bots_by_day ORDER BY kind":
        "machine open\t1\nperson\t14\nprefetch\t1\nscanner\t1\nuser agent\t1",
    "SELECT hour, member, problem, hits FROM problems_by_hour ORDER BY member":
        "2026-11-24 10:00:00\tsite\tnot known\t1\n2026-11-24 10:00:00\tvalue\tnot a number\t1",
    "SELECT hour, reason, letters, replayed FROM dead_letters_by_hour ORDER BY reason":
        "2026-11-24 10:00:00\tno id\t1\t0\n2026-11-24 10:00:00\ttoo long\t2\t1",
    "SELECT hour, hits, skew_seconds_median, over_a_minute FROM clock_skew_by_hour":
        "2026-11-24 10:00:00\t2\t-285\t1",
    "SELECT minute, hits, lag_ms_median, lag_ms_max FROM delivery_lag_by_minute":
        "2026-11-24 10:00:00\t18\t1500\t1500",
    "SELECT hits, page_views, visitors FROM traffic_by_hour": "14\t4\t0",
}  # fmt: skip


async def test_the_numbers(filled: StoreProcess) -> None:
    assert {query: filled.must(query, database=DATABASE) for query in ANSWERS} == ANSWERS
