"""`python -m deploy.kafka` (`make kafka`): Kafka in the foreground until Ctrl-C or SIGTERM.

Environment: `BROKERS` (1 or 3), `KAFKA_PORT` (the first broker's, default 9092; 0: free ones),
`KAFKA_DATA` (the folder, default `data/kafka`; what was sent is there again after a restart). With
`KAFKA_BOOTSTRAP` set there is a cluster already: says so and starts none.
"""

import os
import signal
import sys
from pathlib import Path

from deploy.kafka.cluster import Cluster, fixed_nodes, free_nodes
from deploy.kafka.jars import KafkaUnavailable

PORT_DEFAULT = 9092
DATA_DEFAULT = "data/kafka"


def main() -> int:
    """Run until asked to stop; return the exit status."""
    existing = os.environ.get("KAFKA_BOOTSTRAP")
    if existing:
        say(f"KAFKA_BOOTSTRAP is set: using the Kafka at {existing}")
        return 0
    brokers = os.environ.get("BROKERS", "1")
    if brokers not in ("1", "3"):
        return refuse(f"BROKERS is {brokers!r}: 1 or 3 are possible")
    folder = Path(os.environ.get("KAFKA_DATA", DATA_DEFAULT)) / f"brokers-{brokers}"
    port = os.environ.get("KAFKA_PORT", str(PORT_DEFAULT))
    if not port.isdecimal():
        return refuse(f"KAFKA_PORT is {port!r}: a number is needed")
    # Also SIGINT: a shell that puts a command in the background has it ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    count = int(brokers)
    nodes = fixed_nodes(count, int(port)) if int(port) else free_nodes(count)
    cluster = Cluster(folder, nodes)
    say(f"starting Apache Kafka, {brokers} broker(s), data and logs in {folder}")
    try:
        with cluster:
            say(f"ready: HELIOGRAPH_KAFKA_BOOTSTRAP={cluster.bootstrap} (Ctrl-C stops)")
            signal.pause()
    except KafkaUnavailable as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        say("stopped")
    return 0


def say(text: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"kafka: {text}\n")
    sys.stdout.flush()


def refuse(reason: str) -> int:
    """Say what is wrong; return the exit status for it."""
    sys.stderr.write(f"kafka: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
