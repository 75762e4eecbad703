"""The configuration files the engine starts with: its limits, its two roles and their profiles.

chDB takes its server settings and its users from files named on the connection, as
clickhouse-local does, and always logs in as `default`; so the two users of the store are two roles
of that one engine user. Invariant: role `reader` has no source grant (FILE, URL, REMOTE, …), and
profile `reader` lets no limit be raised. Knows nothing of HTTP or passwords.
"""

from pathlib import Path
from xml.sax.saxutils import escape

from deploy.embedded_store.settings import StoreSettings

_SERVER = """<clickhouse>
  <users_config>{users}</users_config>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <max_concurrent_queries>0</max_concurrent_queries>
  <background_pool_size>{threads}</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <background_schedule_pool_size>{threads}</background_schedule_pool_size>
  <background_common_pool_size>{threads}</background_common_pool_size>
  <background_fetches_pool_size>1</background_fetches_pool_size>
  <background_move_pool_size>1</background_move_pool_size>
  <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
  <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
  <mark_cache_size>134217728</mark_cache_size>
  <merge_tree>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>0</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>0</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>0</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
"""

_USERS = """<clickhouse>
  <profiles>
    <default/>
    <reader>
      <constraints>
        <max_memory_usage><min>1</min><max>{memory}</max></max_memory_usage>
        <max_execution_time><min>1</min><max>{seconds}</max></max_execution_time>
      </constraints>
    </reader>
  </profiles>
  <roles>
    <admin><grants><query>GRANT ALL ON *.*</query></grants></admin>
    <reader><grants>
      <query>GRANT SELECT ON *.*</query>
      <query>GRANT SHOW ON *.*</query>
    </grants></reader>
  </roles>
  <users>
    <default>
      <no_password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <grants><query>GRANT admin, reader</query></grants>
    </default>
  </users>
  <quotas><default/></quotas>
</clickhouse>
"""


def write_engine_files(folder: Path, settings: StoreSettings) -> Path:
    """Write both files into `folder` and return the one to start the engine with."""
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users.xml"
    users.write_text(
        _USERS.format(
            memory=settings.reader_memory_bytes_max, seconds=settings.reader_query_seconds_max
        )
    )
    server = folder / "server.xml"
    server.write_text(
        _SERVER.format(
            users=escape(str(users)),
            memory=settings.memory_bytes_max,
            threads=settings.background_threads,
        )
    )
    return server


def settings_of_reader(settings: StoreSettings) -> dict[str, str]:
    """Return what a reader's connection sets before anything of the request."""
    return {
        "max_memory_usage": str(settings.reader_memory_bytes_max),
        "max_execution_time": str(settings.reader_query_seconds_max),
        "profile": "reader",
    }
