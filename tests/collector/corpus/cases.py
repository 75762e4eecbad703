"""The corpus: requests as bytes, and what the RFCs ask for.

Each row's section is of RFC 9112 (HTTP/1.1) unless it names another. `expect` is one entry for
each answer: `GIF` (200 and a hit, as the lane answers a pixel), or a status; `any_of` are others
that the RFC allows. A row that `closes` must end with the server closing the connection; the others
must leave it usable (None: either). `test_corpus.py` sends each down the lane and down the
application, whole and in pieces.
"""

from dataclasses import dataclass

from tests.support.visitors import cookie

GIF = "GIF"
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One row. `methods` are those of its requests; `hits` counts what it leaves in the journal."""

    name: str
    section: str
    request: bytes
    expect: tuple[str | int, ...]
    closes: bool | None = False
    methods: tuple[str, ...] = ("GET",)
    beacon_hits: int = 0
    any_of: tuple[int, ...] = ()

    @property
    def hits(self) -> int:
        """How many lines the case leaves."""
        return self.expect.count(GIF) + self.beacon_hits


def pixel(target: bytes = b"/p.gif?e=Signup", *headers: bytes, method: bytes = b"GET") -> bytes:
    """Return a plain request for the pixel."""
    return b"\r\n".join(
        (method + b" " + target + b" HTTP/1.1", b"Host: t.example", *headers, b"", b"")
    )


def post(body: bytes, *headers: bytes) -> bytes:
    """Return a beacon with its Content-Length."""
    head = (b"POST /p HTTP/1.1", b"Host: t.example", b"Content-Length: %d" % len(body), *headers)
    return b"\r\n".join((*head, b"", body))


def raw(*lines: bytes, body: bytes = b"") -> bytes:
    """Return a head of these lines."""
    return b"\r\n".join((*lines, b"", body))


HOST = b"Host: t.example"
GET = b"GET /p.gif?e=Signup HTTP/1.1"
CLOSE = b"Connection: close"
BROWSER = (
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    b"Accept: image/avif,image/webp,*/*",
    b"Accept-Language: de-DE,de;q=0.8,en;q=0.3",
    b"Accept-Encoding: gzip, deflate, br",
    b"Referer: https://shop.example/cart?x=1",
    b"Cookie: a=b; " + cookie() + b"; c=d",
    b"Connection: keep-alive",
)
EVENT = b'{"e":"Buy","v":12.5,"c":"eur"}'


def _good() -> list[Case]:
    """Requests that get the pixel."""

    def row(
        name: str, section: str, request: bytes, closes: bool | None = False, head: bool = False
    ) -> Case:
        return Case(name, section, request, (GIF,), closes, ("HEAD" if head else "GET",))

    return [
        row("plain", "3", pixel()),
        row("browser", "5", pixel(b"/p.gif?e=Cart&u=https%3A%2F%2Fa.example%2F", *BROWSER)),
        row("no-query", "3.2.1", pixel(b"/p.gif")),
        row("empty-query", "3.2.1", pixel(b"/p.gif?")),
        row("question-in-query", "RFC 3986 3.4", pixel(b"/p.gif?e=a?b&u=/c?d")),
        row("semicolons", "RFC 3986 3.4", pixel(b"/p.gif?e=a;site=b")),
        row("repeated-parameter", "RFC 3986 3.4", pixel(b"/p.gif?e=one&e=two")),
        row("plus-and-percent", "WHATWG URL 5.1", pixel(b"/p.gif?e=a+b%20c%2Bd&p.x=%26%3D")),
        row("percent-in-name", "RFC 3986 2.1", pixel(b"/p.gif?%65=x&p%2Ename=y")),
        row("percent-utf8", "RFC 3986 2.1", pixel(b"/p.gif?e=K%C3%A4se%F0%9F%A7%80")),
        row("percent-not-utf8", "RFC 3986 2.1", pixel(b"/p.gif?e=%ff%fe&u=%80")),
        row("percent-broken", "RFC 3986 2.1", pixel(b"/p.gif?e=%&u=%4&r=%zz&site=100%")),
        row("percent-nul", "RFC 3986 2.1", pixel(b"/p.gif?e=a%00b&u=%0d%0aX-Y:z")),
        row("unwise-characters", "RFC 3986 2", pixel(b'/p.gif?e=<a>"{b}|\\^`[c]')),
        row("path-percent-encoded", "RFC 9110 4.2.3", pixel(b"/%70.gif?e=x")),
        row("fragment", "RFC 9110 4.2.5", pixel(b"/p.gif?e=a#b&u=c")),
        row("long-query", "3", pixel(b"/p.gif?u=" + b"x" * 5000)),
        row("two-spaces", "3", raw(b"GET  /p.gif HTTP/1.1", HOST)),
        row("line-at-limit", "3", pixel(b"/p.gif?u=" + b"x" * (8192 - 22))),
        row("head", "RFC 9110 9.3.2", pixel(method=b"HEAD"), head=True),
        row("leading-crlf", "2.2", b"\r\n" + pixel()),
        row("host-empty", "3.2", raw(GET, b"Host:")),
        row("host-port", "3.2", raw(GET, b"Host: t.example:8080")),
        row("host-ipv6", "3.2", raw(GET, b"Host: [::1]:8080")),
        row("header-names-in-capitals", "RFC 9110 5.1", raw(GET, b"HOST: x", b"USER-AGENT: y")),
        row("header-without-space", "5", raw(GET, b"Host:t", b"User-Agent:Agent")),
        row("header-with-tabs", "5", raw(GET, HOST, b"User-Agent:\t Agent \t ")),
        row("header-empty", "5", raw(GET, HOST, b"User-Agent:", b"Referer: ")),
        row("header-latin1", "RFC 9110 5.5", pixel(b"/p.gif", b"User-Agent: K\xe4se")),
        row("header-utf8", "RFC 9110 5.5", pixel(b"/p.gif", "Referer: https://ä.example/".encode())),
        row("header-many", "RFC 9110 5.4", pixel(b"/p.gif", *[b"X-%d: y" % n for n in range(100)])),
        row("two-cookies", "RFC 9113 8.2.3", pixel(
            b"/p.gif", b"Cookie: a=b", b"Cookie: hg_optout=1")),
        row("two-referers", "RFC 9110 5.3", pixel(b"/p.gif", b"Referer: a", b"Referer: b")),
        row("gpc", "GPC 3", pixel(b"/p.gif?uid=me", b"Sec-GPC: 1")),
        row("close", "9.3", pixel(b"/p.gif?e=x", b"Connection: close"), closes=True),
        row("close-in-capitals", "9.3", pixel(b"/p.gif?e=x", b"Connection: CLOSE"), closes=True),
        row("close-in-list", "9.3", pixel(b"/p.gif", b"Connection: foo, close"), closes=True),
        row("keep-alive", "9.3", pixel(b"/p.gif?e=x", b"Connection: keep-alive")),
        row("connection-other", "9.3", pixel(b"/p.gif?e=x", b"Connection: foo")),
        row("http10", "9.3", raw(b"GET /p.gif?e=x HTTP/1.0"), closes=True),
        row("http10-host", "9.3", raw(b"GET /p.gif?e=x HTTP/1.0", HOST), closes=True),
        row("http10-close", "9.3", raw(b"GET /p.gif HTTP/1.0", HOST, CLOSE), closes=True),
        row("http10-close-no-host", "9.3", raw(b"GET /p.gif HTTP/1.0", CLOSE), closes=True),
        row("http10-keep-alive", "9.3", raw(b"GET /p.gif HTTP/1.0", HOST, BROWSER[-1])),
        row("absolute-form", "3.2.2", raw(b"GET http://t.example/p.gif?e=x HTTP/1.1", HOST)),
        row("absolute-form-https", "3.2.2", raw(b"GET https://t.example/p.gif HTTP/1.1", HOST)),
        row("upgrade-h2c", "RFC 9110 7.8", pixel(
            b"/p.gif?e=x", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")),
        row("upgrade-not-in-connection", "RFC 9110 7.8", pixel(b"/p.gif", b"Upgrade: websocket")),
        row("get-with-body", "6", pixel(b"/p.gif?e=x", b"Content-Length: 5") + b"hello",
            closes=None),
        row("get-with-empty-body", "6.2", pixel(b"/p.gif?e=x", b"Content-Length: 0")),
        row("get-chunked", "7.1", pixel(
            b"/p.gif", b"Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n\r\n",
            closes=None),
        row("expect-continue", "RFC 9110 10.1.1", pixel(
            b"/p.gif?e=x", b"Expect: 100-continue", b"Content-Length: 2") + b"ab",
            closes=None),
    ]  # fmt: skip


def _other() -> list[Case]:
    """Requests for something else, and the beacon."""
    ok = raw(b"GET /robots.txt HTTP/1.1", HOST)
    return [
        Case("robots", "3", ok, (200,)),
        Case("favicon", "3", raw(b"GET /favicon.ico HTTP/1.1", HOST), (204,)),
        Case("not-found", "RFC 9110 15.5.5", raw(b"GET /p.gifx HTTP/1.1", HOST), (404,)),
        Case("not-found-deeper", "RFC 9110 15.5.5", raw(b"GET /p.gif/x HTTP/1.1", HOST), (404,)),
        Case("pixel-elsewhere", "RFC 9110 15.5.5", raw(b"GET /a/p.gif HTTP/1.1", HOST), (404,)),
        Case("post-to-pixel", "RFC 9110 15.5.6", raw(
            b"POST /p.gif HTTP/1.1", HOST, b"Content-Length: 0"), (405,), methods=("POST",)),
        Case("delete-pixel", "RFC 9110 15.5.6", raw(b"DELETE /p.gif HTTP/1.1", HOST), (405,)),
        Case("options-pixel", "RFC 9110 9.3.7", raw(b"OPTIONS /p.gif HTTP/1.1", HOST), (405,)),
        Case("connect", "3.2.3", raw(b"CONNECT t.example:443 HTTP/1.1", HOST), (405,), closes=None,
             any_of=(400, 404, 501)),
        Case("asterisk-form", "3.2.4", raw(b"OPTIONS * HTTP/1.1", HOST), (404,), any_of=(200, 400)),
        Case("post", "6.2", post(EVENT), (204,), beacon_hits=1),
        Case("post-two-events", "6.2", post(b"[" + EVENT + b"," + EVENT + b"]"), (204,),
             beacon_hits=2),
        Case("post-text-plain", "6.2", post(EVENT, b"Content-Type: text/plain;charset=UTF-8"),
             (204,), beacon_hits=1),
        Case("post-form", "6.2", post(
            b"e=Buy&v=1", b"Content-Type: application/x-www-form-urlencoded"),
             (204,), beacon_hits=1),
        Case("post-empty", "6.2", post(b""), (400,)),
        Case("post-not-json", "6.2", post(b"{"), (400,)),
        Case("post-too-large", "RFC 9110 15.5.14", post(b"x" * 1_000_000), (413,), closes=None),
        Case("post-chunked", "7.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Transfer-Encoding: chunked",
            body=b"5;ext=1\r\n" + EVENT[:5] + b"\r\n%x\r\n" % len(EVENT[5:]) + EVENT[5:]
            + b"\r\n0\r\nX-Trailer: y\r\n\r\n"), (204,), beacon_hits=1),
        Case("post-expect", "RFC 9110 10.1.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Expect: 100-continue",
            b"Content-Length: %d" % len(EVENT), body=EVENT), (204,), beacon_hits=1),
        Case("expect-unknown", "RFC 9110 10.1.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Expect: cake", b"Content-Length: 0"), (417,), True),
        Case("pipelined-pixels", "9.3.2", pixel() * 5, (GIF,) * 5),
        Case("pipelined-differing", "9.3.2", pixel(b"/p.gif?e=a") + pixel(b"/p.gif", *BROWSER)
             + pixel(b"/p.gif?e=c"), (GIF,) * 3),
        Case("pipelined-many", "9.3.2", pixel() * 100, (GIF,) * 100),
        Case("pixel-post-pixel", "9.3.2", pixel() + post(EVENT) + pixel(), (GIF, 204, GIF),
             beacon_hits=1),
        Case("pixel-head-robots", "9.3.2", pixel() + pixel(method=b"HEAD") + ok, (GIF, GIF, 200),
             methods=("GET", "HEAD", "GET")),
    ]  # fmt: skip


def _refusal(name: str, section: str, request: bytes, *statuses: int) -> Case:
    first, *others = statuses or (400,)
    return Case(name, section, request, (first,), True, any_of=tuple(others))


def _too_large_or_lost() -> list[Case]:
    """Requests over a limit, or to no host. All of these and the next end the connection."""
    row = _refusal
    return [
        row("line-too-long", "3", pixel(b"/p.gif?u=" + b"x" * (8192 - 8)), 414),
        row("raw-utf8", "3.2", pixel("/p.gif?e=Käse".encode())),
        row("raw-bytes", "3.2", pixel(b"/p.gif?e=\xff\xfe&u=\x80")),
        row("raw-bytes-head", "3.2", pixel(b"/p.gif?\xe4", method=b"HEAD")),
        row("two-user-agents", "RFC 9110 5.3", pixel(
            b"/p.gif", b"User-Agent: a", b"User-Agent: b")),
        row("line-far-too-long", "3", pixel(b"/p.gif?u=" + b"x" * 100_000), 414),
        row("header-too-large", "RFC 6585 5", pixel(b"/p.gif", b"X: " + b"y" * 17_000), 431),
        row("headers-too-large", "RFC 6585 5", pixel(b"/p.gif", *[b"X-%d: " % n + b"y" * 900
                                                                 for n in range(20)]), 431),
        row("headers-too-many", "RFC 6585 5", pixel(b"/p.gif", *[b"X-%d: y" % n
                                                                for n in range(200)]), 431, 400),
        row("host-missing", "3.2", raw(GET)),
        row("host-missing-browser", "3.2", raw(GET, *BROWSER)),
        row("host-twice", "3.2", raw(GET, HOST, HOST)),
        row("host-twice-differing", "3.2", raw(GET, HOST, b"Host: evil.example")),
        row("host-space", "3.2", raw(GET, b"Host: a b")),
        row("host-slash", "3.2", raw(GET, b"Host: a/b")),
        row("host-at", "3.2", raw(GET, b"Host: user@t.example")),
        row("host-comma", "3.2", raw(GET, b"Host: a, b")),
    ]  # fmt: skip


def _bodies() -> list[Case]:
    """Requests whose end two servers could see in two places (smuggling)."""
    row = _refusal
    length = b"Content-Length: "
    chunked = b"Transfer-Encoding: chunked"
    return [
        row("length-twice-differing", "6.3", raw(
            b"POST /p HTTP/1.1", HOST, length + b"5", length + b"6", body=b"hello!")),
        row("length-twice-on-get", "6.3", raw(GET, HOST, length + b"0", length + b"44")),
        row("length-and-chunked", "6.3", raw(
            b"POST /p HTTP/1.1", HOST, length + b"4", chunked, body=b"0\r\n\r\n")),
        row("length-and-chunked-get", "6.3", raw(
            GET, HOST, length + b"4", chunked, body=b"0\r\n\r\n")),
        row("length-negative", "6.2", raw(b"POST /p HTTP/1.1", HOST, length + b"-1")),
        row("length-plus", "6.2", raw(b"POST /p HTTP/1.1", HOST, length + b"+1", body=b"a")),
        row("length-hex", "6.2", raw(b"POST /p HTTP/1.1", HOST, length + b"0x5", body=b"hello")),
        row("length-list", "6.3", raw(b"POST /p HTTP/1.1", HOST, length + b"5, 6", body=b"hello")),
        row("length-huge", "6.2", raw(b"POST /p HTTP/1.1", HOST, length + b"9" * 40), 400, 413),
        row("coding-obscured", "6.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
            400, 501),
        row("coding-not-last", "6.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n")),
        row("coding-identity-get", "6.1", raw(GET, HOST, b"Transfer-Encoding: identity"), 400, 501),
        row("coding-space-in-name", "5.1", raw(
            b"POST /p HTTP/1.1", HOST, b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
        row("coding-http10", "6.1", raw(b"POST /p HTTP/1.0", HOST, chunked, body=b"0\r\n\r\n")),
        row("chunk-size-not-hex", "7.1", raw(b"POST /p HTTP/1.1", HOST, chunked, body=b"zz\r\n")),
        row("chunk-size-huge", "7.1", raw(
            b"POST /p HTTP/1.1", HOST, chunked, body=b"f" * 17 + b"\r\n")),
        row("chunk-too-long", "7.1", raw(
            b"POST /p HTTP/1.1", HOST, chunked, body=b"1\r\nabc\r\n0\r\n\r\n")),
        row("chunk-bare-lf", "7.1", raw(b"POST /p HTTP/1.1", HOST, chunked, body=b"1\na\n0\n\n")),
    ]  # fmt: skip


def _malformed() -> list[Case]:
    """Requests that are none."""
    row = _refusal
    return [
        row("obs-fold", "5.2", raw(GET, HOST, b"User-Agent: a", b" b")),
        row("obs-fold-first", "5.2", raw(GET, b" X: y", HOST)),
        row("bare-lf", "2.2", pixel().replace(b"\r\n", b"\n")),
        row("bare-lf-in-header", "2.2", raw(GET, b"Host: t\nX: y")),
        row("bare-lf-at-end", "2.2", raw(GET, HOST)[:-2] + b"\n\r\n"),
        row("bare-cr-in-header", "2.2", raw(GET, HOST, b"X: a\rb")),
        row("bare-cr-in-line", "2.2", raw(b"GET /p.gif?a\rb HTTP/1.1", HOST)),
        row("nul-in-header", "RFC 9110 5.5", raw(GET, HOST, b"User-Agent: a\0b")),
        row("nul-in-target", "3.2", raw(b"GET /p.gif?a\0b HTTP/1.1", HOST)),
        row("nul-first", "3", b"\0" + pixel()),
        row("control-in-header", "RFC 9110 5.5", raw(GET, HOST, b"User-Agent: a\x01b")),
        row("control-in-target", "3.2", raw(b"GET /p.gif?a\x7fb HTTP/1.1", HOST)),
        row("space-before-colon", "5.1", raw(GET, HOST, b"User-Agent : a")),
        row("space-in-name", "5.1", raw(GET, HOST, b"User Agent: a")),
        row("name-empty", "5.1", raw(GET, HOST, b": a")),
        row("name-not-token", "5.1", raw(GET, HOST, b"X(y): a")),
        row("name-high-byte", "5.1", raw(GET, HOST, b"X\xe4: a")),
        row("header-without-colon", "5", raw(GET, HOST, b"nonsense")),
        row("target-space", "3.2", raw(b"GET /p.gif?e=a b HTTP/1.1", HOST)),
        row("tab-in-line", "3", raw(b"GET\t/p.gif HTTP/1.1", HOST)),
        row("line-ends-with-space", "3", raw(b"GET /p.gif HTTP/1.1 ", HOST)),
        row("no-target", "3", raw(b"GET HTTP/1.1", HOST)),
        row("no-version", "3", raw(b"GET /p.gif", HOST)),
        row("authority-form-get", "3.2.3", raw(b"GET t.example:80 HTTP/1.1", HOST)),
        row("relative-target", "3.2", raw(b"GET p.gif HTTP/1.1", HOST)),
        row("version-2", "2.3", raw(b"GET /p.gif HTTP/2.0", HOST), 505, 400),
        row("version-19", "2.3", raw(b"GET /p.gif HTTP/1.9", HOST), 505, 400),
        row("version-lower-case", "2.3", raw(b"GET /p.gif http/1.1", HOST)),
        row("version-garbage", "2.3", raw(b"GET /p.gif HTTP/x.y", HOST)),
        row("method-lower-case", "3.1", raw(b"get /p.gif HTTP/1.1", HOST), 501, 400, 405),
        row("method-unknown", "RFC 9110 9.1", raw(b"BREW /p.gif HTTP/1.1", HOST), 501, 400, 405),
        row("method-not-token", "3.1", raw(b"G@T /p.gif HTTP/1.1", HOST)),
        row("garbage", "3", b"\x01\x02\x03garbage\xff\xfe\r\n\r\n"),
        row("tls-hello", "3", bytes.fromhex("16030100c4010000c00303") + bytes(range(186))
            + b"\r\n"),
        row("socks", "3", b"\x05\x01\x00\r\n\r\n"),
        row("http2-preface", "RFC 9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9,
            505, 400),
        row("proxy-protocol", "3", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + pixel()),
    ]  # fmt: skip


CASES = (*_good(), *_other(), *_too_large_or_lost(), *_bodies(), *_malformed())
