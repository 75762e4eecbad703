"""Settings of Kafka, which the shipper, the consumer and `deploy` share: one row each.

A combination that can't work, or would break a promise, is refused here, before anything starts.
Knows no client library.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.limits import LINE_BYTES_MAX

# What a record adds to its line: its key, lengths, and the header of a batch that holds it alone.
RECORD_OVERHEAD_BYTES = 256


class KafkaSettings(BaseModel):
    """Where Kafka is, how hits get there, and what its topic should be like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap: str = Field(
        "",
        pattern=r"^([^\s,:]+:\d+|\[[0-9a-fA-F:]+\]:\d+)?(,([^\s,:]+:\d+|\[[0-9a-fA-F:]+\]:\d+))*$",
        description="Brokers to begin with, as host:port,host:port; empty: Kafka is not used.",
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="`exactly-once`: a transaction per batch. `at-least-once`: none, so hits are "
        "visible some milliseconds sooner, and may be there twice after a crash.",
    )
    shippers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that ship; each takes a share of the journals. One ships more than "
        "100,000 hits a second, so raise it only when journals grow while Kafka is well.",
    )

    topic: str = Field(
        "hits", pattern=r"^[a-zA-Z0-9._-]{1,249}$", description="Topic the hits go to."
    )
    partitions: int = Field(
        12,
        ge=1,
        le=10_000,
        description="Partitions of the topic when it is created: the most consumers that can "
        "share it. More of them make batches smaller.",
    )
    replication: int = Field(
        0,
        ge=0,
        le=100,
        description="Copies of the topic when it is created; 0: three, or one if the cluster has "
        "fewer brokers than three.",
    )
    min_insync_replicas: int = Field(
        0,
        ge=0,
        le=100,
        description="Copies that must have a hit before it counts as sent; 0: two of three "
        "copies, one of fewer.",
    )
    retention_hours: int = Field(
        168,
        ge=1,
        description="How long the topic keeps hits when it is created: how long the consumer may "
        "be away.",
    )
    message_bytes_max: int = Field(
        1_048_588,
        ge=LINE_BYTES_MAX + RECORD_OVERHEAD_BYTES,
        le=64 * 1024 * 1024,
        description="Largest record batch (max.message.bytes) the topic takes when it is created; "
        "the default is Kafka's own.",
    )
    compression: Literal["zstd", "lz4", "none"] = Field(
        "zstd",
        description="How record batches are compressed: zstd is smallest, none takes the least CPU "
        "here and several times the network and disk.",
    )

    batch_bytes_max: int = Field(
        4 * 1024 * 1024,
        ge=LINE_BYTES_MAX,
        le=256 * 1024 * 1024,
        description="Journal bytes in one transaction; larger ones cost less, and more memory (a "
        "few times this per journal).",
    )
    record_batch_bytes_max: int = Field(
        512 * 1024,
        ge=16 * 1024,
        description="Uncompressed bytes of one partition's record batch; not over "
        "message_bytes_max.",
    )
    linger_ms: int = Field(
        100,
        ge=0,
        le=60_000,
        description="How long the first hit of a batch waits for more; lower is fresher, higher "
        "means fewer transactions.",
    )
    request_timeout_ms: int = Field(
        10_000,
        ge=100,
        le=300_000,
        description="How long a broker may take over one request before it counts as away.",
    )
    write_seconds_max: float = Field(
        60,
        ge=1,
        le=3600,
        description="How long one batch may take, retries included, before the connection is made "
        "anew.",
    )
    transaction_timeout_ms: int = Field(
        60_000,
        ge=1000,
        le=900_000,
        description="After this long Kafka itself ends the transaction of a shipper that died; "
        "until then readers don't see past it. Brokers allow 15 minutes unless told otherwise.",
    )
    retry_seconds_min: float = Field(
        0.1, ge=0.001, le=60, description="Wait before the second try; it doubles, with jitter."
    )
    retry_seconds_max: float = Field(
        10, ge=0.001, le=600, description="Longest wait between two tries."
    )
    away_seconds_max: float = Field(
        5, ge=0, le=3600, description="Kafka away for longer than this is reported as a problem."
    )
    stop_seconds_max: float = Field(
        10, ge=0.1, le=600, description="How long a shipper may finish its batches when it stops."
    )
    poll_interval_ms: int = Field(
        20, ge=1, le=10_000, description="How often a journal that is idle is looked at."
    )
    name_prefix: str = Field(
        "heliograph-journal-",
        pattern=r"^[a-zA-Z0-9._-]{1,200}$",
        description="Begins each journal's transactional id and group id, its identity follows: "
        "what access rules (ACLs) of the cluster allow by prefix.",
    )
    admin_host: str = Field(
        "127.0.0.1", description="Address of /healthz, /readyz and /metrics of the shipper."
    )
    admin_port: int = Field(8083, ge=1, le=65535, description="Port of the admin endpoints.")
    consumer_group: str = Field(
        "heliograph",
        pattern=r"^[a-zA-Z0-9._-]{1,249}$",
        description="Group of the consumers that fill ClickHouse; another name reads the topic "
        "from its start.",
    )

    fetch_bytes_max: int = Field(
        1024 * 1024,
        ge=16 * 1024,
        le=64 * 1024 * 1024,
        description="Bytes, as compressed, that the consumer fetches of one partition at once; it "
        "holds up to twice this for each of its partitions.",
    )
    session_timeout_ms: int = Field(
        10_000,
        ge=1000,
        le=1_800_000,
        description="A consumer that Kafka has not heard of for this long loses its partitions to "
        "the others. Brokers take 6 seconds to 30 minutes unless told otherwise.",
    )

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Kafka's own name for TLS (SSL) and a login (SASL)."
    )
    tls_ca_file: Path | None = Field(
        None, description="Authorities (PEM) that sign the brokers; empty: the system's."
    )
    tls_certificate_file: Path | None = Field(
        None, description="Our certificate (PEM), if brokers ask for one."
    )
    tls_key_file: Path | None = Field(None, description="Its key (PEM).")
    tls_key_password: SecretStr = Field(SecretStr(""), description="What the key is encrypted by.")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        "SCRAM-SHA-512", description="How to log in, with a security_protocol that has SASL."
    )
    sasl_username: str = Field("", description="Who logs in (PLAIN, SCRAM).")
    sasl_password: SecretStr = Field(SecretStr(""), description="The password (PLAIN, SCRAM).")
    oauth_token_provider: str = Field(
        "",
        pattern=r"^([\w.]+:\w+)?$",
        description="Import path `module:Class` of an aiokafka token provider, made without "
        "arguments (OAUTHBEARER; AWS MSK's and Google's login helpers fit behind it).",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.record_batch_bytes_max > self.message_bytes_max:
            raise ValueError(
                f"record_batch_bytes_max is {self.record_batch_bytes_max}, more than "
                f"message_bytes_max ({self.message_bytes_max}): the topic would refuse batches"
            )
        if self.replication and self.min_insync_replicas > self.replication:
            raise ValueError(
                f"min_insync_replicas is {self.min_insync_replicas}, more than replication "
                f"({self.replication}): nothing could be sent"
            )
        if self.retry_seconds_min > self.retry_seconds_max:
            raise ValueError("retry_seconds_min is more than retry_seconds_max")
        if bool(self.tls_certificate_file) != bool(self.tls_key_file):
            raise ValueError("tls_certificate_file and tls_key_file are needed together")
        self._login_fits()
        return self

    def _login_fits(self) -> None:
        if not self.security_protocol.startswith("SASL"):
            if self.sasl_username or self.oauth_token_provider:
                raise ValueError(
                    f"security_protocol is {self.security_protocol}, which has no login: use "
                    "SASL_SSL (or SASL_PLAINTEXT), or leave the login out"
                )
        elif self.sasl_mechanism == "OAUTHBEARER":
            if not self.oauth_token_provider:
                raise ValueError("sasl_mechanism OAUTHBEARER needs oauth_token_provider")
        elif not (self.sasl_username and self.sasl_password.get_secret_value()):
            raise ValueError(
                f"sasl_mechanism {self.sasl_mechanism} needs sasl_username and sasl_password"
            )
