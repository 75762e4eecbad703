"""The header block reader: what it remembers says what the parser would have said."""

from hypothesis import given
from hypothesis import strategies as st

from collector.plain_head import BLOCKS_MAX, PlainHeadReader

LINES = st.sampled_from(
    [
        b"Host: a", b"Host: b", b"Host: a b", b"Connection: close", b"Connection: keep-alive",
        b"Connection: upgrade", b"Cookie: hg=1", b"Cookie: hg=2", b"cookie: hg=3", b"Cookie:hg=4",
        b"Cookie:  hg=5", b"Cookie: hg=6 ", b"Cookie: ", b"Cookie: \xe4", b"Cookie: a\x00b",
        b"Referer: https://a/", b"Referer: https://b/", b"referer: c", b"Referer: a\tb", b" folded",
        b"User-Agent: x", b"Sec-GPC: 1", b"Content-Length: 0", b"X: Cookie: y", b"Cookie : z",
        b"Referer: \rx", b"X: \ny", b"",
    ]
)  # fmt: skip
STARTS = st.sampled_from(
    [b"GET /p.gif?a", b"GET /p.gif?b", b"GET /p.gif?a b", b"GET /\x7f", b"GET /\xe4", b"PUT /"]
)
REQUESTS = st.builds(
    lambda start, lines: b"\r\n".join((start + b" HTTP/1.1", *lines, b"", b"")),
    STARTS,
    st.lists(LINES, max_size=6),
)


@given(st.lists(REQUESTS, min_size=1, max_size=4))
def test_a_block_that_is_remembered_says_the_same(requests: list[bytes]) -> None:
    reader = PlainHeadReader()
    for request in requests * 3:
        assert reader.read(request) == PlainHeadReader().read(request)


def test_clients_of_one_make_share_what_their_block_says() -> None:
    reader = PlainHeadReader()
    block = b"GET / HTTP/1.1\r\nHost: a\r\nReferer: %d\r\nUser-Agent: x\r\nCookie: hg=%d\r\n\r\n"
    for number in range(5):
        head = reader.read(block % (number, number))
        assert head is not None
        assert head[0][b"cookie"] == b"hg=%d" % number
        assert head[0][b"referer"] == b"%d" % number
    assert b"hg=" not in repr(vars(reader)["_blocks"]).encode()
    assert len(vars(reader)["_blocks"]) == 1


def test_what_is_remembered_is_bounded() -> None:
    reader = PlainHeadReader()
    for number in range(BLOCKS_MAX * 2):
        request = b"GET / HTTP/1.1\r\nHost: a\r\nX: %d\r\n\r\n" % number
        reader.read(request)
        reader.read(request)
    assert len(vars(reader)["_blocks"]) <= BLOCKS_MAX
    assert len(vars(reader)["_seen"]) <= BLOCKS_MAX
