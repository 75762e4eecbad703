"""Without consent nothing personal is on disk anywhere: journal, Kafka's log, ClickHouse, logs.

Hits of a visitor who refuses, in every way there is and on every endpoint, and some requests that
nobody understands; then each file and each table is searched for what would tell who it was. The
same hits of a visitor who consents are the control: a search that finds nothing must be able to.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import orjson
import pytest

from tests.support.all_in_one import AllInOneProcess
from tests.support.collector import CollectorProcess
from tests.support.kafka import cluster, committed_records
from tests.support.raw_http import RawConnection
from tests.support.shipper import ShipperProcess
from tests.support.visitors import cookie, write_secret
from tests.support.waiting import wait_until

TCF_NONE = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
# Each way to refuse: parameters, headers, cookies.
REFUSALS = [
    ("consent=denied", "", ""),
    ("consent=nonsense", "", ""),
    ("", "Sec-GPC: 1\r\n", ""),
    ("", "", "; hg_optout=1"),
    (f"gdpr=1&gdpr_consent={TCF_NONE}", "", ""),
    ("gdpr=1&gdpr_consent=damaged", "", ""),
    ("gpp=DBABBg~BAYAAABA.QA&gpp_sid=8", "", ""),
    ("us_privacy=1YYN", "", ""),
]
GRANT = ("consent=granted", "", "")


@dataclass(frozen=True, slots=True)
class Person:
    """What would tell who somebody is; every text is in no other's."""

    address: str
    visitor_id: str
    user_id: str
    recipient_id: str
    device: str
    secret: str

    @property
    def headers(self) -> str:
        """What the browser sends, but for cookies."""
        return (
            f"X-Forwarded-For: {self.address}\r\nUser-Agent: Mozilla/5.0 (Linux; Android 14; "
            f"{self.device}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.6613.127 Mobile "
            f'Safari/537.36\r\nSec-CH-UA: "{self.device}";v="128"\r\n'
            f"Referer: https://shop.example/a?email={self.secret}\r\n"
        )

    @property
    def ids(self) -> Mapping[str, str]:
        """What the page says of the person."""
        return {
            "uid": self.user_id,
            "rid": self.recipient_id,
            "r": f"https://news.example/?q={self.secret}#{self.secret}",
        }

    @property
    def needles(self) -> list[bytes]:
        """What must not be found, as text and, for the address, as ClickHouse has it."""
        texts = (self.address, self.visitor_id, self.user_id, self.recipient_id, self.device)
        binary = bytes(map(int, self.address.split(".")))
        return [*(text.encode() for text in (*texts, self.secret)), b"\xff\xff" + binary]


REFUSES = Person(
    "203.0.113.77", "01234567-89ab-4def-8123-456789abcdef", "user-4711-refuses",
    "recipient-0815-refuses", "SM-S918B-refuses", "joe-refuses",
)  # fmt: skip
CONSENTS = Person(
    "198.51.100.88", "ffffffff-89ab-4def-8123-456789abcdef", "user-4712-consents",
    "recipient-0816-consents", "SM-S918C-consents", "joan-consents",
)  # fmt: skip
SETTINGS = {
    "collector.trusted_proxies": "127.0.0.1/32",
    "collector.link_domains": "shop.example",
    "collector.workers": 1,
}


def fire(port: int, person: Person, way: tuple[str, str, str]) -> int:
    """Send a person's hits to every endpoint; return how many there are."""
    parameters, headers, cookies = way
    said = dict(pair.split("=", 1) for pair in parameters.split("&") if pair)
    values = {**person.ids, **said}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in values.items())
    sent = f"{person.headers}{headers}Cookie: hg={known(person)}{cookies}\r\n"
    link = quote(f"https://shop.example/?email={person.secret}", safe="")
    mail = quote(f"mailto:{person.secret}@shop.example", safe="")
    with RawConnection(port) as connection:
        for target in (f"/p.gif?{query}", f"/p.gif?{query}", f"/p.gif?u={mail}&{query}"):
            ask(connection, "GET", target, sent)
        ask(connection, "HEAD", f"/p.gif?{query}", sent)
        ask(connection, "GET", f"/r?u={link}&{query}", sent)
        ask(connection, "GET", f"/optout?{query}", sent)
        ask(connection, "POST", "/p", sent, orjson.dumps([values, {**values, "e": "B"}]))
        form = "Content-Type: application/x-www-form-urlencoded\r\n"
        ask(connection, "POST", "/p", sent + form, query.encode())
        if said:
            ask(connection, "POST", "/v1/consent", sent, orjson.dumps(values))
    return 9 if said else 8


def known(person: Person) -> str:
    return cookie(person.visitor_id).decode().partition("=")[2]


