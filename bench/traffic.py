"""The requests the load generator sends, in the shapes of real ones.

Browsers' pixel GETs (about 770 bytes), the pixel as proxies of mail fetch it, beacons as pages POST
them, and batches as servers do. A connection stands for one client, so its header block (user
agent, cookie, language) is the same on every request and differs from other connections'. The query
or body differs on every request. All comes from a seed, so each peer gets the same bytes. Knows
nothing of sockets.
"""

import json
import random
import uuid
from typing import Any
from urllib.parse import quote

from bench.visitors import visitor_cookie

PATH = "/p.gif"
BEACON_PATH = "/p"
LINES = 4_096  # distinct request lines; they repeat after that
BATCHES = 256
BATCH_EVENTS = 20

_EVENTS = ("PageView", "PageView", "PageView", "AddToCart", "Search", "Purchase")
_SECTIONS = ("shoes/running", "shoes/trail", "jackets/rain", "sale/summer", "blog/how-to-choose")
_REFERRERS = ("https://www.google.com/", "https://www.bing.com/", "https://news.example.org/today")
_PLATFORMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
)
_LANGUAGES = ("en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.6", "pt-BR,pt;q=0.9,en;q=0.7")
_MAIL_AGENTS = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/5.0",  # Apple's Mail Privacy Protection
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
)


def request_lines(seed: int = 1, count: int = LINES) -> list[bytes]:
    """Return `count` different request lines."""
    source = random.Random(seed)
    return [f"GET {PATH}?{_query(source, number)} HTTP/1.1\r\n".encode() for number in range(count)]


def header_block(seed: int, *, keep_alive: bool) -> bytes:
    """Return the headers one browser sends, with the empty line that ends them."""
    source = random.Random(seed)
    visitor = uuid.UUID(int=source.getrandbits(128), version=4)
    headers = {
        "Host": "pixel.shop.example",
        "Connection": "keep-alive" if keep_alive else "close",
        "sec-ch-ua": '"Chromium";v="124", "Google Chrome";v="124"',
        "sec-ch-ua-mobile": "?0",
        "sec-ch-ua-platform": '"Windows"',
        "User-Agent": browser_agent(source),
        "Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Dest": "image",
        "Referer": "https://www.shop.example/",
        "Accept-Encoding": "gzip, deflate, br",
        "Accept-Language": source.choice(_LANGUAGES),
        "Cookie": f"hg={visitor_cookie(visitor)}",
    }
    return _block(headers)


def mail_requests(seed: int) -> list[tuple[bytes, bytes]]:
    """Return opened mails: campaign, message and recipient in the query."""
    source = random.Random(seed)
    return [
        (
            f"GET {PATH}?e=Open&cid=news-{source.randrange(50)}&mid={source.getrandbits(64):x}"
            f"&rid={source.getrandbits(64):x}&site=shop HTTP/1.1\r\n".encode(),
            b"",
        )
        for _ in range(LINES)
    ]


def mail_headers(seed: int, keep_alive: bool) -> bytes:
    """Return what a proxy of mail sends: no cookie, no referrer, little else."""
    return _block(
        {
            "Host": "pixel.shop.example",
            "Connection": "keep-alive" if keep_alive else "close",
            "User-Agent": random.Random(seed).choice(_MAIL_AGENTS),
            "Accept": "image/*,*/*;q=0.8",
            "Accept-Encoding": "gzip, deflate",
        }
    )


def beacon_requests(seed: int) -> list[tuple[bytes, bytes]]:
    """Return one event each, as `navigator.sendBeacon` posts it."""
    source = random.Random(seed)
    return [_post(json.dumps(_event(source, number))) for number in range(LINES)]


def beacon_headers(seed: int, keep_alive: bool) -> bytes:
    """Return what a page's browser sends with a beacon."""
    source = random.Random(seed)
    return _block(
        {
            "Host": "pixel.shop.example",
            "Connection": "keep-alive" if keep_alive else "close",
            "User-Agent": browser_agent(source),
            "Content-Type": "text/plain;charset=UTF-8",
            "Accept": "*/*",
            "Origin": "https://www.shop.example",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
            "Referer": "https://www.shop.example/",
            "Accept-Encoding": "gzip, deflate, br",
            "Accept-Language": source.choice(_LANGUAGES),
            "Cookie": f"hg={visitor_cookie(uuid.UUID(int=source.getrandbits(128), version=4))}",
        }
    )


def batch_requests(seed: int) -> list[tuple[bytes, bytes]]:
    """Return lists of `BATCH_EVENTS` events, as a server posts them."""
    source = random.Random(seed)
    return [
        _post(json.dumps([_event(source, number + n) for n in range(BATCH_EVENTS)]))
        for number in range(0, BATCHES * BATCH_EVENTS, BATCH_EVENTS)
    ]


def batch_headers(_: int, keep_alive: bool) -> bytes:
    """Return what a server's HTTP client sends."""
    return _block(
        {
            "Host": "pixel.shop.example",
            "Connection": "keep-alive" if keep_alive else "close",
            "User-Agent": "python-requests/2.32.3",
            "Content-Type": "application/json",
            "Accept": "*/*",
        }
    )


def browser_agent(source: random.Random) -> str:
    """Return the user agent of one of some 130 browsers."""
    engine = "AppleWebKit/537.36 (KHTML, like Gecko)"
    chrome = f"Chrome/{source.randrange(90, 134)}.0.0.0"
    return f"Mozilla/5.0 ({source.choice(_PLATFORMS)}) {engine} {chrome} Safari/537.36"


def _query(source: random.Random, number: int) -> str:
    event = _event(source, number)
    page, referrer = (quote(event[name], safe="") for name in ("u", "r"))
    value = f"&v={event['v']}&c=EUR" if "v" in event else ""
    return f"e={event['e']}&u={page}&r={referrer}{value}&site=shop"


def _event(source: random.Random, number: int) -> dict[str, Any]:
    page = f"https://www.shop.example/{source.choice(_SECTIONS)}/{number}?utm_source=news"
    referrer = source.choice(_REFERRERS)
    event: dict[str, Any] = {"e": source.choice(_EVENTS), "u": page, "r": referrer, "site": "shop"}
    if event["e"] == "Purchase":
        event |= {"v": source.randrange(100, 20_000) / 100, "c": "EUR"}
    return event


def _post(body: str) -> tuple[bytes, bytes]:
    head = f"POST {BEACON_PATH} HTTP/1.1\r\nContent-Length: {len(body)}\r\n"
    return head.encode(), body.encode()


def _block(headers: dict[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
