"""Whose address a request came from, and how it is cut without consent."""

import pytest

from tests.support.built_hits import Bench

TRUSTED = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32")
CHAINS = [
    # peer, chain as sent, whose address it is
    ("198.51.100.9", "1.1.1.1", "198.51.100.9"),  # an untrusted peer is the client
    ("10.1.2.3", "", "10.1.2.3"),
    ("10.1.2.3", "1.1.1.1", "1.1.1.1"),
    ("10.1.2.3", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # what the client wrote is left of its address
    ("10.1.2.3", "6.6.6.6, 1.1.1.1, 10.9.9.9", "1.1.1.1"),
    ("10.1.2.3", "10.7.7.7, 10.9.9.9", "10.7.7.7"),  # all are proxies: the leftmost
    ("10.1.2.3", "6.6.6.6, garbage", "10.1.2.3"),  # nobody to believe
    ("10.1.2.3", "6.6.6.6, unknown, 10.9.9.9", "10.9.9.9"),
    ("10.1.2.3", "1.1.1.1:4711", "1.1.1.1"),
    ("10.1.2.3", "[2a00::5]:4711", "2a00::5"),
    ("10.1.2.3", "2a00::5", "2a00::5"),
    ("10.1.2.3", "::ffff:1.1.1.1", "1.1.1.1"),
    ("2001:db8::1", "1.1.1.1", "1.1.1.1"),
    ("::ffff:10.1.2.3", "1.1.1.1", "1.1.1.1"),
    ("2001:dba::1", "1.1.1.1", "2001:dba::1"),
    ("192.0.2.1", "1.1.1.1", "1.1.1.1"),
    ("192.0.2.2", "1.1.1.1", "192.0.2.2"),
]  # fmt: skip


@pytest.mark.parametrize(("peer", "chain", "client"), CHAINS)
@pytest.mark.parametrize("kind", ["x-forwarded-for", "forwarded"])
def test_the_client_behind_trusted_proxies(peer: str, chain: str, client: str, kind: str) -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header=kind)
    sent = chain
    if kind == "forwarded" and chain:
        sent = ", ".join(f'proto=https;For="{hop}";by=_x' for hop in chain.split(", "))
    members = bench.pixel("", (kind.encode(), sent.encode()), peer=peer)
    assert members["ip"] == client


@pytest.mark.parametrize("kind", ["x-forwarded-for", "forwarded"])
def test_no_proxy_is_believed_by_default(kind: str) -> None:
    bench = Bench(proxy_header=kind)
    members = bench.pixel("", (kind.encode(), b"for=1.1.1.1"), peer="10.1.2.3")
    assert members["ip"] == "10.1.2.3"


def test_the_other_header_is_ignored() -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header="forwarded")
    assert bench.pixel("", (b"X-Forwarded-For", b"6.6.6.6"), peer="10.0.0.1")["ip"] == "10.0.0.1"


def test_a_proxy_that_names_nobody_hides_what_the_client_wrote() -> None:
    bench = Bench(trusted_proxies=TRUSTED, proxy_header="forwarded")
    header = (b"Forwarded", b"for=6.6.6.6, proto=https;by=_proxy")
    assert bench.pixel("", header, peer="10.0.0.1")["ip"] == "10.0.0.1"


def test_header_lines_are_one_chain() -> None:
    bench = Bench(trusted_proxies=TRUSTED)
    lines = [(b"X-Forwarded-For", hop) for hop in (b"6.6.6.6", b"1.1.1.1", b"10.5.5.5")]
    assert bench.pixel("", *lines, peer="10.0.0.1")["ip"] == "1.1.1.1"


@pytest.mark.parametrize(
    ("address", "cut"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"), ("::1", "::"),
     ("::ffff:203.0.113.77", "203.0.113.0"), ("fe80::1%eth0", "fe80::")],
)  # fmt: skip
def test_an_address_without_consent_is_cut(address: str, cut: str) -> None:
    assert Bench(consent_default="denied").pixel("", peer=address)["ip"] == cut


def test_a_unix_socket_has_no_address() -> None:
    assert "ip" not in Bench().pixel("", peer="")
