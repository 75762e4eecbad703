"""What the views count is what DuckDB counts of the same hits, in queries written apart."""

import duckdb
import pytest

from tests.schemas.views import independent
from tests.schemas.views.reports import ALL, Reports, comparable

pytestmark = pytest.mark.real

DAY_MS = 86_400_000
SINCE_MS, UNTIL_MS = 1_791_000_000_000, 1_794_000_000_000
RANGE = "since = toDateTime(1791000000, 'UTC'), until = toDateTime(1794000000, 'UTC')"
SESSION = (
    "site, person, {started}, {ended}, hits, page_views, entry_path, exit_path, channel, source, "
    "campaign, click_id"
)


def test_sessions(reports: Reports, duck: duckdb.DuckDBPyConnection) -> None:
    mine = SESSION.format(
        started="toUnixTimestamp64Milli(started_at)", ended="toUnixTimestamp64Milli(ended_at)"
    )
    wanted = comparable(
        duck.execute(
            f"SELECT {SESSION.format(started='started', ended='ended')} FROM sessions "
            "WHERE started >= $1 AND started < $2",
            [SINCE_MS, UNTIL_MS],
        ).fetchall()
    )
    assert len(wanted) > 500
    assert reports.rows(f"SELECT {mine} FROM sessions({RANGE})") == wanted


def test_conversions(reports: Reports, duck: duckdb.DuckDBPyConnection) -> None:
    columns = (
        "site, event, event_id, conversion_id, person, CAST(value AS DOUBLE), currency, copies"
    )
    wanted = comparable(
        duck.execute(
            f"SELECT {columns}, from_browser, from_server, converted FROM conversions"
        ).fetchall()
    )
    assert {row[7] for row in wanted} == {1, 2}
    columns = columns.replace("DOUBLE", "Float64")
    found = reports.rows(
        f"SELECT {columns}, from_browser, from_server, toUnixTimestamp64Milli(converted_at) "
        "FROM conversions"
    )
    assert found == wanted


@pytest.mark.parametrize("days", [1, 30])
def test_attribution(reports: Reports, duck: duckdb.DuckDBPyConnection, days: int) -> None:
    wanted = comparable(
        duck.execute(independent.ATTRIBUTION, [SINCE_MS, UNTIL_MS, days]).fetchall()
    )
    assert {row[1] for row in wanted} >= {"position_based", "time_decay"}
    found = reports.rows(
        "SELECT conversion_id, model, toUnixTimestamp64Milli(touched_at), channel, source, "
        f"campaign, weight, value FROM attribution({RANGE}, lookback_days = {days}) "
        "WHERE channel != 'Unknown'"
    )
    assert found == wanted


def test_attribution_leaves_no_conversion_out(reports: Reports) -> None:
    conversions = reports.rows(
        "SELECT count(), toFloat64(sum(value)) FROM conversions "
        f"WHERE converted_at >= toDateTime({SINCE_MS // 1000}) "
        f"AND converted_at < toDateTime({UNTIL_MS // 1000})"
    )[0]
    for model, conversions_of_it, value in reports.rows(
        f"SELECT model, sum(conversions), sum(value) FROM attribution_by_channel({RANGE}, "
        "lookback_days = 30) GROUP BY model"
    ):
        assert (model, conversions_of_it) == (model, pytest.approx(int(conversions[0])))
        assert value == pytest.approx(conversions[1])


@pytest.mark.parametrize("window_seconds", [7_200, 86_400, 30 * 86_400])
def test_funnel(reports: Reports, duck: duckdb.DuckDBPyConnection, window_seconds: int) -> None:
    wanted = [
        tuple(row) for row in duck.execute(independent.FUNNEL, ["shop", window_seconds]).fetchall()
    ]
    assert wanted[2][1] > 0
    found = reports.rows(
        "SELECT step, people FROM funnel(site = 'shop', steps = ['/pricing', '/docs/*', "
        f"'Purchase'], window_seconds = {window_seconds}, {ALL})"
    )
    assert found == sorted(wanted)


@pytest.mark.parametrize(("view", "period", "days"), [("week", "week", 7), ("day", "day", 1)])
def test_retention(
    reports: Reports, duck: duckdb.DuckDBPyConnection, view: str, period: str, days: int
) -> None:
    wanted = comparable(duck.execute(independent.RETENTION, [period, days]).fetchall())
    assert len(wanted) > 50
    found = reports.rows(
        f"SELECT site, cohort, number, people, cohort_people FROM retention_by_{view}({ALL})"
    )
    assert found == wanted


def test_traffic_of_few_is_exact(reports: Reports, duck: duckdb.DuckDBPyConnection) -> None:
    wanted = duck.execute(
        "SELECT site, strftime(epoch_ms(t), '%Y-%m-%d'), count(*), "
        "count(*) FILTER (event = 'PageView'), count(DISTINCT nullif(person, '')), "
        "count(DISTINCT session_id) FROM people GROUP BY 1, 2"
    ).fetchall()
    found = reports.rows("SELECT site, day, hits, page_views, visitors, visits FROM traffic_by_day")
    assert found == comparable(wanted)


@pytest.mark.parametrize("cut", ["channel", "device_type"])
def test_traffic_by(reports: Reports, duck: duckdb.DuckDBPyConnection, cut: str) -> None:
    wanted = duck.execute(
        f"SELECT site, {cut}, count(*), count(DISTINCT nullif(person, '')) "
        "FROM people GROUP BY 1, 2"
    ).fetchall()
    found = reports.rows(
        f"SELECT site, {cut}, sum(hits), uniqCombined64Merge(14)(visitors_state) "
        f"FROM traffic_rollup GROUP BY site, {cut}"
    )
    assert [row[:3] for row in found] == [row[:3] for row in comparable(wanted)]
    for (*_, approximate), (*_, exact) in zip(found, comparable(wanted), strict=True):
        assert approximate == pytest.approx(exact, rel=0.03)


def test_pages(reports: Reports, duck: duckdb.DuckDBPyConnection) -> None:
    wanted = duck.execute(
        "SELECT site, host, path, count(*) FROM people WHERE event = 'PageView' GROUP BY 1, 2, 3"
    ).fetchall()
    found = reports.rows(
        "SELECT site, host, path, sum(page_views) FROM pages_by_hour GROUP BY site, host, path"
    )
    assert found == comparable(wanted)


@pytest.mark.parametrize(
    ("view", "time"), [("conversions_between", "converted_at"), ("sessions", "started_at")]
)
def test_a_range_has_what_all_time_has_of_it(reports: Reports, view: str, time: str) -> None:
    middle = reports.text(f"SELECT toString(toDateTime(median({time}), 'UTC')) FROM {view}({ALL})")
    since, until = f"'{middle}'", f"toDateTime('{middle}', 'UTC') + INTERVAL 3 DAY"
    found = reports.rows(f"SELECT * FROM {view}(since = {since}, until = {until})")
    kept = f"{time} >= {since} AND {time} < {until}"
    assert len(found) > 5
    assert found == reports.rows(f"SELECT * FROM {view}({ALL}) WHERE {kept}")
