"""The capacity model: a workload and unit costs in, machines and bytes out. Pure arithmetic.

Every formula here is explained in docs/capacity.md. CPU and network are planned for the peak, with
what waited in an outage on top; disks for the mean. CPU after the journal is taken to grow with a
hit's bytes. Knows nothing of flags or of how a plan is printed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf

from deploy.capacity_workload import Workload

MONTH_SECONDS = 30 * 86_400
MEGA = 1_000_000

Costs = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Machines of one kind. What is "of one machine" holds while the spare ones are away."""

    machines: int
    """With the spare ones."""
    processes: int
    """Workers, brokers, consumers or servers, over the machines in use."""
    busy_cores: float
    """Over all machines, while an outage is made up for at the peak."""
    memory_bytes: float
    """Of one machine."""
    disk_bytes: float
    """Of one machine."""
    bits_per_second: float
    """In and out of one machine, as `busy_cores`."""
    bound_by: str
    """What decides how many there are."""
    hits_per_second_max: float
    """What the machines in use do when nothing of them is left idle."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What bears a workload."""

    workload: Workload
    collectors: Fleet
    brokers: Fleet
    partitions: int
    consumers: Fleet
    stores: Fleet
    shards: int
    monthly_bytes: dict[str, float]
    outage_bytes: dict[str, float]

    @property
    def fleets(self) -> dict[str, Fleet]:
        """Return the fleets in the order that a hit meets them."""
        return {
            "collectors": self.collectors,
            "brokers": self.brokers,
            "consumers": self.consumers,
            "ClickHouse nodes": self.stores,
        }

    @property
    def catch_up_minutes(self) -> float:
        """How long after the outage nothing waits any more, if the slowest fleet gives its all."""
        slowest = min(fleet.hits_per_second_max for fleet in self.fleets.values())
        peak = self.workload.peak_per_second
        return self.workload.outage_minutes * peak / (slowest - peak) if slowest > peak else inf


def plan(load: Workload, cost: Costs) -> Plan:
    """Return what the workload needs at these costs."""
    wire_bytes = load.hit_bytes * cost["wire_share"] * cost["variety"]
    waiting = load.peak_per_second * load.outage_minutes * 60
    month = load.hits_per_second * MONTH_SECONDS
    row_bytes = _row_bytes(load, cost)
    brokers, consumers = _brokers(load, cost, wire_bytes), _consumers(load, cost, wire_bytes)
    stores = _stores(load, cost)
    return Plan(
        workload=load,
        collectors=_collectors(load, cost, wire_bytes),
        brokers=brokers,
        partitions=_multiple(max(2 * consumers.processes, brokers.machines), brokers.machines),
        consumers=consumers,
        stores=stores,
        shards=stores.machines // load.replication,
        monthly_bytes={
            "requests": month * cost["request_bytes"],
            "answers": month * cost["answer_bytes"],
            "into Kafka": month * wire_bytes,
            "between brokers": month * wire_bytes * (load.kafka_replication - 1),
            "into ClickHouse": month * load.hit_bytes,
            "new on ClickHouse's disks": month * row_bytes * load.replication,
        },
        outage_bytes={
            "in the journals, with Kafka away": waiting * load.hit_bytes,
            "in Kafka, with ClickHouse away": waiting * wire_bytes * load.kafka_replication,
        },
    )


def _collectors(load: Workload, cost: Costs, wire_bytes: float) -> Fleet:
    """The shipper shares the collector's machine, and so does the journal of an outage."""
    alone = load.new_connection_share
    answer_us = cost["pixel_us"] * (1 - alone) + cost["lone_pixel_us"] * alone
    ship_us = _scaled(load, cost, cost["ship_us"])
    answering = load.peak_per_second * answer_us / MEGA
    shipping = load.catch_up_per_second * ship_us / MEGA
    needed = max(ceil((answering + shipping) / load.utilisation / load.collector_cores), 1)
    workers = max(ceil(answering / load.utilisation), needed)
    connections = load.peak_per_second * alone * load.connection_seconds
    held_bytes = load.peak_per_second * load.outage_minutes * 60 * load.hit_bytes
    wire = cost["request_bytes"] + cost["answer_bytes"]
    return Fleet(
        machines=needed + load.spare,
        processes=workers,
        busy_cores=answering + shipping,
        memory_bytes=ceil(workers / needed) * cost["worker_bytes"]
        + cost["shipper_bytes"]
        + connections / needed * cost["connection_bytes"],
        disk_bytes=held_bytes / needed / load.disk_fill,
        bits_per_second=8
        * (load.peak_per_second * wire + load.catch_up_per_second * wire_bytes)
        / needed,
        bound_by="CPU",
        hits_per_second_max=(needed * load.collector_cores - answering) / ship_us * MEGA,
    )


