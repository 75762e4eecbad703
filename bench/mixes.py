"""The mixes of requests the load generator can send: who asks, and what an answer must be.

A mix is a list of shapes; each connection has one, in turn, so a shape's share of the list is its
share of the connections and, while arrivals are spread over them, of the requests. All but
`browsers` need a server that knows more than the pixel. Knows nothing of sockets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import traffic
from bench.answers import ACCEPTED, PIXEL, Expected


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of client."""

    name: str
    requests: Callable[[int], Sequence[tuple[bytes, bytes]]]
    """Takes a seed; what comes before and after the connection's headers in each request."""
    headers: Callable[[int, bool], bytes]
    """Takes a seed and whether the connection stays open; ends with the empty line."""
    expected: Expected
    hits: int = 1
    alone: bool = False
    """Always one request per connection, as proxies of mail do."""


BROWSER = Shape(
    "browser",
    lambda seed: [(line, b"") for line in traffic.request_lines(seed)],
    lambda seed, keep_alive: traffic.header_block(seed, keep_alive=keep_alive),
    PIXEL,
)
MAIL = Shape("mail", traffic.mail_requests, traffic.mail_headers, PIXEL, alone=True)
BEACON = Shape("beacon", traffic.beacon_requests, traffic.beacon_headers, ACCEPTED)
BATCH = Shape(
    "batch", traffic.batch_requests, traffic.batch_headers, ACCEPTED, traffic.BATCH_EVENTS
)

MIXES: Mapping[str, Sequence[Shape]] = {
    "browsers": [BROWSER],
    "mail": [MAIL],
    "beacons": [BEACON],
    "batches": [BATCH],
    # 14 browsers, 3 mail proxies, 2 beacons and 1 server of every 20.
    "mixed": [BROWSER] * 5 + [MAIL, BEACON] + [BROWSER] * 5 + [MAIL, BATCH, BEACON, MAIL]
    + [BROWSER] * 4,
}  # fmt: skip


def hits_per_request(mix: str) -> float:
    """Return how many hits a request of the mix carries, in the mean over its connections."""
    shapes = MIXES[mix]
    return sum(shape.hits for shape in shapes) / len(shapes)
