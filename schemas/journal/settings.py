"""Settings of the journal, which its writers and its readers share."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from schemas.setting_types import Texts


class JournalSettings(BaseModel):
    """Where hits are kept, and how long."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path = Field(
        Path("data/journal"),
        description="Folder of all journals, one per worker; a local disk, not a network one.",
    )
    segment_bytes_max: int = Field(
        64 * 1024 * 1024,
        ge=1024 * 1024,
        le=4 * 1024**3,
        description="A segment is closed at this size; smaller ones free the disk sooner.",
    )
    segment_age_seconds_max: float = Field(
        3600,
        ge=1,
        le=7 * 86400,
        description="A segment is closed at this age, so that a quiet journal's can be deleted.",
    )
    quota_bytes_max: int = Field(
        10 * 1024**3,
        ge=16 * 1024 * 1024,
        description="Bytes of one journal, beyond which hits are refused: how long the store or "
        "Kafka may be away.",
    )
    fsync_ms: int = Field(
        0,
        ge=0,
        le=60_000,
        description="Sync to the disk this often: what a power cut may take at most. 0: never "
        "(the operating system's own pace; a killed process loses nothing either way).",
    )
    write_ms_max: int = Field(
        200,
        ge=0,
        le=60_000,
        description="Once a write has taken longer than this, answers leave at this bound until "
        "the disk is well again, their hits at risk (in memory, counted). 0: answers always wait.",
    )
    readers: Texts[str] = Field(
        ("clickhouse",),
        description="Readers that must be done with a segment before it is deleted: `clickhouse` "
        "(the consumer), `kafka` (the shipper).",
    )
