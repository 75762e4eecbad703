"""Countries and networks of addresses, from files of both formats, and files that are wrong."""

from pathlib import Path

import pytest

from consumer.networks import KINDS, BadNetworks, forget_networks, load_networks, networks
from consumer.settings import ClickHouseSettings
from consumer.store_client import StoreClient

COUNTRIES = (
    "prefix,country,region\n192.0.2.0/24,DE,BE\n192.0.0.0/16,FR,\n2001:db8::/32,NL,NH\n"
    "2001:db8:1::/48,BE,\n"
)
ASNS = "prefix,asn,network\n192.0.2.0/25,AS64500,Example Net\n"
ADDRESSES = ("192.0.2.7", "192.0.3.7", "198.51.100.1", "2001:db8::1", "2001:db8:1::9", "::")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "networks.csv"


async def insert(client: StoreClient) -> None:
    for address in ADDRESSES:
        await client.execute(
            "INSERT INTO hits (id, received_at, ip) "
            f"VALUES (generateUUIDv4(), now64(3), toIPv6('{address}'))"
        )


async def found(client: StoreClient, columns: str) -> list[str]:
    rows = await client.execute(f"SELECT {columns} FROM hits ORDER BY inserted_at, received_at")
    return rows.splitlines()


@pytest.mark.real
async def test_hits_get_their_country(
    client: StoreClient, clickhouse: ClickHouseSettings, file: Path
) -> None:
    file.write_text(COUNTRIES)
    assert await load_networks(client, clickhouse, KINDS["countries"], file) == 4
    await insert(client)
    wanted = ["DE/BE", "FR/", "/", "NL/NH", "BE/", "/"]
    assert await found(client, "concat(country, '/', region)") == wanted
    # A newer file: hits from now on, and nothing of the older ones.
    file.write_text("prefix,country\n192.0.2.0/24,AT\n")
    await load_networks(client, clickhouse, KINDS["countries"], file)
    await client.execute("TRUNCATE TABLE hits")
    await insert(client)
    assert (await found(client, "concat(country, '!')"))[:2] == ["AT!", "!"]
    await forget_networks(client, KINDS["countries"])
    await insert(client)
    assert await client.execute("SELECT countIf(country = 'AT') FROM hits") == "1"


@pytest.mark.real
async def test_hits_get_their_network(
    client: StoreClient, clickhouse: ClickHouseSettings, file: Path
) -> None:
    file.write_text(ASNS)
    await load_networks(client, clickhouse, KINDS["asns"], file)
    await insert(client)
    assert (await found(client, "concat(toString(asn), network)"))[0] == "64500Example Net"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the first line must name the columns: country, prefix, region"),
        ("network,country\n", "the first line must name"),
        ("prefix,country\n192.0.2.0/33,DE\n", "line 2: '192.0.2.0/33' does not appear"),
        ("prefix,country\nlocalhost,DE\n", "line 2: 'localhost' does not"),
    ],
)
def test_a_wrong_file_is_named(file: Path, text: str, reason: str) -> None:
    file.write_text(text)
    with pytest.raises(BadNetworks, match=rf"networks\.csv.*{reason}"):
        list(networks(KINDS["countries"], file))


def test_a_file_that_is_no_mmdb(tmp_path: Path) -> None:
    file = tmp_path / "a.mmdb"
    file.write_text("no")
    with pytest.raises(BadNetworks, match=r"a\.mmdb"):
        list(networks(KINDS["countries"], file))
    with pytest.raises(BadNetworks, match="No such file"):
        list(networks(KINDS["asns"], tmp_path / "missing.csv"))


def test_a_wrong_number_is_named(file: Path) -> None:
    file.write_text("prefix,asn\n192.0.2.0/24,ASx\n")
    with pytest.raises(BadNetworks, match="line 2"):
        list(networks(KINDS["asns"], file))
