"""The requests the load generator sends: pixel GETs as browsers make them, about 770 bytes each.

A connection stands for one browser, so its header block (user agent, cookie, language) is the same
on every request and differs from other connections'. The query differs on every request, as real
pixels' do. All comes from a seed, so each peer gets the same bytes. Knows nothing of sockets.
"""

import random
import uuid
from urllib.parse import quote

PATH = "/p.gif"
LINES = 4_096  # distinct request lines; they repeat after that

_EVENTS = ("PageView", "PageView", "PageView", "AddToCart", "Search", "Purchase")
_SECTIONS = ("shoes/running", "shoes/trail", "jackets/rain", "sale/summer", "blog/how-to-choose")
_REFERRERS = ("https://www.google.com/", "https://www.bing.com/", "https://news.example.org/today")
_PLATFORMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
)
_LANGUAGES = ("en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.6", "pt-BR,pt;q=0.9,en;q=0.7")


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
        "Cookie": f"hg={visitor}",
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"


def browser_agent(source: random.Random) -> str:
    """Return the user agent of one of some 130 browsers."""
    engine = "AppleWebKit/537.36 (KHTML, like Gecko)"
    chrome = f"Chrome/{source.randrange(90, 134)}.0.0.0"
    return f"Mozilla/5.0 ({source.choice(_PLATFORMS)}) {engine} {chrome} Safari/537.36"


def _query(source: random.Random, number: int) -> str:
    page = f"https://www.shop.example/{source.choice(_SECTIONS)}/{number}?utm_source=news"
    referrer = source.choice(_REFERRERS)
    event = source.choice(_EVENTS)
    value = f"&v={source.randrange(100, 20_000) / 100}&c=EUR" if event == "Purchase" else ""
    return f"e={event}&u={quote(page, safe='')}&r={quote(referrer, safe='')}{value}&site=shop"
