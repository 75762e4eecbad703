"""The partitions that are ours now: one pump each, from being given to being taken.

A membership lives until something is unclear; then all pumps end, it is closed, and another one is
opened after a wait. At a rebalance every partition is given up and recalled anew, also those that
come back: what the next owner reads in the group is then all there is to know.

Must not know what a pump does.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from aiokafka.errors import KafkaError

from consumer.kafka_errors import explain
from consumer.kafka_fetcher import Feed, Fetcher, FetchLimits
from consumer.kafka_member import Lease, Member
from consumer.kafka_source import KafkaSource, Partition
from schemas.delivery import SourceAway, SourceLost, Span
from schemas.kafka_client import LastWords, SettingUnusable
from schemas.kafka_settings import KafkaSettings
from schemas.pump import Clock, Pump

log = logging.getLogger(__name__)

AWAY = (KafkaError, SourceAway, SourceLost, SettingUnusable, TimeoutError, OSError)
LOOK_INTERVAL_SECONDS = 0.5
TOPIC_INTERVAL_SECONDS = 5.0


class Leased:
    """A partition under the lease it was given by."""

    def __init__(self, member: Member, fetcher: Fetcher, partition: int, lease: Lease) -> None:
        self.name = member.source_name(partition)
        self.feed: Feed = fetcher.feed(partition)
        self._member = member
        self._fetcher = fetcher
        self._partition = partition
        self._lease = lease

    async def span(self) -> Span:
        """See `Member.span`."""
        return await self._member.span(self._partition)

    async def committed(self) -> tuple[int, str] | None:
        """See `Member.committed`."""
        return await self._member.committed(self._partition)

    async def commit(self, offset: int, metadata: str) -> None:
        """See `Member.commit`."""
        await self._member.commit(self._partition, offset, metadata, self._lease)

    def drop(self) -> None:
        """Fetch nothing more of it."""
        self._fetcher.drop(self.feed)


class Partitions:
    """Runs a pump for each partition given to us; `pumps` and `sources` are by partition."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        source_of: Callable[[Partition], KafkaSource],
        pump_of: Callable[[KafkaSource], Pump],
        handover_seconds_max: float,
        clock: Clock,
        last_words: LastWords,
    ) -> None:
        self.pumps: dict[int, Pump] = {}
        self.sources: dict[int, KafkaSource] = {}
        self.rebalances = 0
        self.memberships = 0
        # What keeps us from being a member, since `trouble_since`; empty if nothing does.
        self.trouble = ""
        self.trouble_since = 0.0
        self._settings = settings
        self._source_of = source_of
        self._pump_of = pump_of
        self._handover_seconds_max = handover_seconds_max
        self._clock = clock
        self._last_words = last_words
        # Of the membership, and of the generation in it.
        self._member: Member | None = None
        self._fetcher: Fetcher | None = None
        self._lease: Lease | None = None
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._give_up = asyncio.Event()
        self._changed = asyncio.Event()
        self._topic_in_doubt = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Pump until `stop` is set and every pump has returned; raises what a pump raises."""
        attempt = 0
        while not stop.is_set():
            begun = self.memberships
            try:
                await self._life(stop)
            except (
                KafkaError,
                SourceAway,
                SourceLost,
                SettingUnusable,
                TimeoutError,
                OSError,
            ) as error:
                self._say(explain(error, self._settings, self._last_words))
            attempt = 0 if self.memberships > begun else attempt + 1
            await self._wait(attempt, stop)

    async def given(self, partitions: Collection[int]) -> None:
        """Begin with these partitions."""
        assert self._member is not None
        assert not self._tasks, "partitions are given before the last were taken"
        self.rebalances += 1
        self._lease = self._member.lease()
        self._give_up = asyncio.Event()
        for partition in sorted(partitions):
            self._start(partition)
        log.info("partitions of %s: %s", self._settings.topic, sorted(partitions) or "none")
        self._changed.set()

    async def taken(self) -> None:
        """Finish what is under way, within the bound for a hand-over; drop the rest."""
        await self._end_pumps(self._handover_seconds_max)

    async def _life(self, stop: asyncio.Event) -> None:
        """Be a member until `stop` is set or the membership has to be renewed."""
        settings = self._settings
        self._member = member = Member(
            settings,
            self,
            rebalance_seconds=self._handover_seconds_max + settings.session_timeout_ms / 1000,
        )
        fetching: asyncio.Task[None] | None = None
        try:
            if not await _unless(stop, member.start()):
                return
            self._fetcher = Fetcher(
                member.client,
                settings.topic,
                member.topic_id,
                FetchLimits(settings.fetch_bytes_max, settings.retry_seconds_min),
                topic_unknown=self._topic_in_doubt.set,
            )
            fetching = asyncio.create_task(self._fetcher.run())
            self.memberships += 1
            self.trouble = ""
            await self._watch(member, fetching, stop)
        finally:
            member.closing = True
            try:
                await self._end_pumps(None if stop.is_set() else self._handover_seconds_max)
            finally:
                if fetching is not None:
                    fetching.cancel()
                    await asyncio.gather(fetching, return_exceptions=True)
                await member.close()

    async def _watch(
        self, member: Member, fetching: asyncio.Task[None], stop: asyncio.Event
    ) -> None:
        """Return when `stop` is set or the membership is over; raises what any part met."""
        looked_at = self._clock.monotonic()
        while not (stop.is_set() or member.renew.is_set()):
            self._changed.clear()
            waits = [
                asyncio.ensure_future(event.wait())
                for event in (stop, member.renew, self._changed, self._topic_in_doubt)
            ]
            pause = asyncio.ensure_future(self._clock.sleep(LOOK_INTERVAL_SECONDS))
            try:
                await asyncio.wait(
                    (*waits, pause, fetching, *self._tasks.values()),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                for one in (*waits, pause):
                    one.cancel()
            if fetching.done():
                fetching.result()
            self._reap()
            member.check()
            now = self._clock.monotonic()
            if self._topic_in_doubt.is_set() or now - looked_at > TOPIC_INTERVAL_SECONDS:
                looked_at = now
                self._topic_in_doubt.clear()
                if not await _unless(stop, self._check_topic(member)):
                    return
        member.check()

    async def _check_topic(self, member: Member) -> None:
        """Ask for a renewal if the topic is another one now."""
        if await member.ask_topic_id() != member.topic_id:
            log.error("topic %s was deleted and made anew", self._settings.topic)
            member.renew.set()

    def _start(self, partition: int) -> None:
        assert self._member is not None
        assert self._fetcher is not None
        assert self._lease is not None
        leased = Leased(self._member, self._fetcher, partition, self._lease)
        source = self._source_of(leased)
        pump = self._pump_of(source)
        self.sources[partition], self.pumps[partition] = source, pump
        self._tasks[partition] = asyncio.create_task(pump.run(self._give_up))

    def _reap(self) -> None:
        """Raise what a pump raised; start one anew whose position is gone from the topic."""
        for partition, task in list(self._tasks.items()):
            if not task.done():
                continue
            task.result()
            del self._tasks[partition]
            if self.sources[partition].again and not self._give_up.is_set():
                self._start(partition)

    async def _end_pumps(self, seconds_max: float | None) -> None:
        """Tell all pumps to finish; cancel those that take longer. Raises what one raised."""
        self._give_up.set()
        tasks = list(self._tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=seconds_max)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self.pumps.clear()
        self.sources.clear()
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _say(self, trouble: str) -> None:
        if not self.trouble:
            self.trouble_since = self._clock.monotonic()
            log.warning("%s", trouble)
        self.trouble = trouble

    async def _wait(self, attempt: int, stop: asyncio.Event) -> None:
        settings = self._settings
        ceiling = min(
            settings.retry_seconds_max, settings.retry_seconds_min * 2 ** min(attempt, 30)
        )
        waits = [
            asyncio.ensure_future(stop.wait()),
            asyncio.ensure_future(self._sleep(ceiling * self._clock.random())),
        ]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()

    async def _sleep(self, seconds: float) -> bool:
        await self._clock.sleep(seconds)
        return True


async def _unless(stop: asyncio.Event, call: Coroutine[Any, Any, None]) -> bool:
    """Wait for a call, but not past `stop`; return whether it was done. Raises what it raises."""
    stopping = asyncio.ensure_future(stop.wait())
    calling = asyncio.ensure_future(call)
    try:
        await asyncio.wait((stopping, calling), return_when=asyncio.FIRST_COMPLETED)
        if calling.done():
            calling.result()
        return calling.done()
    finally:
        stopping.cancel()
        calling.cancel()
        await asyncio.gather(stopping, calling, return_exceptions=True)
