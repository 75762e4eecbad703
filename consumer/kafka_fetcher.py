"""Fetches pieces of partitions ahead of their readers: one request at a time to each broker.

A broker answers the requests of one connection in order, and holds a fetch back until there is
something to return; so one request asks for all partitions of that broker whose readers have room.
A reader's `Feed` holds at most `PIECES_MAX` pieces, which is the bound on memory here.

Knows nothing of rows or groups.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from consumer.kafka_protocol import FetchRequest
from consumer.kafka_records import Piece
from schemas.delivery import SourceAway

PIECES_MAX = 2
# How long a broker waits for news; a reader that begins meanwhile waits for as long.
WAIT_MS_MAX = 100
# All partitions of one request together.
REQUEST_BYTES_MAX = 16 * 1024 * 1024
CONNECTION = "fetch"

OUT_OF_RANGE = 1
NOT_ALLOWED = 29
UNKNOWN_TOPIC = frozenset((3, 100, 103))


class OutOfRange(Exception):
    """The partition holds no such offset: deleted by retention, or not there yet."""


class TopicUnknown(SourceAway):
    """The broker knows no topic of this id: made anew, or not known there yet."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How much is fetched of one partition at once, and how long to wait after an error."""

    partition_bytes_max: int
    retry_seconds: float


class Feed:
    """What is fetched of one partition ahead of its reader."""

    def __init__(self, partition: int, wake: Callable[[], None]) -> None:
        self.partition = partition
        self.arrived = asyncio.Event()
        # Where the partition ended, committed or not, at the last answer.
        self.high_watermark: int | None = None
        self._wake = wake
        self._pieces: deque[Piece] = deque()
        self._position: int | None = None
        self._error: Exception | None = None

    @property
    def wanted(self) -> int | None:
        """The offset to fetch from now, None if nothing is wanted."""
        idle = self._error is not None or len(self._pieces) >= PIECES_MAX
        return None if idle else self._position

    def oldest_ms(self) -> int | None:
        """Return when the first record that is fetched and not read was made, None if none is."""
        return self._pieces[0].time_ms if self._pieces else None

    def seek(self, position: int) -> None:
        """Drop what is there; fetch from here on."""
        self._pieces.clear()
        self._error = None
        self._position = position
        self.arrived.clear()
        self._wake()

    def put(self, asked: int, piece: Piece, high_watermark: int) -> None:
        """Take an answer for the offset `asked`; dropped if the reader went elsewhere since."""
        if asked != self.wanted:
            return
        self.high_watermark = high_watermark
        after = piece.next_offset
        if after > asked:
            self._pieces.append(piece)
            self._position = after
            self.arrived.set()

    def fail(self, asked: int, error: Exception) -> None:
        """Take an error for the offset `asked`; told once what is before it has been read."""
        if asked == self.wanted:
            self._error = error
            self.arrived.set()

    def take(self) -> Piece | None:
        """Return the next piece, None if none is there; raises what the fetch met, once."""
        if self._pieces:
            piece = self._pieces.popleft()
            self._settle()
            return piece
        error, self._error = self._error, None
        self._settle()
        if error is not None:
            raise error
        return None

    def _settle(self) -> None:
        if not self._pieces and self._error is None:
            self.arrived.clear()
        self._wake()


