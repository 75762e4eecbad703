"""Each user agent is parsed once; client hints say what the agent hides."""

import pytest

from consumer.store_client import StoreClient
from consumer.user_agents import parse_new_agents, parsed, rules_version

CHROME = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/133.0.0.0 Mobile Safari/537.36"
)
HITS = (
    "INSERT INTO hits (id, received_at, user_agent) "
    "SELECT generateUUIDv4(), now64(3), '{agent}' FROM numbers(3)"
)
ROWS = "SELECT count(), uniqExact(user_agent) FROM user_agents"


@pytest.mark.parametrize(
    ("agent", "hints", "wanted"),
    [
        (CHROME, "", ("Chrome Mobile", "133", "Android")),
        (CHROME, '"Not A;Brand";v="99", "Chromium";v="133", "Brave";v="133" | ?1 | "Android"',
         ("Brave", "133", "Android")),
        (CHROME, '"Google Chrome";v="133", "Not-A.Brand";v="8" | ?1 | "Android"',
         ("Chrome Mobile", "133", "Android")),
        ("unheard of", ' | ?0 | "Chrome OS"', ("", "", "Chrome OS")),
        ("", "", ("", "", "")),
    ],
)  # fmt: skip
def test_client_hints_say_more(agent: str, hints: str, wanted: tuple[str, str, str]) -> None:
    row = parsed(agent, hints)
    assert (row["browser"], row["browser_major"], row["os"]) == wanted


def test_spiders_are_named() -> None:
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert parsed(agent, "")["is_spider"] == 1
    assert parsed(CHROME, "")["is_spider"] == 0


@pytest.mark.real
async def test_each_is_parsed_once(client: StoreClient) -> None:
    for agent in (CHROME, "it''s\\\\n", CHROME):
        await client.execute(HITS.format(agent=agent))
    assert await parse_new_agents(client) == 2
    assert await parse_new_agents(client) == 0
    assert await client.execute(ROWS) == "2\t2"
    found = await client.execute("SELECT browser, hits FROM browsers_by_day WHERE browser != ''")
    assert found == "Chrome Mobile\t6"


@pytest.mark.real
async def test_again_parses_what_other_rules_parsed(client: StoreClient) -> None:
    await client.execute(HITS.format(agent=CHROME))
    await client.execute(
        f"INSERT INTO user_agents (user_agent, browser, rules) VALUES ('{CHROME}', 'Old', 'older')"
    )
    assert await parse_new_agents(client) == 0
    assert await parse_new_agents(client, again=True) == 1
    assert await parse_new_agents(client, again=True) == 0
    found = await client.execute("SELECT browser, rules FROM user_agents FINAL")
    assert found == f"Chrome Mobile\t{rules_version()}"
    assert await client.execute("SELECT browser FROM browsers_by_day") == "Chrome Mobile"
