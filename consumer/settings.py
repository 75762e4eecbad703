"""Settings of the consumer and of the store it writes to: one row each.

Environment, flags, file and the reference page are derived from these rows (`deploy.settings`).
"""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.journal.settings import JournalSettings
from schemas.kafka_settings import KafkaSettings


def _is_url(text: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s]+(/[^?#\s]*)?", text):
        raise ValueError("http://host:port or https://host:port; user and password have their own")
    return text.rstrip("/")


def _is_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise ValueError("a database's name has ASCII letters, digits and _")
    return text


Url = Annotated[str, AfterValidator(_is_url)]
DatabaseName = Annotated[str, AfterValidator(_is_name)]


class ClickHouseSettings(BaseModel):
    """Where the hits are stored: the embedded store, a ClickHouse server or a cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Url = Field(
        "http://127.0.0.1:8123",
        description="ClickHouse's HTTP interface; the default is the embedded store's.",
    )
    database: DatabaseName = Field(
        "default", description="Database of the tables; made by the migration if it is missing."
    )
    user: str = Field("default", min_length=1, description="Who the consumer is to ClickHouse.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")
    request_timeout_seconds: float = Field(
        60,
        ge=1,
        le=3600,
        description="When an insert counts as unanswered and is tried again; raise it for a store "
        "that is slow rather than dead.",
    )
    compression: Literal["none", "lz4", "zstd"] = Field(
        "none",
        description="Of the inserts' bodies. `none` costs no CPU and suits a store on the same "
        "machine; `lz4` for one across a network, `zstd` where traffic is paid for.",
    )
    retention_days: int = Field(
        395,
        ge=0,
        le=36_500,
        description="Hits and dead letters older than this are deleted by ClickHouse; 0: never. "
        "The default keeps a year and a month, so that months compare with the year before.",
    )
    sites_file: Path | None = Field(
        None,
        description="The collector's file of sites, for sites with a retention of their own; read "
        "at start and on SIGHUP. `heliograph run` takes collector.sites_file.",
    )
    migrate_at_start: bool = Field(
        True,
        description="Whether the consumer applies migrations before it starts; turn it off where "
        "its user must not change tables, and run `heliograph migrate` yourself.",
    )


class ConsumerSettings(BaseModel):
    """How hits are moved to the store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["journal", "kafka"] = Field(
        "journal",
        description="Where hits come from: `journal`, this machine's journals; `kafka`, the topic "
        "that shippers fill (section kafka). Any number of consumers share the topic.",
    )
    admin_host: str = Field(
        "127.0.0.1", description="Address of /healthz, /readyz and /metrics of the consumer."
    )
    admin_port: int = Field(8082, ge=1, le=65535, description="Port of the admin endpoints.")
    batch_rows_max: int = Field(
        100_000,
        ge=1,
        le=1_000_000,
        description="A batch is written at this many hits; ClickHouse likes large ones.",
    )
    batch_bytes_max: int = Field(
        32 * 1024**2,
        ge=1024**2,
        le=512 * 1024**2,
        description="A batch is written at this size; lower it to save memory.",
    )
    batch_age_seconds_max: float = Field(
        0.5,
        ge=0,
        le=60,
        description="A batch is written when its first hit has waited this long: what freshness "
        "costs in inserts. Raise it if ClickHouse says there are too many parts.",
    )
    batches_in_memory_max: int = Field(
        4,
        ge=1,
        le=64,
        description="Batches of all journals that are in memory at once, so also inserts at once.",
    )
    poll_interval_seconds: float = Field(
        0.05, ge=0.001, le=10, description="How often an idle journal is looked at."
    )
    retry_seconds_min: float = Field(
        0.1, ge=0.001, le=60, description="Longest wait before the first retry; it doubles."
    )
    retry_seconds_max: float = Field(
        15, ge=0.01, le=600, description="Longest wait before any retry of a store that is away."
    )
    stop_seconds_max: float = Field(
        10,
        ge=0.1,
        le=600,
        description="How long the consumer may take to write what it has read when told to stop.",
    )
    handover_seconds_max: float = Field(
        3,
        ge=0.1,
        le=60,
        description="How long a batch under way may take when partitions are shared out anew; what "
        "is not done by then, the next owner of the partition does.",
    )
    away_seconds_max: float = Field(
        5,
        ge=0,
        le=3600,
        description="A store away for longer than this is reported as a problem.",
    )
    user_agents_seconds: float = Field(
        30,
        ge=0,
        le=86_400,
        description="How often user agents that are new are parsed, each once, into table "
        "`user_agents`; 0: never, `heliograph enrich` does it too.",
    )
    dead_letter_share_max: float = Field(
        0.5,
        ge=0,
        le=1,
        description="If the store refuses a larger share than this of a batch (of 100 hits and "
        "more), the consumer waits and says so: most likely the table is wrong, not the hits.",
    )


class ConsumerProcessSettings(BaseModel):
    """What the process reads from standard input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    journal: JournalSettings = JournalSettings()
    consumer: ConsumerSettings = ConsumerSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    kafka: KafkaSettings = KafkaSettings()

    @model_validator(mode="after")
    def _source_is_there(self) -> Self:
        if self.consumer.source == "kafka" and not self.kafka.bootstrap:
            raise ValueError("consumer.source is kafka, but kafka.bootstrap is empty")
        return self
