"""The settings of the store: one row each, composed into section `store` of the whole by deploy.

Knows nothing of where values come from.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

MIB = 1024 * 1024


class StoreSettings(BaseModel):
    """Settings of the embedded store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address to listen on. Change it only with passwords set: the default user may "
        "do all, and traffic is not encrypted.",
    )
    port: int = Field(
        default=8123,
        ge=0,
        le=65535,
        description="Port to listen on; 0 picks a free one. Change it when another ClickHouse "
        "has it.",
    )
    admin_host: str = Field(
        default="127.0.0.1",
        description="Address of /healthz, /readyz and /metrics of `heliograph store`.",
    )
    admin_port: int = Field(
        default=8084,
        ge=1,
        le=65535,
        description="Port of the admin endpoints (under `heliograph run` they are on 8082).",
    )
    path: Path = Field(
        default=Path("data/store"),
        description="Folder of the data. Put it on the disk that has room; one process at a time.",
    )
    default_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of user `default`, who may do all. Set it when people you do not "
        "trust can reach the port; processes of this machine can.",
    )
    reader_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of user `reader`, who may only read. Set it to let pages of any "
        "origin that know it read; while empty, only pages of `origins_allowed` may.",
    )
    hosts_allowed: tuple[str, ...] = Field(
        default=("localhost", "127.0.0.1", "::1"),
        description="Names that the Host header may have, beside `host`. Add the name people type "
        "when the store is reached by another; `*` turns the guard against DNS rebinding off.",
    )
    origins_allowed: tuple[str, ...] = Field(
        default=(),
        description="Origins (scheme://host:port) whose pages may act as `reader` without a "
        "password. Add the origin of a dashboard that runs in the browser.",
    )
    live_page: bool = Field(
        default=True,
        description="Answer a browser's `GET /` with the live page (docs/live-page.md). Without it "
        "browsers get `Ok.` like everybody else.",
    )
    live_page_collector_url: str = Field(
        default="",
        description="The collector's address as people reach it, for the live page's link to its "
        "page /start. `heliograph run` sets it.",
    )
    queries_running_max: int = Field(
        default=32,
        ge=1,
        le=1024,
        description="Queries and inserts at once; more are refused with 503. Each has a thread.",
    )
    reader_queries_running_max: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Of these, how many may be a reader's, so that browsers do not starve inserts.",
    )
    body_bytes_max: int = Field(
        default=1024 * MIB,
        ge=1024,
        description="Longest request body, after decompression. A longer one is refused with 413.",
    )
    query_bytes_max: int = Field(
        default=16 * MIB,
        ge=1024,
        le=1024 * MIB,
        description="Longest text of a query without the data of an insert; it is held in memory.",
    )
    memory_bytes_max: int = Field(
        default=4096 * MIB,
        ge=256 * MIB,
        description="Memory of the engine in all. Past it, queries fail rather than the machine.",
    )
    query_memory_bytes_max: int = Field(
        default=2048 * MIB,
        ge=64 * MIB,
        description="Memory of one query. Raise it for heavy reports.",
    )
    reader_memory_bytes_max: int = Field(
        default=1024 * MIB,
        ge=64 * MIB,
        description="Memory of one query of a reader, which its settings can't raise.",
    )
    reader_query_seconds_max: int = Field(
        default=60,
        ge=1,
        le=86400,
        description="Time of one query of a reader, which its settings can't raise.",
    )
    query_threads_max: int = Field(
        default=0,
        ge=0,
        le=1024,
        description="Threads of one query; 0 is one per core. Lower it to leave cores to others.",
    )
    background_threads: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Threads that merge parts. Raise it when parts pile up under heavy inserts.",
    )
    session_seconds_max: int = Field(
        default=3600,
        ge=1,
        le=86400,
        description="Longest life of an idle session (`session_id`) that a client may ask for.",
    )
    sessions_max: int = Field(
        default=256,
        ge=1,
        le=65536,
        description="Sessions kept at once; the oldest idle one makes room for a new one.",
    )
    stop_seconds_max: float = Field(
        default=10.0,
        ge=0,
        le=600,
        description="On SIGTERM, time for running queries to end before they are killed.",
    )