class Fetcher:
    """Serves the feeds of one topic. `topic_unknown` is told when a broker does not know its id."""

    def __init__(
        self,
        client: AIOKafkaClient,
        topic: str,
        topic_id: bytes,
        limits: FetchLimits,
        *,
        topic_unknown: Callable[[], None],
    ) -> None:
        self._client = client
        self._topic = topic
        self._topic_id = topic_id
        self._limits = limits
        self._topic_unknown = topic_unknown
        self._feeds: dict[int, Feed] = {}
        self._wanted = asyncio.Event()
        self._requests: dict[int, asyncio.Task[None]] = {}

    def feed(self, partition: int) -> Feed:
        """Return a new feed, in place of an earlier one."""
        feed = Feed(partition, self._wanted.set)
        self._feeds[partition] = feed
        return feed

    def drop(self, feed: Feed) -> None:
        """Fetch nothing more for this feed."""
        if self._feeds.get(feed.partition) is feed:
            del self._feeds[feed.partition]

    async def run(self) -> None:
        """Fetch until cancelled."""
        try:
            while True:
                self._wanted.clear()
                for node, feeds in self._by_leader().items():
                    if node not in self._requests:
                        task = asyncio.create_task(self._request(node, feeds))
                        self._requests[node] = task
                await self._wanted.wait()
                # What a reader asks for on receiving its piece goes into the same request.
                await asyncio.sleep(0)
        finally:
            for task in self._requests.values():
                task.cancel()
            await asyncio.gather(*self._requests.values(), return_exceptions=True)

    def _by_leader(self) -> Mapping[int, list[Feed]]:
        found: dict[int, list[Feed]] = {}
        for feed in self._feeds.values():
            if feed.wanted is None:
                continue
            place = TopicPartition(self._topic, feed.partition)
            leader = self._client.cluster.leader_for_partition(place)
            if leader is None or leader < 0:
                self._client.force_metadata_update()
                feed.fail(feed.wanted, SourceAway(f"{self._name(feed)} has no leader now"))
            else:
                found.setdefault(leader, []).append(feed)
        return found

    async def _request(self, node: int, feeds: Sequence[Feed]) -> None:
        asked = {feed.partition: (feed, feed.wanted) for feed in feeds if feed.wanted is not None}
        request = FetchRequest(
            self._topic_id,
            [(partition, position) for partition, (_, position) in asked.items()],
            wait_ms_max=WAIT_MS_MAX,
            bytes_max=REQUEST_BYTES_MAX,
            partition_bytes_max=self._limits.partition_bytes_max,
        )
        try:
            # Shielded: the library loses track of a connection whose making is cancelled.
            if not await asyncio.shield(self._client.ready(node, group=CONNECTION)):
                raise errors.NodeNotReadyError("no connection")
            answer = await self._client.send(node, request, group=CONNECTION)
            if answer.error_code:
                raise errors.for_code(answer.error_code)(f"error {answer.error_code}")
            self._deal_out(asked, answer.topics)
        except (KafkaError, TimeoutError, OSError, NotImplementedError) as error:
            reason = str(error) or type(error).__name__
            self._fail(asked.values(), SourceAway(f"Kafka's broker {node} is away: {reason}"))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(self._limits.retry_seconds)
        finally:
            del self._requests[node]
            self._wanted.set()

    def _deal_out(self, asked: Mapping[int, tuple[Feed, int]], topics: Iterable[Any]) -> None:
        for _, partitions, _ in topics:
            for partition, code, high, _, _, aborted, _, records, _ in partitions:
                feed, position = asked[partition]
                if code:
                    feed.fail(position, self._error(feed, position, code))
                else:
                    pairs = [(producer, first) for producer, first, _ in aborted or ()]
                    feed.put(position, Piece(position, records or b"", pairs), high)

    def _error(self, feed: Feed, position: int, code: int) -> Exception:
        name = self._name(feed)
        if code == OUT_OF_RANGE:
            return OutOfRange(f"{name} holds no offset {position}")
        if code in UNKNOWN_TOPIC:
            self._topic_unknown()
            return TopicUnknown(f"the leader of {name} does not know the topic (now)")
        if code == NOT_ALLOWED:
            return SourceAway(f"Kafka does not allow reading of topic {self._topic} (ACL: Read)")
        self._client.force_metadata_update()
        kind = errors.for_code(code)
        reason = f"error {code}" if kind is errors.UnknownError else kind.__name__
        return SourceAway(f"{name} can't be read from its leader now: {reason}")

    def _fail(self, asked: Iterable[tuple[Feed, int]], error: Exception) -> None:
        self._client.force_metadata_update()
        for feed, position in asked:
            feed.fail(position, error)

    def _name(self, feed: Feed) -> str:
        return f"{self._topic}-{feed.partition}"
