"""One real store for the tests of this folder that need no other, and a table for each."""

import uuid
from collections.abc import Iterator

import pytest

from tests.support.store import StoreProcess


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreProcess]:
    with StoreProcess(tmp_path_factory.mktemp("store") / "data") as running:
        yield running


@pytest.fixture
def table(store: StoreProcess) -> Iterator[str]:
    """A table (n UInt64, s String) under a name that no other test has."""
    name = f"t_{uuid.uuid4().hex}"
    store.must(f"CREATE TABLE {name} (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    yield name
    store.must(f"DROP TABLE {name}")