def ask(
    connection: RawConnection, method: str, target: str, headers: str, body: bytes = b""
) -> None:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: t.example\r\n{headers}{length}\r\n"
    connection.send(head.encode() + body)
    answer = connection.answer(head=method == "HEAD")
    assert answer.status in (200, 204, 302), (target, answer)


def confuse(port: int, person: Person) -> None:
    """Send what nobody understands: what a program says of it must not say who sent it."""
    sent = f"{person.headers}Cookie: hg={known(person)}\r\n"
    body = f'{{"uid":"{person.user_id}"'
    for request in (
        f"GET /p.gif?uid={person.user_id} HTTP/9.1\r\nHost: t\r\n{sent}\r\n",
        f"GET /p.gif HTTP/1.1\r\nHost: t\r\n{sent} {person.user_id}\r\n\r\n",
        f"GET /nowhere?uid={person.user_id} HTTP/1.1\r\nHost: t\r\n{sent}\r\n",
        f"GET /r?u=javascript:{person.user_id} HTTP/1.1\r\nHost: t\r\n{sent}\r\n",
        f"POST /p HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n{sent}\r\n{body}",
        f"POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n{sent}\r\n{body}",
        f"GET /p.gif?{'x' * 9000}{person.user_id} HTTP/1.1\r\nHost: t\r\n{sent}\r\n",
        f"\x16\x03\x01{person.user_id}\r\n\r\n",
    ):
        with RawConnection(port) as connection:
            connection.send(request.encode())
            connection.answer()


def fire_all(port: int) -> int:
    """Send everything of both; return how many hits that is."""
    confuse(port, REFUSES)
    return sum(fire(port, REFUSES, way) for way in REFUSALS) + fire(port, CONSENTS, GRANT)


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()


def tables(store: str) -> Iterator[tuple[str, bytes]]:
    """Yield each table that has data on disk, its rows as text: the files are compressed."""
    listed = asked(
        store, "SELECT database, name FROM system.tables WHERE engine LIKE '%MergeTree' FORMAT TSV"
    )
    for line in listed.decode().splitlines():
        database, name = line.split("\t")
        yield name, asked(store, f"SELECT * FROM `{database}`.`{name}` FORMAT JSONEachRow")


def asked(store: str, query: str) -> bytes:
    with urlopen(f"{store}/?query={quote(query)}", timeout=30) as answer:
        content: bytes = answer.read()
        return content


def search(places: Iterator[tuple[str, bytes]], *, control: str, missing: set[bytes]) -> None:
    """Fail if anything of who refuses is found, or too little of who consents in the control.

    `missing` are those of the needles that the control has in another form.
    """
    seen = set()
    for place, content in places:
        # Paths of Kafka's and ClickHouse's files may hold any bytes; only texts are looked for.
        for needle in REFUSES.needles:
            assert needle not in content, f"{needle!r} is in {place}"
        if re.search(control, place):
            seen |= {needle for needle in CONSENTS.needles if needle in content}
    assert set(CONSENTS.needles) - seen == missing


@pytest.mark.real
@pytest.mark.slow
def test_journal_store_and_logs(tmp_path: Path) -> None:
    settings = {**SETTINGS, "collector.secret_file": write_secret(tmp_path / "secret")}
    with AllInOneProcess(tmp_path, settings) as heliograph:
        hits = fire_all(heliograph.port)
        rows = heliograph.wait_for_rows("SELECT consent, event FROM hits", hits)
        assert len(rows) == hits
        assert sum(row["consent"] == "denied" for row in rows) == hits - 9
        binary = {CONSENTS.needles[-1]}
        search(tables(heliograph.store_url), control="^hits$", missing=binary)
        search(files(tmp_path), control=r"\.ndjson$", missing=binary)
    search(files(tmp_path), control=r"\.ndjson$", missing={CONSENTS.needles[-1]})


@pytest.mark.kafka
@pytest.mark.slow
def test_kafka(tmp_path: Path) -> None:
    settings = {**SETTINGS, "collector.secret_file": write_secret(tmp_path / "secret")}
    with (
        cluster(tmp_path / "kafka") as running,
        CollectorProcess(tmp_path, settings=settings) as collector,
    ):
        hits = fire_all(collector.port)
        shipper = ShipperProcess(
            collector.journal, bootstrap=running.bootstrap, topic="hits", compression="none"
        )
        with shipper:
            wait_until(lambda: shipper.metric("shipper_hits_total") == hits, 60.0, "all hits")
        assert len(committed_records(running.bootstrap, "hits")) == hits
        said = "\n".join(shipper.log).encode()
        assert not [needle for needle in REFUSES.needles if needle in said]
    search(files(tmp_path / "kafka"), control=r"hits-\d+/\d+\.log$", missing={CONSENTS.needles[-1]})
    search(files(tmp_path), control=r"\.ndjson$", missing={CONSENTS.needles[-1]})
