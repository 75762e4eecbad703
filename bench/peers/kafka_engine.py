"""ClickHouse's own way from Kafka: a table of its Kafka engine, and a view that moves its rows on.

chDB lists the engine but can't make such a table, so this is Debian's ClickHouse server: version
18.16, the newest that comes as a package here. It has no Map and no DateTime64; the table has what
a generated hit has otherwise, sorted as ours. One process reads, parses, inserts and merges; it
delivers at least once, and a record that does not parse stops it.
"""

import shutil
import urllib.request
from pathlib import Path

from bench.server import Launch, free_port

SERVER = "clickhouse-server"
PARTITIONS = 12

_CONFIG = """<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <tcp_port>{native_port}</tcp_port>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <mark_cache_size>134217728</mark_cache_size>
  <kafka><auto_offset_reset>smallest</auto_offset_reset></kafka>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
</yandex>
"""
_USERS = """<yandex>
  <profiles><default>
    <date_time_input_format>best_effort</date_time_input_format>
    <input_format_skip_unknown_fields>1</input_format_skip_unknown_fields>
    <allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type>
    <max_insert_block_size>65536</max_insert_block_size>
  </default></profiles>
  <users><default>
    <password></password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
  </default></users>
  <quotas><default/></quotas>
</yandex>
"""
_COLUMNS = """(
    id UUID, received_at DateTime, endpoint LowCardinality(String), method LowCardinality(String),
    site LowCardinality(String), event LowCardinality(String), url String, referrer String,
    value Nullable(Float64), currency LowCardinality(String), visitor_id String, ip String,
    user_agent LowCardinality(String), language LowCardinality(String),
    consent LowCardinality(String), consent_source LowCardinality(String)
)"""
_STATEMENTS = (
    f"CREATE TABLE hits {_COLUMNS} ENGINE = MergeTree PARTITION BY toYYYYMM(received_at) "
    "ORDER BY (site, toStartOfHour(received_at), event, received_at)",
    f"CREATE TABLE queue {_COLUMNS} ENGINE = Kafka SETTINGS kafka_broker_list = '{{bootstrap}}', "
    "kafka_topic_list = '{topic}', kafka_group_name = 'engine-{port}', "
    "kafka_format = 'JSONEachRow', kafka_num_consumers = 1",
    "CREATE MATERIALIZED VIEW move TO hits AS SELECT * FROM queue",
)


def missing() -> str:
    """Say what to install if there is no server."""
    return "" if shutil.which(SERVER) else f"{SERVER} (apt-get install {SERVER})"


def launch(folder: Path, port: int) -> Launch:
    """Start a server with its data in the folder, which answers HTTP on the port."""
    config = folder / "config.xml"
    config.write_text(_CONFIG.format(folder=folder, port=port, native_port=free_port()))
    (folder / "users.xml").write_text(_USERS)
    return Launch([SERVER, f"--config-file={config}"])


def consume(port: int, bootstrap: str, topic: str) -> None:
    """Make the tables; from the last one on the server reads the topic. Raises OSError."""
    for statement in _STATEMENTS:
        text = statement.format(bootstrap=bootstrap, topic=topic, port=port)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", text.encode(), timeout=20):
            pass
