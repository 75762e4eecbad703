"""Two requests of Kafka's protocol that aiokafka lacks: metadata with topic ids, fetch by topic id.

A topic that is deleted and made anew has the same name and another id (KIP-516). Reading by id, a
position can't come to mean another record unseen. Both exist in Kafka 3.1 and later. Layouts are
those of Kafka's `FetchRequest.json` version 13 and `MetadataRequest.json` version 12.
"""

import base64
from collections.abc import Sequence
from io import BytesIO
from typing import Any

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

UUID_BYTES = 16
NO_UUID = bytes(UUID_BYTES)
READ_COMMITTED = 1


class Uuid(AbstractType):  # type: ignore[misc]
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """Return the bytes as they are."""
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        """Return the next sixteen bytes."""
        return data.read(UUID_BYTES)


def uuid_text(value: bytes) -> str:
    """Return an id as Kafka's own tools print it."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


_TAGS = ("tags", TaggedFields)


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("brokers", CompactArray(
            ("node", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()),
            _TAGS)),
        ("cluster_id", CompactString()),
        ("controller", Int32),
        ("topics", CompactArray(
            ("error_code", Int16), ("name", CompactString()), ("topic_id", Uuid),
            ("is_internal", Boolean),
            ("partitions", CompactArray(
                ("error_code", Int16), ("partition", Int32), ("leader", Int32),
                ("leader_epoch", Int32), ("replicas", CompactArray(Int32)),
                ("in_sync", CompactArray(Int32)), ("offline", CompactArray(Int32)), _TAGS)),
            ("operations", Int32), _TAGS)),
        _TAGS,
    )  # fmt: skip


class _Metadata(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 12
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", Uuid), ("name", CompactString()), _TAGS)),
        ("make_missing", Boolean),
        ("with_operations", Boolean),
        _TAGS,
    )


class TopicRequest(Request[_Metadata]):  # type: ignore[misc]
    """Asks for one topic by its name, without making it if it is missing."""

    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: Any) -> Any:
        """Return the request as it is sent."""
        return request_struct_class([(NO_UUID, self._topic, {})], False, False, {})


class _FetchResponse(Response):  # type: ignore[misc]
    API_KEY = 1
    API_VERSION = 13
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("error_code", Int16),
        ("session_id", Int32),
        ("topics", CompactArray(
            ("topic_id", Uuid),
            ("partitions", CompactArray(
                ("partition", Int32), ("error_code", Int16), ("high_watermark", Int64),
                ("last_stable", Int64), ("log_start", Int64),
                ("aborted", CompactArray(("producer_id", Int64), ("first_offset", Int64), _TAGS)),
                ("preferred_replica", Int32), ("records", CompactBytes), _TAGS)),
            _TAGS)),
        _TAGS,
    )  # fmt: skip


class _Fetch(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 1
    API_VERSION = 13
    RESPONSE_TYPE = _FetchResponse
    SCHEMA = Schema(
        ("replica", Int32), ("wait_ms_max", Int32), ("bytes_min", Int32), ("bytes_max", Int32),
        ("isolation", Int8), ("session_id", Int32), ("session_epoch", Int32),
        ("topics", CompactArray(
            ("topic_id", Uuid),
            ("partitions", CompactArray(
                ("partition", Int32), ("leader_epoch", Int32), ("offset", Int64),
                ("last_epoch", Int32), ("log_start", Int64), ("bytes_max", Int32), _TAGS)),
            _TAGS)),
        ("forgotten", CompactArray(
            ("topic_id", Uuid), ("partitions", CompactArray(Int32)), _TAGS)),
        ("rack", CompactString()),
        _TAGS,
    )  # fmt: skip


class FetchRequest(Request[_Fetch]):  # type: ignore[misc]
    """Asks for committed records of one topic from (partition, offset) pairs on."""

    API_KEY = 1

    def __init__(
        self,
        topic_id: bytes,
        offsets: Sequence[tuple[int, int]],
        *,
        wait_ms_max: int,
        bytes_max: int,
        partition_bytes_max: int,
    ) -> None:
        self._topic_id = topic_id
        self._offsets = offsets
        self._wait_ms_max = wait_ms_max
        self._bytes_max = bytes_max
        self._partition_bytes_max = partition_bytes_max

    def build(self, request_struct_class: Any) -> Any:
        """Return the request as it is sent: no session, any leader epoch."""
        partitions: list[tuple[Any, ...]] = [
            (partition, -1, offset, -1, -1, self._partition_bytes_max, {})
            for partition, offset in self._offsets
        ]
        return request_struct_class(
            -1, self._wait_ms_max, 1, self._bytes_max, READ_COMMITTED, 0, -1,
            [(self._topic_id, partitions, {})], [], "", {},
        )  # fmt: skip
