"""One real store for these tests; each test has a database of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from consumer.clickhouse_sink import ClickHouseSink
from consumer.migrate import migrate
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient
from tests.support.store import StoreProcess


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store")) as process:
        yield process


@pytest.fixture
def clickhouse(store: StoreProcess) -> ClickHouseSettings:
    return ClickHouseSettings(
        url=store.url, database=f"test_{uuid.uuid4().hex[:12]}", retention_days=0
    )


@pytest.fixture
async def client(clickhouse: ClickHouseSettings) -> AsyncIterator[StoreClient]:
    await migrate(clickhouse)
    async with StoreClient(clickhouse) as client:
        yield client


@pytest.fixture
def sink(client: StoreClient) -> ClickHouseSink:
    return ClickHouseSink(client)
