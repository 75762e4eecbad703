"""What panels show is what Python and DuckDB count of the same hits."""

from collections import Counter
from typing import Any

import duckdb
import pytest

from tests.deploy.grafana import known_hits
from tests.deploy.grafana.board import Board
from tests.deploy.grafana.known_hits import millis
from tests.schemas.views import independent
from tests.support import visits

pytestmark = pytest.mark.real

FIVE_MINUTES_MS = 300_000
Hits = list[dict[str, Any]]


@pytest.fixture(scope="session")
def people(hits: Hits) -> Hits:
    """The hits that a person caused."""
    return [
        one
        for one in hits
        if not one.get("bot") and not one.get("purpose") and one.get("opened_by") != "machine"
    ]


def named(hits: Hits, *members: str) -> set[str]:
    """Return the different values of the first member that each hit has."""
    values = (next((one[name] for name in members if name in one), None) for one in hits)
    return {value for value in values if value is not None}


def test_overview(board: Board, hits: Hits, people: Hits) -> None:
    assert board.panel("overview", "The range").dicts() == [
        {
            "hits": len(people),
            "page_views": sum(one["event"] == "PageView" for one in people),
            "visitors": len(named(people, "visitor_id", "user_id")),
            "visits": len(named(people, "session_id")),
        }
    ]
    until_ms = known_hits.until_ms(hits)
    (last,) = board.panel("overview", "The last five minutes").column("hits")
    assert last == sum(millis(one["received_at"]) > until_ms - FIVE_MINUTES_MS for one in people)


@pytest.mark.parametrize("interval", ["minute", "hour", "day"])
def test_bars_of_hits_add_up(board: Board, people: Hits, interval: str) -> None:
    answer = board.panel("overview", "Hits", interval=interval, site=["shop"])
    wanted = sum(one["site"] == "shop" for one in people)
    assert sum(answer.column("value")) == wanted
    assert len(answer.rows) == len(set(answer.column("time")))


def test_pages(board: Board, people: Hits) -> None:
    counted = Counter(one["url"].partition("?")[0] for one in people if one["event"] == "PageView")
    shown = {
        f"https://www.{row['host']}{row['path']}": row["page_views"]
        for row in board.panel("overview", "Pages").dicts()
    }
    assert shown == dict(counted)


def test_the_latest_hits(board: Board, people: Hits) -> None:
    shown = board.panel("overview", "The latest hits").column("event")
    assert shown == [one["event"] for one in reversed(people)][:50]


def test_visits(board: Board, duck: duckdb.DuckDBPyConnection) -> None:
    (row,) = board.panel("acquisition", "Visits").dicts()
    wanted = duck.execute(
        "SELECT count(*), avg((hits = 1)::INT), avg(page_views), avg((ended - started) / 1000) "
        "FROM sessions"
    ).fetchone()
    shown = [row[name] for name in ("visits", "bounce_rate", "pages_per_visit")]
    assert wanted is not None
    assert shown == pytest.approx(list(wanted[:3]))
    by_channel = board.panel("acquisition", "Visits by channel")
    channels = Counter[str]()
    for one in by_channel.dicts():
        channels[one["channel"]] += one["value"]
    assert channels == dict(
        duck.execute("SELECT channel, count(*) FROM sessions GROUP BY channel").fetchall()
    )


@pytest.mark.parametrize("model", ["last_non_direct", "time_decay"])
def test_attribution(board: Board, duck: duckdb.DuckDBPyConnection, model: str) -> None:
    wanted = duck.execute(
        "SELECT channel, sum(weight), sum(value) FROM (SELECT channel, columns(*) FROM (SELECT "
        f"#4 AS channel, #2 AS model, #7 AS weight, #8 AS value FROM ({independent.ATTRIBUTION}))) "
        "WHERE model = $4 GROUP BY channel",
        [0, 2**42, 30, model],
    ).fetchall()
    answer = board.panel("acquisition", "Conversions by channel", model=model).dicts()
    shown = Counter[str]()
    for row in answer:
        shown[row["channel"]] += row["conversions"]
    assert {k: v for k, v in shown.items() if k != "Unknown"} == pytest.approx(
        {channel: weight for channel, weight, _ in wanted}
    )
    compared = board.panel("acquisition", "Models compared")
    totals = [sum(compared.column(name)) for name in compared.columns[1:]]
    (conversions,) = board.panel("conversions", "Conversions").column("conversions")
    assert totals == pytest.approx([conversions] * 6, abs=0.1)