def _brokers(load: Workload, cost: Costs, wire_bytes: float) -> Fleet:
    """Each copy of a record is written, and read: by the consumers, and by each follower."""
    copies = load.kafka_replication
    per_hit_us = _scaled(load, cost, cost["broker_write_us"] + cost["broker_read_us"]) * copies
    write_bytes_max = cost["broker_write_bytes_per_second"]
    kept = load.hits_per_second * wire_bytes * copies * load.kafka_hours * 3_600
    cores = load.catch_up_per_second * per_hit_us / MEGA
    needs = {
        "CPU": cores / load.utilisation / load.broker_cores,
        "bytes written": load.catch_up_per_second * wire_bytes * copies / write_bytes_max,
        "disk": kept / load.disk_fill / (load.broker_disk_tb * MEGA**2),
        "copies": copies,
    }
    needed, bound_by = _most(needs)
    return Fleet(
        machines=needed + load.spare,
        processes=needed,
        busy_cores=cores,
        memory_bytes=cost["broker_bytes"],
        disk_bytes=kept / needed / load.disk_fill,
        bits_per_second=8 * load.catch_up_per_second * wire_bytes * 2 * copies / needed,
        bound_by=bound_by,
        hits_per_second_max=needed
        * min(load.broker_cores / per_hit_us * MEGA, write_bytes_max / wire_bytes / copies),
    )


def _consumers(load: Workload, cost: Costs, wire_bytes: float) -> Fleet:
    per_hit_us = _scaled(load, cost, cost["consume_us"])
    cores = load.catch_up_per_second * per_hit_us / MEGA
    processes = max(ceil(cores / load.utilisation), 1)
    needed = ceil(processes / load.consumer_cores)
    through = load.catch_up_per_second * (load.hit_bytes + wire_bytes)
    return Fleet(
        machines=needed + load.spare,
        processes=processes,
        busy_cores=cores,
        memory_bytes=ceil(processes / needed) * cost["consumer_bytes"],
        disk_bytes=0.0,
        bits_per_second=8 * through / needed,
        bound_by="CPU",
        hits_per_second_max=processes / per_hit_us * MEGA,
    )


def _stores(load: Workload, cost: Costs) -> Fleet:
    """Shards times copies. Every copy bears a shard's inserts; queries have the CPU left."""
    per_hit_us = _scaled(load, cost, cost["insert_us"] + cost["merge_us"] * cost["merges"])
    cores = load.catch_up_per_second * per_hit_us / MEGA
    kept = load.hits_per_second * load.retention_days * 86_400 * _row_bytes(load, cost)
    needs = {
        "CPU of inserts": cores / load.insert_share / load.store_cores,
        "disk": kept / load.disk_fill / (load.store_disk_tb * MEGA**2),
    }
    shards, bound_by = _most(needs)
    return Fleet(
        machines=shards * load.replication,
        processes=shards * load.replication,
        busy_cores=cores * load.replication,
        memory_bytes=cost["store_bytes"],
        disk_bytes=kept / shards / load.disk_fill,
        bits_per_second=8 * load.catch_up_per_second * load.hit_bytes / shards,
        bound_by=bound_by,
        hits_per_second_max=shards * load.store_cores * load.insert_share / per_hit_us * MEGA,
    )


def _row_bytes(load: Workload, cost: Costs) -> float:
    """Return what a row takes on the disk of one copy."""
    return _scaled(load, cost, cost["row_bytes"]) * cost["variety"]


def _scaled(load: Workload, cost: Costs, per_hit: float) -> float:
    """Return a cost for the workload's hits, which may be larger than the measured ones."""
    return per_hit * load.hit_bytes / cost["hit_bytes"]


def _most(needs: Mapping[str, float]) -> tuple[int, str]:
    """Return how many machines, and what decides it."""
    bound_by = max(needs, key=lambda what: needs[what])
    return max(ceil(needs[bound_by]), 1), bound_by


def _multiple(count: int, step: int) -> int:
    return ceil(count / step) * step
