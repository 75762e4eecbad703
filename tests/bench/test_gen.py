"""Generated hits are hits: of the schema, of a realistic size, in order, repeatable."""

import orjson

from bench import gen
from schemas import hit


def test_lines_are_hits_of_a_realistic_size() -> None:
    lines = list(gen.lines(5_000))
    for line in lines:
        members = orjson.loads(line)
        assert members.keys() <= hit.BY_NAME.keys()
        assert hit.id_of(line).decode() == members["id"]
    assert 550 < sum(map(len, lines)) / len(lines) < 650
    assert len({hit.id_of(line) for line in lines}) == len(lines)


def test_ids_are_of_version_7_and_carry_their_time() -> None:
    first, *_, last = (hit.id_of(line).decode() for line in gen.lines(50_000))
    for found, time_ms in ((first, gen.START_MS), (last, gen.START_MS + 2_499)):
        assert found[14] == "7"
        assert int(found[:8] + found[9:13], 16) == time_ms


def test_the_same_seed_gives_the_same_lines() -> None:
    assert list(gen.lines(100, seed=3)) == list(gen.lines(100, seed=3))
    assert list(gen.lines(100, seed=3)) != list(gen.lines(100, seed=4))
