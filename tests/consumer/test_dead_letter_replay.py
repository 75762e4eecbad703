"""Dead letters on the real engine: what is listed, and what a replay makes of each, also twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import orjson
import pytest

from consumer.clickhouse_sink import ClickHouseSink
from consumer.dead_letter_replay import ALREADY_THERE, KEPT, REFUSED, Replay
from consumer.dead_letter_selection import LetterName, Selection
from consumer.dead_letter_store import DeadLetterStore, Letter, Verdict
from consumer.store_client import StoreClient
from schemas.delivery import Batch, Refusal, SinkAway
from tests.support.hits import hit_id, line

pytestmark = pytest.mark.real

CUT_SHORT = b'{"id":"cut short'
SOURCE = "it's a \\ journal"
OPEN, EVERYTHING = Selection(), Selection(replayed=True)


async def refuse(sink: ClickHouseSink, raws: Sequence[bytes], source: str = SOURCE) -> None:
    """Put lines into the dead letters as the consumer does, whatever is in them."""
    refusals = [Refusal(position, "some reason", raw) for position, raw in enumerate(raws)]
    await sink.write(Batch(source, 0, len(raws), b"", 0, refusals=tuple(refusals)))


async def replay(
    client: StoreClient, selection: Selection = OPEN, *, dry_run: bool = False
) -> list[Verdict]:
    pages = DeadLetterStore(client).pages(selection)
    return [verdict async for verdict in Replay(client, dry_run=dry_run).run(pages)]


async def ids(client: StoreClient) -> list[str]:
    return (await client.execute("SELECT id FROM hits ORDER BY id")).split()


def outcomes(verdicts: Sequence[Verdict]) -> list[str]:
    return [verdict.outcome for verdict in verdicts]


async def test_letters_the_table_now_takes_are_rows_and_others_stay_with_a_new_reason(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await refuse(sink, [line(1)[:-1], CUT_SHORT, line(2)[:-1], b"", b'{"id":"x"}', b"\xff\x00"])
    verdicts = await replay(client)
    assert outcomes(verdicts) == [KEPT, REFUSED, KEPT, REFUSED, REFUSED, REFUSED]
    assert await ids(client) == [hit_id(1), hit_id(2)]
    still = await DeadLetterStore(client).newest(OPEN, 10, raw=True)
    assert [letter.name.position for letter in still] == [5, 4, 3, 1]
    assert {letter.outcome for letter in still} == {REFUSED}
    assert [letter.raw for letter in still] == [b"\xff\x00", b'{"id":"x"}', b"", CUT_SHORT]
    reasons = {letter.name.position: letter.reason for letter in still}
    assert reasons[4] == "no received_at"
    assert "not JSON" in reasons[1]
    assert len(await DeadLetterStore(client).newest(EVERYTHING, 10, raw=False)) == 6


async def test_a_wrong_time_or_id_does_not_disturb_its_neighbours(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    wrong_time = line(2)[:-1].replace(b"2026-", b"late-")
    wrong_id = line(3)[:-1].replace(hit_id(3).encode(), b"no-id")
    number_for_id = b'{"id":4,"received_at":"2026-11-24T06:00:00.000Z"}'
    await refuse(sink, [line(1)[:-1], wrong_time, wrong_id, number_for_id, line(5)[:-1]])
    verdicts = await replay(client)
    assert outcomes(verdicts) == [KEPT, REFUSED, REFUSED, REFUSED, KEPT]
    assert await ids(client) == [hit_id(1), hit_id(5)]


async def test_replayed_again_or_twice_at_once_a_letter_is_one_row(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await refuse(sink, [line(number)[:-1] for number in range(1, 251)])
    await asyncio.gather(*(replay(client) for _ in range(3)))
    assert await replay(client) == []
    again = await replay(client, EVERYTHING)
    assert {(verdict.outcome, verdict.reason) for verdict in again} == {(KEPT, ALREADY_THERE)}
    assert await ids(client) == [hit_id(number) for number in range(1, 251)]


async def test_an_end_between_insert_and_note_leaves_one_row(
    client: StoreClient, sink: ClickHouseSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: DeadLetterStore, verdicts: Sequence[Verdict]) -> None:
        raise SinkAway("killed")

    await refuse(sink, [line(1)[:-1], line(2)[:-1]])
    with monkeypatch.context() as patch:
        patch.setattr(DeadLetterStore, "note", away)
        with pytest.raises(SinkAway):
            await replay(client)
    assert outcomes(await replay(client)) == [KEPT, KEPT]
    assert await ids(client) == [hit_id(1), hit_id(2)]


@pytest.mark.parametrize("forgotten", ["tokens", "ids"])
async def test_either_memory_is_enough(
    client: StoreClient, sink: ClickHouseSink, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    await refuse(sink, [line(1)[:-1]])
    await replay(client)
    if forgotten == "tokens":
        await client.execute(
            "ALTER TABLE hits MODIFY SETTING non_replicated_deduplication_window=0"
        )
    else:

        async def none(_: Replay, keys: object) -> set[str]:
            return set()

        monkeypatch.setattr(Replay, "_ids_in_hits", none)
    assert outcomes(await replay(client, EVERYTHING)) == [KEPT]
    assert await ids(client) == [hit_id(1)]


async def test_two_letters_of_one_hit_are_one_row(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    await refuse(sink, [line(1)[:-1], line(1)[:-1]])
    await refuse(sink, [line(1)[:-1]], "another journal")
    verdicts = await replay(client)
    assert sorted(verdict.reason for verdict in verdicts) == ["", ALREADY_THERE, ALREADY_THERE]
    assert await ids(client) == [hit_id(1)]


async def test_json_over_several_lines_is_one_row_and_two_hits_in_one_letter_are_none(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    pretty = orjson.dumps(orjson.loads(line(1)), option=orjson.OPT_INDENT_2)
    await refuse(sink, [pretty, line(2) + line(3)[:-1], line(4)[:-1] + line(5)[:-1]])
    assert outcomes(await replay(client)) == [KEPT, REFUSED, REFUSED]
    assert await ids(client) == [hit_id(1)]


async def test_a_dry_run_says_what_a_replay_would_do_and_does_nothing(
    client: StoreClient, sink: ClickHouseSink
) -> None:
    wrong_type = line(3)[:-2] + b',"value":"much"}'
    await refuse(sink, [line(1)[:-1], CUT_SHORT, wrong_type])
    told = await replay(client, dry_run=True)
    assert await ids(client) == []
    assert await DeadLetterStore(client).newest(OPEN, 1, raw=False) != []
    assert outcomes(told) == [KEPT, REFUSED, REFUSED] == outcomes(await replay(client))


async def test_a_mended_letter_is_a_row_once(client: StoreClient, sink: ClickHouseSink) -> None:
    await refuse(sink, [CUT_SHORT])
    letters = DeadLetterStore(client)
    found = await letters.newest(OPEN, 1, raw=True)

    async def mended() -> AsyncIterator[Sequence[Letter]]:
        yield [replace(letter, raw=line(7)) for letter in found]

    for _ in range(2):
        assert [one.outcome async for one in Replay(client).run(mended(), edited=True)] == [KEPT]
    assert await ids(client) == [hit_id(7)]
    assert await client.execute("SELECT DISTINCT edited FROM dead_letter_replays") == "true"
    assert await letters.newest(OPEN, 1, raw=False) == []


async def test_filters(client: StoreClient, sink: ClickHouseSink) -> None:
    reasons = ("Cannot parse 'ü'", "no id", "no id")
    refusals = [Refusal(position, reason, b"x") for position, reason in enumerate(reasons)]
    await sink.write(Batch("ab", 0, 3, b"", 0, refusals=tuple(refusals)))
    await refuse(sink, [b"y"], "b'c")
    letters = DeadLetterStore(client)

    async def names(**chosen: object) -> list[str]:
        selection = replace(OPEN, **chosen)  # type: ignore[arg-type]
        return sorted(str(one.name) for one in await letters.newest(selection, 9, raw=False))

    assert await names() == ["ab:0", "ab:1", "ab:2", "b'c:0"]
    assert await names(source="a") == ["ab:0", "ab:1", "ab:2"]
    assert await names(source="b'") == ["b'c:0"]
    assert await names(reason="PARSE 'Ü") == ["ab:0"]
    assert await names(names=(LetterName("ab", 2), LetterName("b'c", 0))) == ["ab:2", "b'c:0"]
    assert await names(since="now64(3) + 60") == []
    counts = await letters.reasons(Selection(source="ab"))
    assert [(count, reason) for count, _, _, reason in counts] == [(2, reasons[1]), (1, reasons[0])]