def test_conversions(board: Board, duck: duckdb.DuckDBPyConnection) -> None:
    counted = duck.execute(
        "SELECT count(*), count(DISTINCT person) FILTER (person != ''), "
        "count(*) FILTER (from_browser = 1 AND from_server = 1), sum(copies) - count(*) "
        "FROM conversions"
    ).fetchone()
    assert board.panel("conversions", "Conversions").rows == [list(counted or ())]
    revenue = sum(map(float, board.panel("conversions", "Revenue by day").column("value")))
    assert duck.execute("SELECT CAST(sum(value) AS DOUBLE) FROM conversions").fetchone() == (
        pytest.approx(revenue),
    )
    for title in ("Conversions by event", "Who reported them"):
        answer = board.panel("conversions", title)
        numbers = [value for row in answer.rows for value in row if isinstance(value, int)]
        assert sum(numbers) == (counted or (0,))[0], title


def test_funnel(board: Board, people: Hits) -> None:
    """One step alone is who ever viewed the page."""
    (row,) = board.panel("conversions", "Funnel", steps="/pricing").dicts()
    assert row["people"] == len(
        {
            one["visitor_id"]
            for one in people
            if one["site"] == "shop"
            and "visitor_id" in one
            and one["event"] == "PageView"
            and one["url"].partition("?")[0].endswith("/pricing")
        }
    )


def test_email(board: Board, hits: Hits) -> None:
    opens = Counter(one["opened_by"] for one in hits if one["event"] == "Open")
    wanted = {
        "sent": known_hits.MAILS,
        **{f"opens_{who}": opens[who] for who in ("human", "machine", "unknown")},
        "clicks": sum(one["endpoint"] == "click" for one in hits),
    }
    assert board.panel("email", "Email").dicts() == [wanted]
    campaigns = board.panel("email", "Campaigns").dicts()
    assert sum(row["clicks"] for row in campaigns) == wanted["clicks"]
    assert {row["campaign_id"] for row in campaigns} == set(known_hits.CAMPAIGNS)
    one = board.panel("email", "Email", campaign=["autumn"]).column("sent")
    assert one == [known_hits.MAILS // 2]


def test_quality(board: Board, hits: Hits, people: Hits) -> None:
    assert board.panel("quality", "Hits of the range").dicts() == [
        {
            "hits": len(hits),
            "with_problems": sum("problems" in one for one in hits),
            "not_of_people": len(hits) - len(people),
            "denied": sum(one["consent"] == "denied" for one in hits),
        }
    ]
    problems = board.panel("quality", "Problems").dicts()
    shown = {f"{row['site']} {row['member']}: {row['problem']}": row["hits"] for row in problems}
    assert shown == Counter(f"{one['site']} {p}" for one in hits for p in one.get("problems", ()))
    kinds = dict(board.panel("quality", "People and machines").rows)
    assert kinds["person"] == len(people)
    assert sum(kinds.values()) == len(hits)
    consents = board.panel("quality", "Consent").dicts()
    assert sum(row["value"] for row in consents) == len(hits)


def test_letters_and_lag(board: Board, hits: Hits) -> None:
    reasons = Counter(reason for _, _, reason, _ in known_hits.LETTERS)
    answer = board.panel("quality", "Dead letters by reason")
    assert dict(zip(answer.column("reason"), answer.column("letters"), strict=True)) == reasons
    assert sum(answer.column("replayed")) == 1
    lag = board.panel("quality", "Delivery lag")
    assert max(lag.column("longest")) == 2_500
    minutes = {millis(one["received_at"]) // 60_000 for one in hits}
    first_ms = visits.START_MS - visits.START_MS % visits.DAY_MS
    assert len(lag.rows) == sum(minute * 60_000 >= first_ms for minute in minutes)


def test_audiences(board: Board, hits: Hits) -> None:
    wanted = known_hits.audiences(hits)
    buyers, readers = (set(wanted[name]) for name in ("buyers", "readers"))
    (now,) = board.panel("audiences", "Audiences now").dicts()
    assert (now["audiences"], now["people"]) == (2, len(buyers | readers))
    each = board.panel("audiences", "Each audience").dicts()
    assert {row["audience"]: row["members"] for row in each} == {
        name: len(people) for name, people in wanted.items()
    }
    assert {row["audience"]: row["change"] for row in each} == {
        name: len(people) - len(people) // 4 for name, people in wanted.items()
    }
    shared = board.panel("audiences", "Shared members").rows
    assert shared == [["buyers, readers", len(buyers & readers)]]
    sizes = board.panel("audiences", "Size over time", audience=["buyers"]).column("value")
    assert sizes == [len(buyers) // 4, len(buyers) // 2, len(buyers)]
