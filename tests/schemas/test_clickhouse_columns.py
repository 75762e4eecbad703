"""The tables match schemas/hit.py, on the real engine."""

import uuid
from collections.abc import Iterator

import orjson
import pytest

from consumer.migrate import migrate
from consumer.refused_rows import SAMPLE
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from schemas.hit import FIELDS
from tests.support.store import StoreProcess

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


async def columns(client: StoreClient, table: str) -> dict[str, str]:
    """Name → type of the columns that a line fills: the derived ones are not of the hit."""
    rows = (await client.execute(f"DESCRIBE {table} FORMAT TSVRaw")).splitlines()
    described = (row.split("\t") for row in rows)
    return {name: kind for name, kind, filled, *_ in described if filled in ("", "DEFAULT")}


async def test_columns_are_the_fields(store: StoreProcess) -> None:
    settings = ClickHouseSettings(url=store.url, database=f"test_{uuid.uuid4().hex[:12]}")
    await migrate(settings)
    async with StoreClient(settings) as client:
        hits, check = await columns(client, "hits"), await columns(client, "hits_check")
    assert check == hits
    assert hits.pop("inserted_at").startswith("DateTime64(3")
    assert hits == {field.name: field.column for field in FIELDS}


def test_the_sample_hit_has_every_field() -> None:
    assert list(orjson.loads(SAMPLE)) == [field.name for field in FIELDS]
